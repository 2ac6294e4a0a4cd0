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
        assert found.networks == (("scale_up",) if tensor > 1 else ())


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


def two_levels(**changes: Any) -> System:
    """Eight devices on each of four boards."""
    spec = system(**changes)
    rack = attrs.evolve(spec.components["scale_up"], name="rack", size=4)
    return attrs.evolve(spec, components={**spec.components, "rack": rack})


def groups(spec: System, model: Any = MODEL) -> dict[str, dict[str, int]]:
    found = resolve(spec, model).groups
    return {axis: {level.network: level.nodes for level in levels} for axis, levels in found.items()}


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({"tensor": 8}, {"tensor": {"scale_up": 8}, "data": {"rack": 4}}),
        ({"tensor": 4}, {"tensor": {"scale_up": 4}, "data": {"scale_up": 2, "rack": 4}}),
        ({"tensor": 16}, {"tensor": {"scale_up": 8, "rack": 2}, "data": {"rack": 2}}),
        ({"tensor": 8, "pipeline": 4}, {"tensor": {"scale_up": 8}, "pipeline": {"rack": 4}}),
        # the axis whose devices talk most comes first, and a network that holds an axis beats a part of a closer one
        ({"tensor": 4, "context": 4}, {"tensor": {"scale_up": 4}, "context": {"rack": 4}, "data": {"scale_up": 2}}),
        (
            {"tensor": 2, "pipeline": 2, "level": {"tensor": "rack", "pipeline": "scale_up"}},
            {"tensor": {"rack": 2}, "pipeline": {"scale_up": 2}, "data": {"scale_up": 4, "rack": 2}},
        ),
    ],
)
def test_axes_fill_networks_from_the_closest_on(changes: dict[str, Any], due: dict[str, dict[str, int]]) -> None:
    found = groups(two_levels(**changes))
    found.pop("group")
    assert found == due


def test_the_group_of_a_stage_is_all_that_share_its_experts() -> None:
    spec = two_levels(tensor=2, attention_data=8, expert=16)
    found = groups(spec, symarch.load_model("qwen3-30b-a3b"))
    assert found == {
        "tensor": {"scale_up": 2},
        "attention_data": {"scale_up": 4, "rack": 2},
        "data": {"rack": 2},
        "group": {"scale_up": 8, "rack": 2},
    }


def test_an_axis_that_does_not_fit_its_network_is_refused() -> None:
    words = r"tensor parallelism 8 does not fit network rack, where mapping.level .* allowed: 1, 2, 4$"
    with pytest.raises(MappingError, match=words):
        resolve(two_levels(tensor=8, level={"tensor": "rack"}), MODEL)


@pytest.mark.parametrize(
    ("changes", "model", "words"),
    [
        ({"pipeline": 8}, "llama-3.1-405b", r"pipeline parallelism 8 does not divide the 126 layers .*: 1, 2, 3, 6, 7"),
        ({"pipeline": 2, "tensor": 8}, "llama-3.1-8b", r"with tensor 8 does not divide the 8 devices .*allowed: 1$"),
        ({"pipeline": 2, "tensor": 2, "data": 4}, "llama-3.1-8b", r"tensor 2 x pipeline 2 x data 4 is 16"),
        ({"expert": 2}, "llama-3.1-8b", r"no routed experts; allowed: expert = 1"),
        (
            {"expert": 3, "tensor": 8},
            "qwen3-30b-a3b",
            r"expert parallelism 3 does not divide the 128 experts .*1, 2, 4, 8$",
        ),
        ({"tensor": None, "attention_data": 4, "context": 3}, "llama-3.1-8b", "context parallelism 3"),
        ({"context": 2, "tensor": 4}, "jamba-v0.1", "cannot be divided by context"),
        ({"pipeline": 2, "tensor": 4}, "whisper-large-v3", "has an encoder and is not cut into stages"),
        ({"microbatches": 4}, "llama-3.1-8b", "4 microbatches need a pipeline"),
    ],
)
def test_other_degrees_that_do_not_fit_are_refused(changes: dict[str, Any], model: str, words: str) -> None:
    with pytest.raises(MappingError, match=words):
        resolve(system(**{"tensor": 1, **changes}), symarch.load_model(model))


def test_tensors_go_where_the_spec_says_or_to_the_only_memory() -> None:
    assert set(resolve(system(), MODEL).place.values()) == {"hbm"}
    found = resolve(system("h200-hbf-8"), MODEL).place
    # experts lie with the weights unless the spec says otherwise
    kept = {"kv_cache": "hbm", "activations": "hbm", "state": "hbm"}  # a recurrent state lies with the cache
    assert found == {"weights": "hbf", "experts": "hbf", "embeddings": "hbf", **kept}
    moved = placed(system("h200-hbf-8"), {"kv_cache": "hbf"})
    assert resolve(moved, MODEL).place["kv_cache"] == "hbf"
    assert resolve(placed(system("h200-hbf-8"), {"experts": "hbm"}), MODEL).place["experts"] == "hbm"


def test_a_placement_in_a_memory_that_does_not_exist_is_refused() -> None:
    with pytest.raises(MappingError, match="unknown memory 'hbn'; did you mean"):
        placed(system(), {"weights": "hbn"})
    with pytest.raises(MappingError, match="unknown tensor class 'kv'"):
        placed(system(), {"kv": "hbm"})


@pytest.mark.parametrize(
    ("system", "model", "words"),
    [
        ("h200-sxm-8", "phi-4", r"allowed: 1, 2, 5, 10, 20, 40; mapping\.tensor=2 fits h200-sxm-8$"),
        (
            "h100-h200-apart",
            "qwen2.5-7b",
            r"allowed: 1, 2, 4; pool\.prefill\.tensor=4 fits h100-h200-apart \(prefill\)$",
        ),
        ("h200-sxm-8", "falcon-7b", r"allowed: 1, 71; mapping\.tensor=1 fits h200-sxm-8$"),
    ],
)
def test_a_degree_that_does_not_divide_a_model_says_which_would(system: str, model: str, words: str) -> None:
    with pytest.raises(MappingError, match=words) as caught:
        symarch.analyze(symarch.load_system(system), symarch.load_model(model)).evaluate()
    key, _, degree = str(caught.value).rpartition("; ")[2].partition(" ")[0].partition("=")
    keys = [key, "pool.decode.tensor"] if key.startswith("pool") else [key]
    taken = symarch.load_system(system, dict.fromkeys(keys, degree))
    assert symarch.analyze(taken, symarch.load_model(model)).evaluate().tpot
