from __future__ import annotations

from typing import Any

import attrs
import pytest

import symarch
from symarch.errors import MappingError
from symarch.mapping import resolve
from symarch.mapping.resolve import placed
from symarch.specs import System
from symarch.trace import Shard

MODEL = symarch.load_model("llama-3.1-8b")


def system(name: str = "h100-sxm-8", **changes: Any) -> System:
    return attrs.evolve(symarch.load_system(name), **changes)


def test_the_specs_tensor_degree_leaves_replicas_of_the_rest() -> None:
    for tensor, data in ((8, 1), (4, 2), (2, 4), (1, 8)):
        found = resolve(system(tensor=tensor), MODEL)
        assert (found.shard, found.data) == (Shard(tensor), data)
        assert found.networks == ({"tensor": "scale_up"} if tensor > 1 else {})


def test_a_silent_spec_shares_one_copy_among_all_and_says_so() -> None:
    found = resolve(system(tensor=None), MODEL)
    assert (found.shard.tensor, found.data) == (8, 1)
    assert "all 8 devices share one copy" in found.assumptions[0]
    alone = resolve(system("h100-sxm"), MODEL)
    assert (alone.shard.tensor, alone.data, alone.assumptions) == (1, 1, ())


def test_replicas_leave_a_tensor_degree() -> None:
    found = resolve(system(tensor=None, data=2), MODEL)
    assert (found.shard.tensor, found.data) == (4, 2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tensor": 3}, r"does not divide the 8 devices of h100-sxm-8; allowed: 1, 2, 4, 8$"),
        ({"tensor": 16}, "does not divide the 8 devices"),
        (
            {"tensor": 8, "data": 2},
            "tensor 8 x data 2 is 16, but h100-sxm-8 has 8 devices; mapping.tensor and mapping.data must multiply to 8",
        ),
        ({"tensor": None, "data": 3}, "has 8 devices"),
        ({"tensor": None, "data": 16}, "has 8 devices"),
        ({"tensor": 10**30}, "does not divide"),
    ],
)
def test_degrees_that_do_not_fit_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(MappingError, match=words):
        resolve(system(**changes), MODEL)


def test_more_replicas_than_devices_are_refused() -> None:
    with pytest.raises(MappingError, match=r"has 1 devices; mapping\.tensor and mapping\.data must multiply to 1"):
        resolve(system("h100-sxm", data=2), MODEL)


def test_a_refusal_is_quick_however_many_devices_there_are() -> None:
    spec = symarch.load_system("h100-sxm-8", {"scale_up.size": "1e9", "mapping.tensor": 7})
    with pytest.raises(MappingError, match="does not divide"):
        resolve(spec, MODEL)


def test_the_smallest_network_that_holds_the_shards_is_taken() -> None:
    spec = system(tensor=4)
    small = attrs.evolve(spec.components["scale_up"], name="small", size=4)
    two = attrs.evolve(spec, components={**spec.components, "small": small})
    assert resolve(two, MODEL).networks == {"tensor": "small"}
    assert resolve(attrs.evolve(two, tensor=8), MODEL).networks == {"tensor": "scale_up"}
    with pytest.raises(MappingError, match=r"fits no network .*\(scale_up 8, small 4\)"):
        resolve(attrs.evolve(two, tensor=16), MODEL)


def test_tensors_go_where_the_spec_says_or_to_the_only_memory() -> None:
    assert set(resolve(system(), MODEL).place.values()) == {"hbm"}
    found = resolve(system("h200-hbf-8"), MODEL).place
    # experts lie with the weights unless the spec says otherwise
    kept = {"kv_cache": "hbm", "activations": "hbm", "state": "hbm"}  # a recurrent state lies with the cache
    assert found == {"weights": "hbf", "experts": "hbf", **kept}
    moved = placed(system("h200-hbf-8"), {"kv_cache": "hbf"})
    assert resolve(moved, MODEL).place["kv_cache"] == "hbf"
    assert resolve(placed(system("h200-hbf-8"), {"experts": "hbm"}), MODEL).place["experts"] == "hbm"


def test_a_placement_in_a_memory_that_does_not_exist_is_refused() -> None:
    with pytest.raises(MappingError, match="unknown memory 'hbn'; did you mean"):
        placed(system(), {"weights": "hbn"})
    with pytest.raises(MappingError, match="unknown tensor class 'kv'"):
        placed(system(), {"kv": "hbm"})
