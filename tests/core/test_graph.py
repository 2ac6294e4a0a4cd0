from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import symarch
from symarch.analysis.limits import static_powers
from symarch.errors import SpecError
from symarch.system import SystemGraph

Load = Callable[[str], SystemGraph]


@pytest.fixture
def graph(tmp_path: Path) -> Load:
    def load(text: str) -> SystemGraph:
        file = tmp_path / "system.toml"
        file.write_text("format = 1\n" + text, encoding="utf-8")
        return SystemGraph.build(symarch.load_system(str(file)), lambda component, parameter, value: value)

    return load


def tables(*names: str, links: dict[str, tuple[str, str]] | None = None, on: dict[str, str] | None = None) -> str:
    """A system of components named after their kind: gpu1, hbm2, sw1 ..."""
    text = ""
    for name in names:
        if name.startswith("sw"):
            text += f"[switch.{name}]\n"
        else:
            kind = "processor" if name.startswith("gpu") else "memory"
            text += f'[{kind}.{name}]\ntechnology = "{name.rstrip("0123456789")}"\n'
            text += f'on = "{on[name]}"\n' if on and name in on else ""
    for link, (a, b) in (links or {}).items():
        text += f'[link.{link}]\nbetween = ["{a}", "{b}"]\ntechnology = "ucie"\n'
    memory = next(n for n in names if n.startswith("hb"))
    return text + f'[mapping]\nplace = {{ weights = "{memory}", kv_cache = "{memory}", activations = "{memory}" }}\n'


def trails(found: SystemGraph) -> dict[tuple[str, str], list[str]]:
    return {pair: [s.resource for s in path.segments] for pair, path in found.paths.items()}


def test_a_memory_that_no_link_names_hangs_on_the_only_processor(graph: Load) -> None:
    assert trails(graph(tables("gpu", "hbm1", "hbm2"))) == {
        ("gpu", "hbm1"): ["hbm1.port", "hbm1"],
        ("gpu", "hbm2"): ["hbm2.port", "hbm2"],
    }


def test_three_memories_in_a_chain_load_every_port_before_them(graph: Load) -> None:
    text = tables("gpu", "hbm", "hbf1", "hbf2", links={"a": ("hbf1", "hbm"), "b": ("hbf2", "hbf1")})
    assert trails(graph(text))["gpu", "hbf2"] == ["hbm.port", "a", "hbf1.port", "b", "hbf2.port", "hbf2"]


def test_the_first_named_end_of_a_chain_is_behind(graph: Load) -> None:
    one = trails(graph(tables("gpu", "hbm", "hbf", links={"c": ("hbf", "hbm")})))
    other = trails(graph(tables("gpu", "hbm", "hbf", links={"c": ("hbm", "hbf")})))
    assert one["gpu", "hbf"] == ["hbm.port", "c", "hbf.port", "hbf"]
    assert other["gpu", "hbm"] == ["hbf.port", "c", "hbm.port", "hbm"]
    assert one["gpu", "hbm"] == ["hbm.port", "hbm"]


def test_a_path_leads_through_junctions_and_takes_the_shortest_way(graph: Load) -> None:
    text = tables("gpu", "hbm", "sw1", "sw2", links={
        "up": ("gpu", "sw1"), "across": ("sw1", "sw2"), "down": ("sw2", "hbm"), "direct": ("sw1", "hbm")})  # fmt: skip
    assert trails(graph(text))["gpu", "hbm"] == ["up", "direct", "hbm.port", "hbm"]


def test_a_link_between_two_dies_leads_to_the_memories_of_the_other(graph: Load) -> None:
    text = tables("gpu1", "gpu2", "hbm1", "hbm2", on={"hbm1": "gpu1", "hbm2": "gpu2"}, links={"peer": ("gpu1", "gpu2")})
    assert trails(graph(text)) == {
        ("gpu1", "hbm1"): ["hbm1.port", "hbm1"],
        ("gpu1", "hbm2"): ["peer", "hbm2.port", "hbm2"],
        ("gpu2", "hbm1"): ["peer", "hbm1.port", "hbm1"],
        ("gpu2", "hbm2"): ["hbm2.port", "hbm2"],
    }


def test_four_dies_in_a_row_reach_each_other_over_links_in_series(graph: Load) -> None:
    dies = [f"gpu{k}" for k in (1, 2, 3, 4)]
    text = tables(*dies, "hbm", on={"hbm": "gpu4"}, links={f"l{k}": (f"gpu{k}", f"gpu{k + 1}") for k in (1, 2, 3)})
    assert trails(graph(text))["gpu1", "hbm"] == ["l1", "l2", "l3", "hbm.port", "hbm"]


def test_a_memory_of_two_processors_leads_from_neither_to_the_other(graph: Load) -> None:
    text = tables(
        "gpu1", "gpu2", "hbm1", "hbm2", on={"hbm2": "gpu2"}, links={"a": ("gpu1", "hbm1"), "b": ("gpu2", "hbm1")}
    )
    assert ("gpu1", "hbm2") not in trails(graph(text))


def test_a_memory_hangs_on_a_die_without_a_processor(graph: Load) -> None:
    text = tables("gpu", "sw", "hbm1", "hbm2", on={"hbm2": "sw"}, links={"d2d": ("gpu", "sw")})
    assert trails(graph(text)) == {
        ("gpu", "hbm1"): ["hbm1.port", "hbm1"],
        ("gpu", "hbm2"): ["d2d", "hbm2.port", "hbm2"],
    }


def test_of_ways_as_short_the_first_in_the_spec_is_taken_and_the_other_named(graph: Load) -> None:
    ways = {"a": ("gpu", "sw1"), "b": ("gpu", "sw2"), "c": ("sw1", "hbm"), "d": ("sw2", "hbm")}
    for order in (("a", "b", "c", "d"), ("a", "d", "b", "c")):
        found = graph(tables("gpu", "hbm", "sw1", "sw2", links={k: ways[k] for k in order}))
        assert trails(found)["gpu", "hbm"] == ["a", "c", "hbm.port", "hbm"]
        assert found.paths["gpu", "hbm"].rivals == ("d",)
    found = graph(tables("gpu", "hbm", "sw1", "sw2", links={k: ways[k] for k in ("b", "a", "c", "d")}))
    assert trails(found)["gpu", "hbm"] == ["b", "d", "hbm.port", "hbm"]


def test_two_links_side_by_side_are_one_way_and_its_rival(graph: Load) -> None:
    found = graph(tables("gpu", "hbm", "hbf", links={"a": ("hbf", "hbm"), "b": ("hbf", "hbm")}))
    assert trails(found)["gpu", "hbf"] == ["hbm.port", "a", "hbf.port", "hbf"]
    assert found.paths["gpu", "hbf"].rivals == ("b",)
    assert found.paths["gpu", "hbm"].rivals == ()


def test_processors_may_share_a_memory_through_a_switch(graph: Load) -> None:
    text = tables("gpu1", "gpu2", "hbm", "sw", links={"a": ("gpu1", "sw"), "b": ("gpu2", "sw"), "c": ("sw", "hbm")})
    found = trails(graph(text))
    assert found["gpu1", "hbm"] == ["a", "c", "hbm.port", "hbm"]
    assert found["gpu2", "hbm"] == ["b", "c", "hbm.port", "hbm"]


def test_a_switch_with_a_technology_is_part_of_the_path(graph: Load) -> None:
    text = tables("gpu", "hbm", links={"a": ("gpu", "sw"), "b": ("sw", "hbm")})
    text = text.replace("[mapping]", '[switch.sw]\ntechnology = "ucie"\n[mapping]')
    assert trails(graph(text))["gpu", "hbm"] == ["a", "sw", "b", "hbm.port", "hbm"]


def test_devices_share_a_switch_and_its_static_power(graph: Load) -> None:
    text = tables("gpu", "hbm", links={"a": ("gpu", "sw"), "b": ("sw", "hbm")})
    warm = """[technology.warm]
kind = "interconnect"
[technology.warm.parameters]
rate = "64 GB/s"
idle = "2 W"
[technology.warm.expressions]
bandwidth = "rate"
static_power = "idle"
[switch.sw]
technology = "warm"
shared_by = 8
[mapping]"""
    text = text.replace("[mapping]", warm)
    found = graph(text)
    assert {s.resource: s.shared_by for s in found.paths["gpu", "hbm"].segments}["sw"] == 8
    alone = graph(text.replace("shared_by = 8", "shared_by = 1"))
    power = static_powers(alone)["sw"]
    assert power == 2
    assert static_powers(found)["sw"] == 2 / 8


def test_a_junction_has_no_rate_to_share(graph: Load) -> None:
    text = tables("gpu", "hbm", "sw", links={"a": ("gpu", "sw"), "b": ("sw", "hbm")})
    with pytest.raises(SpecError, match=r"switch\.sw\.shared_by: a switch without a technology is a junction"):
        graph(text.replace("[switch.sw]", "[switch.sw]\nshared_by = 8"))


def test_a_loop_of_links_ends(graph: Load) -> None:
    text = tables(
        "gpu",
        "hbm",
        "hbf",
        "sw",
        links={"a": ("gpu", "sw"), "b": ("sw", "hbm"), "c": ("hbm", "sw"), "d": ("hbf", "sw"), "e": ("hbf", "hbm")},
    )
    assert trails(graph(text))["gpu", "hbf"] == ["a", "d", "hbf.port", "hbf"]


def test_a_memory_that_no_link_leads_to_is_an_error(graph: Load) -> None:
    text = tables("gpu", "hbm", "hbf", "sw", links={"lost": ("hbf", "sw")})
    with pytest.raises(SpecError, match=r"memory\.hbf: no link leads to it"):
        graph(text)


def test_shared_counts_and_devices_come_from_the_spec(graph: Load) -> None:
    text = tables("gpu", "hbm").replace('technology = "hbm"', 'technology = "hbm"\nshared_by = 4')
    text += '[network.a]\ntechnology = "nvlink"\ntopology = "switch"\nsize = 8\n'
    text += '[network.b]\ntechnology = "nvlink"\ntopology = "switch"\nsize = 3\n'
    found = graph(text)
    assert (found.shared_by("hbm"), found.shared_by("gpu"), found.devices) == (4, 1, 24)
    assert {n: (w.size, type(w.topology).name) for n, w in found.networks.items()} == {
        "a": (8, "switch"),
        "b": (3, "switch"),
    }
