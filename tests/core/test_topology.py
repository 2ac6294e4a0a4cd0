"""Topologies and collective algorithms of third parties, the spec's choice of algorithms, and what is left out."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

import symarch
from symarch import Call, Collective, CollectiveAlgorithm, Operator, Pattern, Schedule, Topology, Traffic, technology
from symarch.cli import main
from symarch.errors import PluginError, SpecError, SymarchError
from symarch.plugins import Registry, registry
from symarch.program import Tape
from symarch.specs import read_system
from symarch.specs.resolved import resolved
from symarch.specs.schema import schema
from symarch.technologies import check_dimensions
from symarch.technologies.topology import check_algorithm, schedules

SYSTEM = """
format = 1
name = "board"
[processor.p]
technology = "gpu"
preset = "h100-sxm"
[memory.m]
technology = "hbm"
stacks = 5
[network.net]
technology = "nvlink"
topology = "{topology}"
size = {size}
links = 1
lanes = 1
lane_rate = 1e11
efficiency = 1
latency = 1e-7
software_latency = 1e-6
peer_latency = 0
energy = 1e-12
{more}
"""

Write = Callable[..., Path]
MODEL = str(Path(__file__).parents[2] / "specs" / "models" / "llama-3.1-8b.json")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(topology: str = "switch", size: int = 8, more: str = "") -> Path:
        path = tmp_path / "board.toml"
        path.write_text(SYSTEM.format(topology=topology, size=size, more=more))
        return path

    return write


def timed(system: Any, operation: str = "all_reduce", size: float = 1e6, devices: int | None = None) -> float:
    operator = Operator("c", "collective", collective=Collective(operation, size))
    return symarch.time_operator(system, operator, devices=devices)


# --- what a spec says


def test_one_algorithm_by_name(write: Write) -> None:
    ring = read_system(write(more='algorithm = "ring"'))
    assert timed(ring) == pytest.approx(14 * (1e-6 + 2e-7) + 1.75e6 / 1e11, rel=1e-12)
    one = read_system(write(), {"net.algorithm": "one_shot"})
    assert timed(one) == pytest.approx(1e-6 + 2e-7 + 7e6 / 1e11, rel=1e-12)


def test_the_fastest_of_several(write: Write) -> None:
    both = read_system(write(more='algorithm = ["ring", "one_shot"]'))
    for size in (1e3, 1e9):
        each = [timed(read_system(write(), {"net.algorithm": n}), size=size) for n in ("ring", "one_shot")]
        assert timed(both, size=size) == min(each)
    assert timed(read_system(write(), {"net.algorithm": "ring, one_shot"})) == timed(both)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('algorithm = "rink"', "net.algorithm: unknown collective algorithm 'rink'; did you mean 'ring'?"),
        ('algorithm = ["ring", "auto"]', "auto stands alone"),
        ("algorithm = []", "the list is empty"),
        ("algorithm = [1]", "it is 1; it must be auto, or the names of collective algorithms"),
        ("algorithm = 3", "it is 3; it must be auto, or the names of collective algorithms"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(write: Write, more: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_system(write(more=more))
    assert words in str(caught.value)
    assert "board.toml:" in str(caught.value)


def test_an_algorithm_that_does_not_do_a_collective_is_named(write: Write) -> None:
    with pytest.raises(SymarchError, match=r"no all_to_all among 8 devices on network net: .* \(ring\) does it"):
        timed(read_system(write(more='algorithm = "ring"')), "all_to_all")


def test_the_choice_survives_writing_and_is_in_the_schema(write: Write, tmp_path: Path) -> None:
    chosen = read_system(write(more='algorithm = ["ring", "two_shot"]'))
    copy = tmp_path / "copy.toml"
    copy.write_text(resolved(chosen))
    assert read_system(copy).components["net"].algorithm == ("ring", "two_shot")
    assert "algorithm" not in resolved(read_system(write()))
    networks = schema()["properties"]["network"]["additionalProperties"]["anyOf"]
    shapes = [shape["properties"] for shape in networks if shape["title"] != "written here"]
    assert shapes
    assert all("algorithm" in shape for shape in shapes)
    assert all(shape["in_network"]["enum"] == ["none", "reduce", "shards"] for shape in shapes)


def test_a_node_count_that_does_not_fit_is_refused(write: Write) -> None:
    system = read_system(write("hypercube", 12))
    with pytest.raises(
        SpecError, match=r"network\.net: a hypercube cannot have 12 nodes; the nearest that can be: 8 and 16"
    ):
        timed(system)


def test_some_of_the_devices_see_the_whole_network(write: Write) -> None:
    # four of eight fully joined nodes use three of seven links each
    part = timed(read_system(write("fully-connected")), "all_to_all", devices=4)
    assert part == pytest.approx(1.1e-6 + 0.75e6 / (1e11 * 3 / 7), rel=1e-12)
    # a ring of four of eight nodes is a line: everything meets in its middle, 2 x 2 messages of a third
    line = timed(read_system(write("ring", more='algorithm = "direct"')), "all_to_all", devices=4)
    assert line == pytest.approx(1e-6 + 3e-7 + 0.75e6 * 4 / 3 / (1e11 / 2), rel=1e-12)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    assert not stopped.value.code
    return capsys.readouterr().out


def test_run_says_which_algorithm_won(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    for size, winner in ((1, "one_shot"), (4096, "two_shot")):
        arguments = ["run", str(write()), "--model", MODEL, "--phase", "prefill", "--prompt", str(size)]
        out = json.loads(printed(capsys, *arguments, "--json"))
        won = {o["name"]: o["algorithm"] for o in out["operators"]}
        assert won["all_reduce"] == winner
        assert won["attention"] is None
        assert f"({winner})" in printed(capsys, *arguments)
    system = str(write(more='algorithm = ["ring"]'))
    used = json.loads(printed(capsys, "run", system, "--model", MODEL, "--json"))["plugins"]
    assert "collective.ring" in {p["name"] for p in used}
    explanation = symarch.analyze(read_system(write()), symarch.load_model(MODEL)).explain("ttft")
    assert {"bytes sent by two_shot", "hop latency of two_shot"} <= {t.cause for t in explanation.terms}


def test_energy_is_paid_for_bytes_and_the_links_they_cross_not_for_waiting(write: Write) -> None:
    def energy(topology: str, algorithm: str, size: int = 8) -> float:
        system = read_system(write(topology, size, f'algorithm = "{algorithm}"'))
        cls: Any = system.components["net"].topology
        call = Call("all_reduce", size, 1e6, cls(), lambda hops: 0, 1e11)
        return float(schedules([registry().collective(algorithm)()], call)[algorithm].energy_bytes)

    assert energy("switch", "ring") == 1.75e6 * 2
    assert energy("ring", "ring") == 1.75e6  # one link each, although the load is 2
    assert energy("ring", "one_shot") == pytest.approx(7e6 * 16 / 7)  # a mean of 16/7 links


# --- third parties

PLUGIN = '''
from typing import ClassVar
from symarch import Call, CollectiveAlgorithm, Pattern, Quantity, Schedule, Topology, Traffic, hookimpl, technology

@technology
class Pipe(Topology):
    """Nodes on one shared wire."""
    name: ClassVar[str] = "pipe"
    algorithms: ClassVar[tuple[str, ...]] = ("shout", "direct")
    assumptions: ClassVar[tuple[str, ...]] = ("One node speaks at a time.",)
    def traffic(self, pattern: Pattern, nodes: int) -> Traffic | None:
        return Traffic(1, nodes)
    def diameter(self, nodes: int) -> Quantity: return 1
    def average_hops(self, nodes: int) -> Quantity: return 1
    def bisection(self, nodes: int) -> Quantity: return 1
    def links(self, nodes: int) -> Quantity: return nodes
    def radix(self, nodes: int) -> Quantity: return 1

class Shout(CollectiveAlgorithm):
    """Everybody hears what one node sends."""
    name: ClassVar[str] = "shout"
    operations: ClassVar[tuple[str, ...]] = ("all_reduce", "broadcast")
    def schedule(self, call: Call) -> Schedule | None:
        traffic = call.traffic("my own pattern")
        return Schedule.of(traffic, call.size)

@hookimpl
def symarch_technologies() -> list[type]: return [Pipe]

@hookimpl
def symarch_collectives() -> list[type]: return [Shout]
'''


@pytest.fixture
def third(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Return a registry with a plugin that provides a topology and an algorithm, in place of the process's."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "somebodys_pipe.py").write_text(PLUGIN)
    own = [importlib.metadata.EntryPoint(name, "somebodys_pipe", "symarch") for name in ("pipe", "collective.shout")]
    found = Registry([*importlib.metadata.entry_points(group="symarch"), *own])
    for module in ("specs.systems", "specs.presets", "specs.schema", "system.graph"):
        monkeypatch.setattr(f"symarch.{module}.registry", lambda: found)
    return found


def test_a_third_party_adds_a_topology(write: Write, third: Registry) -> None:
    assert third.technology("pipe").name == "pipe"
    check_dimensions(third.technology("pipe"))
    # its own algorithm with its own pattern, and ours on its wire
    assert timed(read_system(write("pipe", more='algorithm = "shout"'))) == pytest.approx(1.1e-6 + 8e6 / 1e11)
    assert timed(read_system(write("pipe")), "all_gather") == pytest.approx(1.1e-6 + 8 * 0.875e6 / 1e11)


def test_a_third_party_adds_an_algorithm(write: Write, third: Registry) -> None:
    assert third.collective("shout").name == "shout"
    shouted = timed(read_system(write(more='algorithm = "shout"')))
    assert shouted == pytest.approx(1e-6 + 2e-7 + 1e6 / 1e11, rel=1e-12)
    # faster than all of ours, and still not taken unless it is named
    assert timed(read_system(write())) > shouted


# --- algorithms that do not keep the contract


class Squared(CollectiveAlgorithm):
    name: ClassVar[str] = "squared"
    operations: ClassVar[tuple[str, ...]] = ("all_reduce",)

    def schedule(self, call: Call) -> Schedule | None:
        return Schedule(call.size * call.size, 1, 1, 0)


class Raising(Squared):
    name: ClassVar[str] = "raising"

    def schedule(self, call: Call) -> Schedule | None:
        raise ZeroDivisionError("division by zero")


class Mistaken(Squared):
    name: ClassVar[str] = "mistaken"

    def schedule(self, call: Call) -> Any:
        return 7


class Unheard(Squared):
    name: ClassVar[str] = "unheard"
    operations: ClassVar[tuple[str, ...]] = ("all_shout",)


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (Squared, r"'squared', all_reduce: bytes has \[B\^2\]; it must have \[B\]"),
        (Raising, "'raising', all_reduce: ZeroDivisionError: division by zero"),
        (Mistaken, "'mistaken', all_reduce: schedule returned 7; it must be a Schedule or None"),
        (Unheard, "'unheard' serves 'all_shout'; the collectives are all_reduce, all_gather"),
    ],
)
def test_a_broken_algorithm_is_named(cls: type, words: str) -> None:
    with pytest.raises(PluginError, match=words):
        check_algorithm(cls)


# --- what is left out


@technology
class Wire(Topology):
    name: ClassVar[str] = "wire-of-this-test"

    def traffic(self, pattern: Pattern, nodes: int) -> Traffic | None:
        return Traffic(1, 1)


def algorithm(label: str, steps: int, share: float, proportional: bool = True) -> CollectiveAlgorithm:
    def schedule(self: Any, call: Call) -> Schedule:
        return Schedule(share * call.size, steps, steps, 0)

    attributes = {"name": label, "operations": ("broadcast",), "proportional": proportional, "schedule": schedule}
    return type(label, (CollectiveAlgorithm,), attributes)()  # type: ignore[no-any-return]


def test_an_algorithm_that_another_beats_in_everything_is_left_out() -> None:
    call = Call("broadcast", 8, 1.0, Wire(), lambda hops: 0, 1.0)
    quick, lean, worse = algorithm("quick", 1, 2), algorithm("lean", 4, 1), algorithm("worse", 4, 2)
    assert list(schedules([worse, quick, lean], call)) == ["quick", "lean"]
    assert list(schedules([quick, algorithm("same", 1, 2)], call)) == ["quick"]
    unknown = algorithm("unknown", 4, 2, proportional=False)
    assert list(schedules([quick, lean, unknown], call)) == ["quick", "lean", "unknown"]


def test_loads_that_are_symbols_are_never_compared() -> None:
    load = Tape().input("load")

    @technology
    class Symbolic(Wire):
        def traffic(self, pattern: Pattern, nodes: int) -> Traffic | None:
            return Traffic(1, load)

    class One(Squared):
        name: ClassVar[str] = "one"
        proportional: ClassVar[bool] = True

        def schedule(self, call: Call) -> Schedule | None:
            traffic = call.traffic("all")
            return None if traffic is None else Schedule.of(traffic, call.size)

    class Two(One):
        name: ClassVar[str] = "two"

    call = Call("all_reduce", 8, 1.0, Symbolic(), lambda hops: 0, 1.0)
    assert list(schedules([One(), Two()], call)) == ["one", "two"]
