"""The system of a row: its name in tables, its network, the library's own link preset."""

from __future__ import annotations

import pytest

from symarch.accuracy.machines import joined, machine
from symarch.errors import SymarchError
from symarch.specs import presets_of
from symarch.system import SystemGraph


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("h100_sxm", "h100-sxm"),
        ("a100-80gb", "a100-sxm"),
        ("Nvidia A100 GPU", "a100-sxm"),
        ("a100", "a100-sxm"),
        ("b200_sxm", "b200-sxm"),
        ("gb200", "gb200"),
        ("rtx_pro_6000_server", "rtx-pro-6000-server"),
        ("AMD MI300X GPU", "mi300x"),
        ("Nvidia GH200 GPU", "gh200"),
        ("h20_sxm", "h20-sxm"),
        ("mi355x", "mi355x"),
        ("tpu_v6e", "tpu-v6e"),
    ],
)
def test_names_of_tables_are_names_of_systems(label: str, name: str) -> None:
    assert machine(label).name == name


@pytest.mark.parametrize("label", ["x9000", "", "tpu", "Nvidia GPU"])
def test_a_name_that_says_nothing_is_refused(label: str) -> None:
    with pytest.raises(SymarchError, match=r"no system is named like"):
        machine(label)


@pytest.mark.parametrize("technology", ["gpu", "tpu"])
def test_every_processor_preset_has_a_system_of_its_own(technology: str) -> None:
    for name in presets_of(technology):
        if name == "rubin":  # announced; its stacks are those of the rack that is shipped
            continue
        assert machine(name).of("processor")[0].preset == name


@pytest.mark.parametrize(
    ("label", "bandwidth"),
    [  # TB/s of data sheets
        ("h100_sxm", 3.35),
        ("b300_sxm", 8),
        ("gb300", 8),
        ("mi300x", 5.3),
        ("l40s", 0.864),
        ("rtx_pro_6000_server", 1.597),
        ("b60", 0.456),
        ("tpu_v5e", 0.819),
        ("tpu_v5p", 2.765),
        ("tpu_v6e", 1.638),
        ("tpu7x", 7.37),
    ],
)
def test_memories_are_those_of_data_sheets(label: str, bandwidth: float) -> None:
    graph = SystemGraph.build(machine(label), lambda component, parameter, value: value)
    (memory,) = graph.memories.values()
    assert memory.read_bandwidth == pytest.approx(bandwidth * 1e12, rel=1e-9)


@pytest.mark.parametrize(
    ("label", "capacity"), [("b300_sxm", 288), ("gb300", 288), ("mi300x", 192), ("tpu_v6e", 32), ("l40s", 48)]
)
def test_capacities_are_those_of_data_sheets(label: str, capacity: float) -> None:
    graph = SystemGraph.build(machine(label), lambda component, parameter, value: value)
    (memory,) = graph.memories.values()
    assert memory.capacity == pytest.approx(capacity * 2**30, rel=1e-9)  # sold in binary units


def test_devices_are_joined_by_the_link_that_the_preset_names() -> None:
    system = joined("h100_sxm", 4)
    assert (system.devices, system.tensor) == (4, 4)
    assert system.components["scale_up"].preset == "nvlink4"
    assert joined("h100_sxm", 1).devices == 1


def test_a_library_with_a_preset_of_its_own_is_taken_with_it() -> None:
    assert joined("h100_sxm", 2, "nccl").components["scale_up"].preset == "nvlink4-nccl"
    assert joined("h100_sxm", 2, "vllm_custom_graph").components["scale_up"].preset == "nvlink4"
    assert joined("l40s", 2, "nccl").components["scale_up"].preset == "gen4-nccl"
    assert joined("mi300x", 2, "nccl").components["scale_up"].preset == "mi300x"


def test_serving_on_gh200_reads_the_cache_from_hbm() -> None:
    # tables of measurements name the product alone; runtimes keep the cache in HBM unless told otherwise
    assert set(machine("gh200").place.values()) == {"hbm"}


def test_a_misspelt_library_is_not_taken_for_one_without_a_preset() -> None:
    with pytest.raises(SymarchError, match="unknown library 'ncll' on h100-sxm; did you mean 'nccl'"):
        joined("h100_sxm", 2, "ncll")
