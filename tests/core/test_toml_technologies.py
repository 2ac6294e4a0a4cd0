"""Technologies written in TOML: read, refused, and like those of plugins everywhere."""

from __future__ import annotations

import builtins
import copy
import json
import pickle
import re
import tomllib
from pathlib import Path
from typing import Any

import attrs
import jsonschema
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import symarch
from symarch.cli import main
from symarch.errors import SpecError
from symarch.program import Program, Tape
from symarch.program.expressions import FUNCTIONS
from symarch.program.grammar import DEEPEST, LARGEST_EXPONENT, LONGEST
from symarch.program.grammar import MOST as MOST_STEPS
from symarch.specs import resolved
from symarch.specs.schema import schema
from symarch.specs.technologies import KEYS, MOST, PARAMETER_KEYS, definition_of, is_written, read_technologies
from symarch.system import SystemGraph
from symarch.technologies import Memory, Quantity, parameter, parameters_of, quantities_of, quantity, technology
from symarch.technologies.declare import not_modelled

MODEL = "llama-3.1-8b"

FLASH = """
[technology.my-flash]
kind = "memory"
[technology.my-flash.parameters]
stacks = 4
read_time = { value = "3 us", low = "1 us", high = "30 us", source = "assumed" }
page = "4 KiB"
planes = 1200
stack_capacity = "512 GB"
[technology.my-flash.expressions]
capacity = "stacks * stack_capacity"
read_bandwidth = "stacks * planes * page / read_time"
"""
"""The example of the design: a memory in 11 lines."""

SYSTEM = """
[processor.gpu]
technology = "gpu"
preset = "h100-sxm"
[memory.flash]
technology = "my-flash"
"""


def write(folder: Path, text: str, name: str = "mine") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(f'format = 1\nname = "{name}"\n{text}', encoding="utf-8")
    return path


def load(folder: Path, text: str, settings: dict[str, str | float] | None = None) -> symarch.System:
    return symarch.load_system(str(write(folder, text)), settings)


def faults(folder: Path, text: str, settings: dict[str, str | float] | None = None) -> list[str]:
    with pytest.raises(SpecError) as caught:
        load(folder, text, settings)
    return [f.replace(str(folder), "") for f in caught.value.faults]


TOWER = "\n".join(f'a{i} = "n * n"' if i == 0 else f'a{i} = "a{i - 1} * a{i - 1}"' for i in range(60))
"""Whole numbers, each the square of the one before."""


def memory(parameters: str = "", expressions: str = "", top: str = "") -> str:
    """Return a memory with a capacity and a bandwidth, and what a test adds."""
    return (
        f'[technology.m]\nkind = "memory"\n{top}\n[technology.m.parameters]\nsize = "1 GB"\nrate = "1 GB/s"\n'
        f'{parameters}\n[technology.m.expressions]\ncapacity = "size"\nread_bandwidth = "rate"\n{expressions}\n'
        + SYSTEM.replace("my-flash", "m")
    )


# --- what it becomes


def test_the_example_is_a_memory(tmp_path: Path) -> None:
    system = load(tmp_path, FLASH + SYSTEM)
    assert len(FLASH.strip().splitlines()) <= 20
    cls = system.components["flash"].technology
    assert cls is system.technologies["my-flash"]
    assert cls is not None
    assert issubclass(cls, Memory)
    assert is_written(cls)
    assert (cls.name, cls.kind) == ("my-flash", "memory")
    made: Any = cls()
    assert made.capacity == 4 * 512e9
    assert made.read_bandwidth == 4 * 1200 * 4096 / 3e-6
    assert {p.name: p.unit for p in parameters_of(cls)} == {
        "stacks": "1", "read_time": "s", "page": "B", "planes": "1", "stack_capacity": "B",
    }  # fmt: skip
    assert {n: q.unit for n, q in quantities_of(cls).items()} == {"capacity": "B", "read_bandwidth": "B/s"}
    assert "read_latency" in not_modelled(cls)
    read_time = next(p for p in parameters_of(cls) if p.name == "read_time")
    assert (read_time.default, read_time.low, read_time.high, read_time.source) == (3e-6, 1e-6, 30e-6, "assumed")


@technology
class MyFlash(Memory):
    """The same in Python."""

    name = "my-flash"

    stacks: Quantity = parameter(4, "1")
    read_time: Quantity = parameter("3 us", "s", low="1 us", high="30 us", source="assumed")
    page: Quantity = parameter("4 KiB", "B")
    planes: Quantity = parameter(1200, "1")
    stack_capacity: Quantity = parameter("512 GB", "B")

    @quantity("B")
    def capacity(self) -> Quantity:
        """Bytes that can be stored."""
        return self.stacks * self.stack_capacity

    @quantity("B/s")
    def read_bandwidth(self) -> Quantity:
        """Peak read bandwidth."""
        return self.stacks * self.planes * self.page / self.read_time


def test_it_equals_the_class_written_in_python(tmp_path: Path) -> None:
    cls: Any = load(tmp_path, FLASH + SYSTEM).technologies["my-flash"]
    assert parameters_of(cls) == parameters_of(MyFlash)
    programs = []
    for each in (cls, MyFlash):
        tape = Tape()
        made = each(component="m", **{p.name: tape.input(f"m.{p.name}") for p in parameters_of(each)})
        programs.append(Program.of(tape, {"c": made.capacity, "b": made.read_bandwidth}))
    assert programs[0] == programs[1]
    symbols: Any = {p.name: sympy.Symbol(p.name, positive=True) for p in parameters_of(cls)}
    assert cls(**symbols).read_bandwidth == MyFlash(**symbols).read_bandwidth
    python: Any = MyFlash(stacks=8)
    assert attrs.asdict(cls(stacks=8)) == attrs.asdict(python)


def test_the_other_kinds(tmp_path: Path) -> None:
    text = """
[technology.wire]
kind = "interconnect"
title = "A link of many lanes"
doc = "Lanes side by side."
source = "assumed"
assumptions = ["All lanes carry the same."]
[technology.wire.parameters]
lanes = { value = 16, integer = true, better = "more", doc = "lanes" }
lane_rate = "64 Gb/s"
latency = { value = 50, low = 10, high = 100, unit = "ns", better = "less" }
efficiency = { value = 0.9, at_most = 1, ideal = 1 }
[technology.wire.expressions]
bandwidth = "lanes * lane_rate"

[technology.chip]
kind = "processor"
[technology.chip.parameters]
cores = 64
clock = "2 GHz"
width = "512 FLOP"
launch = { value = "2 us", source = "assumed" }
on_chip_memory = "32 MiB"
matrix_efficiency = 0.5
allocatable = 0.5
[technology.chip.expressions]
peak_bf16 = "cores * clock * width"

[processor.chip]
technology = "chip"
[memory.hbm]
technology = "hbm"
preset = "hbm3e"
[link.wire]
technology = "wire"
between = ["hbm", "chip"]
"""
    system = load(tmp_path, text)
    built = SystemGraph.build(system, lambda component, parameter, value: value)
    chip: Any = built.processors["chip"]
    wire: Any = system.technologies["wire"]()
    assert chip.peak("bf16") == 64 * 2e9 * 512
    assert (chip.launch, chip.on_chip_memory, chip.matrix_efficiency) == (2e-6, 32 * 2**20, 0.5)
    launch = next(p for p in parameters_of(type(chip)) if p.name == "launch")
    assert (launch.ideal, launch.has_ideal, launch.nonnegative, launch.better) == (0, True, True, "less")
    assert (launch.low, launch.high) == (0, 20e-6)  # every processor's, in which 2 us are
    allocatable = next(p for p in parameters_of(type(chip)) if p.name == "allocatable")
    assert (allocatable.low, allocatable.high) == (None, None)  # not every processor's, which begins above 0.5
    assert wire.bandwidth == 128e9
    assert wire.latency == 50e-9
    assert wire.capacity == 128e9 * 2 * 50e-9  # what every interconnect demands in flight
    latency = next(p for p in parameters_of(type(wire)) if p.name == "latency")
    assert (latency.default, latency.low, latency.high) == (50e-9, 10e-9, 100e-9)
    assert (type(wire).__doc__, type(wire).assumptions) == (
        "A link of many lanes\n\nLanes side by side.",
        ("All lanes carry the same.",),
    )
    assert {p.source for p in parameters_of(type(wire))} == {"assumed"}
    lanes = next(p for p in parameters_of(type(wire)) if p.name == "lanes")
    assert (lanes.integer, lanes.better, lanes.doc) == (True, "more", "lanes")
    operator = symarch.Operator("o", "matmul", dims={"m": 1, "n": 1, "k": 1}, flops=64 * 2e9 * 512)
    assert symarch.time_operator(system, operator) == 2 + 2e-6  # at half the peak, and the launch


def test_intermediate_quantities_have_the_unit_of_their_expression(tmp_path: Path) -> None:
    text = memory(
        'page = "4 KiB"\nread_time = "2 us"\nplanes = 8',
        'reads = "planes / read_time"\nside = "sqrt(page * page)"\narray = "reads * side"\n'
        'write_bandwidth = "min(array, rate)"\nshare = "array / (array + rate)"\nread_energy = "0"',
    )
    cls: Any = load(tmp_path, text).technologies["m"]
    units = {n: q.unit for n, q in quantities_of(cls).items()}
    assert (units["reads"], units["side"], units["array"], units["share"]) == ("1/s", "B", "B/s", "1")
    assert units["read_energy"] == "J/B"
    assert cls().array == pytest.approx(8 / 2e-6 * 4096)
    assert cls().write_bandwidth == 1e9


def test_long_chains_of_expressions_do_not_recurse(tmp_path: Path) -> None:
    nested = "(" * 20 + "a{0}" + " + 0 * a{0})" * 20
    lines = [f'a{i + 1} = "{nested.format(i)}"' for i in range(MOST - 3)]
    system = load(tmp_path, memory("a0 = 1", "\n".join(reversed(lines)) + '\nefficiency = "a61"'))
    assert system.technologies["m"]().efficiency == 1  # type: ignore[attr-defined]  # made from the spec


def test_equal_definitions_are_one_class(tmp_path: Path) -> None:
    first = load(tmp_path, FLASH + SYSTEM).technologies["my-flash"]
    again = load(tmp_path, FLASH + SYSTEM.replace("flash]", "other]")).technologies["my-flash"]
    other = load(tmp_path, FLASH.replace("1200", "600") + SYSTEM).technologies["my-flash"]
    assert first is again
    assert first is not other
    assert first() != other()


def test_systems_and_instances_are_sent_to_other_processes(tmp_path: Path) -> None:
    system = load(tmp_path, FLASH + SYSTEM)
    cls = system.technologies["my-flash"]
    assert pickle.loads(pickle.dumps(cls)) is cls
    assert copy.deepcopy(cls) is cls
    again = pickle.loads(pickle.dumps(system))
    assert again.technologies == system.technologies
    assert again.components["flash"] == system.components["flash"]
    made: Any = cls(component="m", stacks=6)
    assert made.capacity == 6 * 512e9
    assert pickle.loads(pickle.dumps(made)) == made == copy.copy(made)
    assert hash(pickle.loads(pickle.dumps(made))) == hash(made)


# --- it is like any other


def test_every_question_is_answered(tmp_path: Path) -> None:
    system = load(tmp_path, FLASH + SYSTEM, {"flash.read_time": "5 us"})
    assert system.components["flash"].settings["read_time"].origin == "--set"
    analysis = symarch.analyze(system, symarch.load_model(MODEL))
    result = analysis.evaluate(batch=4)
    floats = analysis.evaluate_on_floats(batch=4)
    assert result.tpot == pytest.approx(floats["tpot"], rel=1e-12)
    analysis.check_dimensions()
    assert "flash.read_time" in {str(s) for s in analysis.tpot.free_symbols}
    explained = analysis.explain("tpot", batch=4)
    assert "flash.read_bandwidth" in explained.definitions
    entry = next(e for e in analysis.sensitivity("tpot", batch=4).elasticities if e.parameter == "flash.read_time")
    assert entry.elasticity > 0.5  # type: ignore[operator]  # no kink here
    assert (entry.low, entry.high) != (None, None)
    compiled = analysis.compile("tpot", over=["flash.read_time"], batch=4)
    assert compiled(5e-6) == pytest.approx(result.tpot, rel=1e-12)
    assert result.missing["energy_per_token"]


def test_a_resolved_spec_gives_the_same_numbers(tmp_path: Path) -> None:
    system = load(tmp_path, FLASH + SYSTEM + 'stacks = 5\nread_time = "4 us"', {"flash.planes": 900})
    text = resolved(system)
    path = tmp_path / "resolved.toml"
    path.write_text(text, encoding="utf-8")
    again = symarch.load_system(str(path))
    written = [{n: definition_of(c) for n, c in x.technologies.items()} for x in (system, again)]
    assert written[0] == written[1]
    settings = [{n: s.value for n, s in x.components["flash"].settings.items()} for x in (system, again)]
    assert settings[0] == settings[1] == {
        "stacks": 5, "read_time": 4e-6, "page": 4096.0, "planes": 900.0, "stack_capacity": 512e9,
    }  # fmt: skip
    model = symarch.load_model(MODEL)
    numbers = [dict(symarch.analyze(x, model).evaluate(batch=4).metrics) for x in (system, again)]
    assert numbers[0] == numbers[1]


def test_extends_inherits_a_technology_and_changes_its_parts(tmp_path: Path) -> None:
    write(tmp_path, FLASH + SYSTEM, "parent")
    child = 'extends = "parent.toml"\n[technology.my-flash.parameters]\nplanes = 600\n'
    cls: Any = load(tmp_path, child).technologies["my-flash"]
    assert cls().read_bandwidth == 4 * 600 * 4096 / 3e-6
    more = child + '[technology.my-flash.expressions]\nread_bandwidth = "planes * page / read_time"\n'
    assert load(tmp_path, more).technologies["my-flash"]().read_bandwidth == 600 * 4096 / 3e-6  # type: ignore[attr-defined]
    assert definition_of(cls)["parameters"]["stacks"] == 4
    assert load(tmp_path, 'extends = "parent.toml"\n').technologies["my-flash"]().capacity == 2048e9  # type: ignore[attr-defined]
    wire = '[technology.my-flash]\nkind = "interconnect"\n[technology.my-flash.parameters]\nbandwidth = "1 GB/s"\n'
    [wrong] = faults(tmp_path, f'extends = "parent.toml"\n{wire}')  # of another kind: it starts afresh
    assert "'my-flash' is an interconnect, a memory is due" in wrong


def test_the_commands_know_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(write(tmp_path, FLASH + SYSTEM))

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as stopped:
            main(list(arguments))
        assert stopped.value.code == 0
        return capsys.readouterr().out

    assert "2 components, ok" in run("validate", path)
    shown = run("specs", "show", path)
    assert "technology my-flash (memory), written in this spec" in shown
    assert "read_bandwidth = stacks * planes * page / read_time" in shown
    data = json.loads(run("specs", "show", path, "--json"))
    assert data["technologies"][0]["definition"]["expressions"]["capacity"] == "stacks * stack_capacity"
    assert tomllib.loads(run("specs", "show", path, "--resolved"))["technology"]["my-flash"]["kind"] == "memory"
    ran = json.loads(run("run", path, "--model", MODEL, "--json"))
    assert [p["name"] for p in ran["plugins"]] == ["gpu"]  # no plugin provides my-flash
    assert "flash.read_bandwidth" in run("explain", path, "--model", MODEL, "--metric", "tpot")
    assert "flash.read_time" in run("sensitivity", path, "--model", MODEL, "--metric", "tpot")


def test_the_schema_knows_it(tmp_path: Path) -> None:
    validator = jsonschema.Draft202012Validator(schema())

    def valid(text: str) -> bool:
        return bool(validator.is_valid(tomllib.loads(f"format = 1\n{text}")))

    assert valid(FLASH + SYSTEM)
    assert not valid(SYSTEM)
    assert valid('extends = "other"\n' + SYSTEM)
    for wrong in (
        FLASH.replace('"memory"', '"topology"'),
        FLASH.replace("low =", "lwo ="),
        FLASH.replace("expressions]", "expresions]"),
        FLASH.replace('"stacks * stack_capacity"', "4"),
        FLASH.replace("my-flash", "My-Flash"),
    ):
        assert wrong != FLASH
        assert not valid(wrong + SYSTEM.replace("my-flash", "hbm"))


# --- what is refused, with file, line, technology and expression


@pytest.mark.parametrize(
    ("text", "due"),
    [
        (
            FLASH.replace("planes * page / read_time", "planes * page + read_time") + SYSTEM,
            "/mine.toml:14: technology.my-flash.expressions.read_bandwidth: in 'stacks * planes * page + read_time': "
            "+ joins stacks*planes*page [B] and read_time [s]",
        ),
        (
            FLASH.replace("stacks * planes * page / read_time", "stacks * planes * page") + SYSTEM,
            "/mine.toml:14: technology.my-flash.expressions.read_bandwidth: in 'stacks * planes * page': it has [B]; "
            "a memory states read_bandwidth in B/s",
        ),
        (
            FLASH.replace("planes * page", "planess * page") + SYSTEM,
            "/mine.toml:14: technology.my-flash.expressions.read_bandwidth: character 10: unknown name 'planess'; "
            "did you mean 'planes'?",
        ),
        (
            FLASH.replace("my-flash", "hbm") + SYSTEM,
            "/mine.toml:4: technology.hbm: the name is that of an installed technology, of symarch; choose another",
        ),
        (
            FLASH.replace('capacity = "stacks * stack_capacity"\n', "") + SYSTEM,
            "/mine.toml:4: technology.my-flash: a memory states capacity [B]; no parameter or expression does",
        ),
    ],
)
def test_a_fault_names_file_line_technology_and_expression(tmp_path: Path, text: str, due: str) -> None:
    assert due in faults(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("technology = 3\n" + SYSTEM.replace("my-flash", "hbm"), "technology: technologies are named tables"),
        ("[technology]\nm = 3\n" + SYSTEM.replace("my-flash", "hbm"), "technology: technologies are named tables"),
        (memory().replace("technology.m", "technology.M"), "a technology's name is a lower-case word"),
        (memory().replace("technology.m]", 'technology."m\\u0000"]'), "technology.'m\\x00': a technology's name"),
        (memory(top="near = true"), "technology.m.near: unknown key"),
        (memory(top='title = "a\\u001b[31m"'), "technology.m.title: it holds a control character"),
        (memory(top="doc = 3"), "technology.m.doc: it is 3; it must be a text"),
        (memory(top="assumptions = 'none'"), "technology.m.assumptions: it must be a list of sentences"),
        (memory(top="source = 2026-01-01"), "technology.m: it holds a date"),
        (memory().replace('"memory"', '"topology"'), "kind: it is 'topology'; it must be one of memory, interconn"),
        (memory().replace('"memory"', "[1]"), "kind: it is [1]"),
        (memory().replace('kind = "memory"', ""), "kind: it is missing"),
        (memory('Size = "1 GB"'), "parameters.'Size': a name is a lower-case word"),
        (memory('__class__ = "1 GB"'), "parameters.'__class__': a name is"),
        (memory('"x.y" = "1 GB"'), "parameters.'x.y': a name is"),
        (memory(f'{"a" * 41} = "1 GB"'), "at most 40 characters"),
        (memory("lambda = 3"), "parameters.lambda: the name has a meaning of its own"),
        (memory("min = 3"), "parameters.min: the name is that of a function"),
        (memory("name = 3"), "parameters.name: the name has a meaning"),
        (memory("kind = 3"), "parameters.kind: the name has a meaning"),
        (memory("component = 3"), "parameters.component: the name has a meaning"),
        (memory("probe = 3"), "parameters.probe: the name has a meaning"),
        (memory("definition = 3"), "parameters.definition: the name has a meaning"),
        (memory("mro = 3", 'x = "mro"'), ""),
        (memory("a = true"), "parameters.a.value: it is true; it must be a number or a text"),
        (memory("a = [1]"), "parameters.a.value: it is [1]"),
        (memory("a = { low = 1 }"), "parameters.a: a table needs the key 'value'"),
        (memory('a = { value = "1 us", lo = 1 }'), "parameters.a.lo: unknown key; did you mean 'low'"),
        (memory('a = { value = "5 us", low = "6 us" }'), "value 5e-06 is below low 6e-06"),
        (memory('a = { value = "5 us", low = "1 GB" }'), "has unit [B] where [s] is due"),
        (memory('a = { value = "5 us", status = "guessed" }'), "status is 'guessed'; it must be one of"),
        (memory('a = { value = "5 us", better = "higher" }'), "better: it is 'higher'"),
        (memory('a = { value = "5 us", integer = 1 }'), "integer: it is 1; it must be true or false"),
        (memory("a = { value = 2.5, integer = true }"), "a is 2.5; it must be a whole number"),
        (memory("a = { value = 2, at_most = 1 }"), "a is 2; it must be at most 1"),
        (memory('a = { value = 2, at_most = "1 s", unit = "s" }'), "a is 2 s; it must be at most 1 s"),
        (memory("a = { value = 2, ideal = -1 }"), "ideal: a is -1"),
        (memory('a = { value = 2, unit = "furlong" }'), "unknown unit 'furlong'"),
        (memory('a = { value = "2 GB", unit = "us" }'), "has unit [B] where [s] is due"),
        (memory('a = { value = 2, unit = 3 }'), "unit: it is 3"),
        (memory('a = "5 furlong"'), "unknown unit 'furlong'"),
        (memory('a = "fast"'), "'fast' does not begin with a number"),
        (memory('a = "0 us"'), "a is 0 s; it must be greater than 0"),
        (memory("a = -1"), "a is -1; it must be greater than 0"),
        (memory("a = inf"), "a is infinite; it must be finite"),
        (memory("a = nan"), "a is nan"),
        (memory("a = 1" + "0" * 400), "a is too large for a number"),
        (memory("read_latency = 5e-6"), "5e-06 is in 1; a memory states read_latency in s"),
        (memory('read_latency = "5 GB"'), "'5 GB' is in B; a memory states read_latency in s"),
        (memory(expressions="read_latency = 3"), "expressions.read_latency: it is 3; it must be a text"),
        (memory(expressions='size = "rate"'), "expressions.size: size is a parameter already"),
        (memory(expressions='a = "sqrt(size)"'), "it has [B^(1/2)]; a quantity's unit has whole powers"),
        (memory(expressions='a = "size ** 10"'), "it has [B^10]; a quantity's unit has whole powers"),
        (memory(expressions='a = "b"\nb = "c"\nc = "a"'), "expressions use each other in a circle: a -> b -> c -> a"),
        (memory(expressions='a = "a"'), "in a circle: a -> a"),
        (memory(expressions='a = "capacity + 1"'), "joins capacity [B] and 1 [1]"),
        (memory(expressions='a = "read_latency"'), "unknown name 'read_latency'"),
        (memory(expressions='a = "size if size else rate"'), "'if' is out of place"),
        (memory(expressions='a = "size / (rate - rate)"'), "expressions.a: has no value here: "),
        (memory("n = 200", 'a = "exp(n * n)"'), "expressions.a: has no value here: "),
        (memory("n = 10", 'a = "log2(n - 11)"'), "expressions.a: has no value here: "),
        (memory("n = 1e300", 'a = "n * n"'), "expressions.a: is not finite here"),
        (memory("n = 1000", 'a = "n ** n"'), "expressions.a: has no value here: it is too large for a number"),
        (memory("n = 20", 'a = "n ** n ** n"'), "expressions.a: has no value here: it is too large for a number"),
        (memory("n = 3", TOWER), "expressions.a9: has no value here: it is too large for a number"),
        (memory("self = 1"), "parameters.self: the name has a meaning of its own"),
        (memory("efficiency = 1.5"), "parameters.efficiency: is 1.5 here; it must be at most 1"),
        (memory(expressions='efficiency = "2 * size / size"'), "expressions.efficiency: is 2 here; it must be at most"),
        (memory(expressions='write_bandwidth = "0 * rate"'), "write_bandwidth: is 0 B/s here; it must be greater"),
        (memory('endurance = { value = "0 B", nonnegative = true }'), "endurance: is 0 B here; it must be greater"),
        (memory(expressions='read_latency = "-(size / rate)"'), "read_latency: is -1 s here; it must be 0 or more"),
        (memory().replace('capacity = "size"', 'capacity = "0 * size"'), "capacity: is 0 B here; it must be greater"),
        (memory('a = "1"', "\n".join(f'b{i} = "a"' for i in range(MOST))), f"more than {MOST} of them"),
        ("[technology]\n" + "\n".join(f"t{i} = {{}}" for i in range(MOST + 1)) + SYSTEM, f"more than {MOST} technol"),
        (memory().replace("[memory.flash]", '[memory.flash]\npreset = "x"'), "'m' is written in the spec and has no"),
        (memory() + 'rat = "2 GB/s"', "memory.flash.rat: unknown key; did you mean 'rate'?"),
        (memory("n = 2", 'a = "size / (n - 3)"') + "n = 3", "memory.flash: flash.a has no value here: "),
        (memory().replace('technology = "m"', 'technology = "n"'), "unknown technology 'n'"),
        (memory().replace("[memory.flash]", "[processor.p]"), "'m' is a memory, a processor is due"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path: Path, text: str, words: str) -> None:
    if not words:
        load(tmp_path, text)
        return
    found = faults(tmp_path, text)
    assert any(words in f for f in found), found
    assert all(f.isprintable() for f in found)


def test_a_processor_cannot_be_given_an_option_or_the_memory_it_sits_on(tmp_path: Path) -> None:
    head = '[technology.p]\nkind = "processor"\n[technology.p.parameters]\npeak_bf16 = "1 TFLOP/s"\n'
    assert "it is an option of every processor" in faults(tmp_path, f"{head}prefetch = 1\n{SYSTEM}")[0]
    assert "the name has a meaning of its own" in faults(tmp_path, f"{head}memory = 1\n{SYSTEM}")[0]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('outstanding = { value = "0 B", nonnegative = true }', "outstanding of a processor is greater than 0"),
        ("matrix_efficiency = { value = 0.9, at_most = 2 }", "matrix_efficiency of a processor is at most 1"),
    ],
)
def test_what_every_processor_is_held_to_cannot_be_loosened(tmp_path: Path, line: str, words: str) -> None:
    head = '[technology.p]\nkind = "processor"\n[technology.p.parameters]\npeak_bf16 = "1 TFLOP/s"\n'
    assert words in faults(tmp_path, f"{head}{line}\n{SYSTEM}")[0]


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = memory("a = true\nb = -1", 'c = "x"\nd = "size + rate"', top="near = 1")
    found = faults(tmp_path, text)
    assert len(found) == 4  # dimensions are asked once the names are right
    assert not any("unknown technology" in f for f in found)


def test_a_setting_that_leaves_no_value_is_refused(tmp_path: Path) -> None:
    text = memory("n = 2", 'a = "size / (n - 3)"')
    assert faults(tmp_path, text, {"flash.n": 3}) == ["--set: flash.a has no value here: float division by zero"]


plain = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["1 us", "4 KiB", "2", "inf s", "-1 B"]),
)
values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
keys = st.sampled_from(
    [*KEYS, *PARAMETER_KEYS, "capacity", "read_bandwidth", "efficiency", "a", "name", "min", "__init__"]
)
texts = st.sampled_from(
    ["a", "a + b", "size / a", "2 ** a", "a ** a", "log2(a)", "min(a, 0)", "sqrt(size)", "0", "b * rate"]
)


@given(
    top=st.dictionaries(keys, values, max_size=2),
    parameters=st.dictionaries(keys | st.sampled_from(["b", "size", "rate"]), values, max_size=3),
    inside=st.dictionaries(st.sampled_from(PARAMETER_KEYS), values, max_size=3),
    expressions=st.dictionaries(keys | st.sampled_from(["b", "c"]), texts | values, max_size=3),
)
@settings(max_examples=300)
def test_only_faults_come_of_a_table_of_anything(top: Any, parameters: Any, inside: Any, expressions: Any) -> None:
    table = {
        "kind": "memory",
        "parameters": {"size": "1 GB", "rate": "1 GB/s", "a": {"value": 2, **inside}, **parameters},
        "expressions": {"capacity": "size", "read_bandwidth": "rate", **expressions},
        **top,
    }
    found: list[tuple[str, str]] = []
    made = read_technologies({"m": table}, lambda key, sentence: found.append((key, sentence)))
    assert bool(made) != bool(found)
    assert all(sentence and sentence.isprintable() for _, sentence in found)
    for cls in made.values():
        instance: Any = cls()
        assert instance.capacity > 0
        assert instance.read_bandwidth > 0


ATTACKS = (
    "__import__('os').system('true')",
    "().__class__.__bases__[0].__subclasses__()",
    "(lambda: size)()",
    "9**9**9**9",
    "size\u0000",
    "s\u0456ze",
    "f'{size}'",
    'exec("import os")',
    "[size for size in size]",
    "Integral(x, x)",
)


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
@pytest.mark.parametrize("where", ["expression", "value", "name", "unit", "key"])
def test_no_string_of_a_spec_reaches_the_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attack: str, where: str
) -> None:
    text = json.dumps(attack)
    spec = {
        "expression": memory(expressions=f"a = {text}"),
        "value": memory(f"a = {text}"),
        "name": memory(f"{text} = 3"),
        "unit": memory(f"a = {{ value = 1, unit = {text} }}"),
        "key": memory(top=f"{text} = 3"),
    }[where]
    reached: list[Any] = []

    def watch(module: Any, name: str) -> None:
        real = getattr(module, name)

        def watched(source: Any, *arguments: Any, **named: Any) -> Any:
            if attack in str(source):
                reached.append((name, source))
            return real(source, *arguments, **named)

        monkeypatch.setattr(module, name, watched)

    for name in ("eval", "exec", "compile"):
        watch(builtins, name)
    for name in ("sympify", "parse_expr"):
        watch(sympy, name)
    found = faults(tmp_path, spec)
    monkeypatch.undo()
    assert reached == []
    assert found


def test_the_page_lists_keys_functions_and_limits() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "technology-toml.md"
    text = page.read_text(encoding="utf-8")
    rows = [re.findall(r"`(\w+)`", line.split("|")[1]) for line in text.splitlines() if line.startswith("| `")]
    assert {k for row in rows for k in row} == {*KEYS, *PARAMETER_KEYS}
    grammar = next(line for line in text.splitlines() if line.startswith("function   ="))
    assert re.findall(r'"(\w+)"', grammar) == list(FUNCTIONS)
    for limit in (
        f"{LONGEST} characters and {MOST_STEPS} numbers, names and operations, nested at most {DEEPEST} deep",
        f"at most {LARGEST_EXPONENT} in size",
        f"at most {MOST} parameters and {MOST} expressions",
    ):
        assert limit in " ".join(text.split())
    from symarch.program import grammar as module

    rules = [line.strip() for line in (module.__doc__ or "").splitlines() if " = " in line]
    assert rules == [line for line in text.splitlines() if line in rules]
