"""The spec reader: every fault of a bad spec, all at once, with file, line and nearest name; nothing else escapes."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symarch
from symarch.errors import SpecError, SymarchError, UnknownNameError
from symarch.specs import System, list_specs, shipped

GOOD = """format = 1
name = "made"
[processor.gpu]
technology = "gpu"
preset = "h100-sxm"
[memory.hbm]
technology = "hbm"
preset = "hbm3"
stacks = 5
[memory.hbf]
technology = "hbf"
read_time = { value = "20 us", low = "1 us", high = "30 us" }
[link.chain]
between = ["hbf", "hbm"]
technology = "ucie"
[network.scale_up]
technology = "nvlink"
topology = "switch"
size = 8
[mapping]
tensor = 8
place = { weights = "hbf", kv_cache = "hbm", activations = "hbm" }
"""

Load = Callable[..., System]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    path = tmp_path / "made.toml"

    def read(text: str, **settings: Any) -> System:
        path.write_text(text, encoding="utf-8")
        return symarch.load_system(str(path), settings)

    return read


def faults(load: Load, text: str) -> tuple[str, ...]:
    with pytest.raises(SpecError) as caught:
        load(text)
    return caught.value.faults


def test_a_good_spec_has_values_ranges_and_origins(load: Load) -> None:
    system = load(GOOD)
    hbf = system.components["hbf"].settings
    assert (hbf["read_time"].value, hbf["read_time"].low, hbf["read_time"].high) == (20e-6, 1e-6, 30e-6)
    hbm = system.components["hbm"]
    assert hbm.settings["stacks"].value == 5
    assert hbm.settings["stacks"].origin == "spec"
    assert hbm.settings["pin_rate"].value == 6.4e9 / 8
    assert hbm.settings["pin_rate"].origin == "preset hbm3"
    assert hbm.settings["refresh_interval"].origin == "default"
    assert hbm.on == "gpu"
    assert system.components["hbf"].on is None
    assert (system.tensor, system.devices, system.place["weights"]) == (8, 8, "hbf")


BAD: list[tuple[str, str, str]] = [
    # what stands in the good spec, what replaces it, what the fault must say
    ("stacks = 5", "stakcs = 5", r"made\.toml:9: memory\.hbm\.stakcs: unknown key; did you mean 'stacks'"),
    ('technology = "hbm"', 'technology = "hmb"', r":7: memory\.hbm\.technology: unknown technology 'hmb'; did you"),
    ('technology = "hbm"', 'technology = "nvlink"', r"'nvlink' is an interconnect, a memory is due"),
    ('technology = "hbm"', "technology = 3", r":7: memory\.hbm\.technology: it is 3"),
    ('technology = "hbm"\n', "", r":6: memory\.hbm: the key 'technology' is missing"),
    ('preset = "hbm3"', 'preset = "hmb3"', r":8: memory\.hbm\.preset: unknown preset 'hmb3'.*did you mean 'hbm3"),
    ('preset = "hbm3"', "preset = [1]", r":8: memory\.hbm\.preset"),
    ('"20 us"', '"20 GB"', r":12: memory\.hbf\.read_time: .*\[B\] where \[s\] is due"),
    ('"20 us"', '"20 uss"', r":12: .*unknown unit 'uss'"),
    ('"20 us"', '"twenty"', r":12: .*does not begin with a number"),
    ('"20 us"', "-20e-6", r":12: memory\.hbf\.read_time: .*greater than 0"),
    ('"20 us"', "0", r"greater than 0"),
    ('"20 us"', "nan", r"read_time is nan"),
    ('"20 us"', "inf", r"finite"),
    ('"20 us"', "true", r"must be a number or a text with a unit"),
    ('"20 us"', "[20]", r"must be a number or a text with a unit"),
    ('"20 us"', "1979-05-27", r"must be a number or a text with a unit"),
    ('"20 us"', '"50 us"', r"above high"),
    ('"20 us"', '"0.5 us"', r"below low"),
    ('low = "1 us"', 'lo = "1 us"', r"unknown key 'lo'; did you mean 'low'"),
    ('value = "20 us", ', "", r"a table needs the key 'value'"),
    ("stacks = 5", "stacks = 5.5", r"stacks is 5\.5; it must be a whole number"),
    ("stacks = 5", 'stacks = "5 GB"', r":9: memory\.hbm\.stacks"),
    ("stacks = 5", "stacks = " + "9" * 400, r"too large"),
    ("[link.chain]", "[lnik.chain]", r":13: lnik: unknown key or table; did you mean 'link'"),
    ("[memory.hbf]", "[memory.HBF]", r":10: memory\.HBF: a component's name is a lower-case word"),
    ("[memory.hbf]", "[memory.dtype]", r"other than dtype"),
    ("[memory.hbf]", "[memory.gpu]", r":10: memory\.gpu: the name is taken by processor\.gpu"),
    ('["hbf", "hbm"]', '["hbx", "hbm"]', r":14: link\.chain\.between: unknown component 'hbx'; did you mean 'hb"),
    ('["hbf", "hbm"]', '["hbf"]', r"must name the two ends"),
    ('["hbf", "hbm"]', '["hbf", "hbf"]', r"not 'hbf' with itself"),
    ('["hbf", "hbm"]', '["hbf", "scale_up"]', r"unknown component 'scale_up'"),
    ('topology = "switch"', 'topology = "swich"', r":18: network\.scale_up\.topology: unknown technology 'swich'"),
    ('topology = "switch"', 'topology = "hbm"', r"'hbm' is a memory, a topology is due"),
    ('topology = "switch"\n', "", r":16: network\.scale_up: the key 'topology' is missing"),
    ("size = 8", "size = 0", r":19: network\.scale_up\.size: it is 0; it must be at least 1"),
    ("size = 8", "size = 8.0", r"must be a whole number"),
    ("size = 8", "size = 1" + "0" * 400, r":19: network\.scale_up\.size: it is larger than 1000000000"),
    ("stacks = 5", "shared_by = 1" + "0" * 400, r"it is larger than"),
    ("size = 8\n", "", r"the key 'size' is missing"),
    ("tensor = 8", "tensor = -8", r":21: mapping\.tensor: it is -8"),
    ("tensor = 8", 'tensor = "all"', r":21: mapping\.tensor"),
    ("tensor = 8", "tensro = 8", r":21: mapping\.tensro: unknown key; did you mean 'tensor'"),
    ('weights = "hbf"', 'weights = "hbx"', r":22: mapping\.place\.weights: unknown memory 'hbx'; did you mean 'hb"),
    ('weights = "hbf"', 'wieghts = "hbf"', r"unknown tensor class 'wieghts'; did you mean 'weights'"),
    ('weights = "hbf", ', "", r":22: mapping\.place: with 2 memories .* missing: weights"),
    ("format = 1\n", "", r"this version reads 'format = 1'; it is missing"),
    ("format = 1", "format = 2", r":1: format: .*found 2"),
    ('name = "made"', "name = 3", r":2: name: it is 3"),
    ("[mapping]", "[mapping.place]", r"mapping"),
    ("[memory.hbm]", "[[memory.hbm]]", r"\[memory\.NAME\]"),
    ("[network.scale_up]", "[network]", r"\[network\.NAME\]"),
    ("stacks = 5", 'arbitration = "fair"', r"it must be shared or exclusive"),
    ("stacks = 5", "shared_by = 0", r"must be at least 1"),
    ("stacks = 5", 'on = "cpu"', r"unknown processor 'cpu'; did you mean 'gpu'"),
    ("stacks = 5", "on = 3", r"must be a text"),
]


@pytest.mark.parametrize(("good", "bad", "words"), BAD)
def test_each_fault_is_said_with_its_place(load: Load, good: str, bad: str, words: str) -> None:
    assert GOOD.count(good) >= 1
    found = faults(load, GOOD.replace(good, bad, 1))
    assert any(re.search(words, f) for f in found), found
    assert all("made.toml" in f for f in found)
    assert all(len(f) < 500 and "\n" not in f for f in found)


def test_all_faults_come_at_once(load: Load) -> None:
    text = GOOD
    for good, bad in (
        ("stacks = 5", "stakcs = 5"),
        ('"20 us"', '"20 GB"'),
        ("size = 8", "size = 0"),
        ("tensor = 8", "tensor = -8"),
        ('technology = "ucie"', 'technology = "uci"'),
    ):
        text = text.replace(good, bad)
    found = faults(load, text)
    assert len(found) == 5
    assert [re.search(r"toml:(\d+):", f)[1] for f in found] == ["9", "12", "15", "19", "21"]  # type: ignore[index]
    assert str(SpecError(found)).count("\n") == 4


def test_a_system_needs_a_processor_and_a_memory(load: Load) -> None:
    assert any("needs a processor" in f for f in faults(load, "format = 1\n"))
    assert any("needs a memory" in f for f in faults(load, "format = 1\n"))


def test_place_is_needed_with_two_memories_only(load: Load) -> None:
    head = 'format = 1\n[processor.gpu]\ntechnology = "gpu"\n[memory.a]\ntechnology = "hbm"\n'
    load(head)
    (fault,) = faults(load, head + '[memory.b]\ntechnology = "hbm"\n')
    assert "missing: weights, kv_cache, activations" in fault


def test_with_several_processors_a_memory_says_where_it_hangs(load: Load) -> None:
    text = 'format = 1\n[processor.a]\ntechnology = "gpu"\n[processor.b]\ntechnology = "gpu"\n'
    text += '[memory.m]\ntechnology = "hbm"\n'
    assert any("it needs on = NAME (a, b)" in f for f in faults(load, text))
    assert load(text + 'on = "b"\n').components["m"].on == "b"


def test_an_unreachable_memory_is_an_error(load: Load) -> None:
    text = GOOD.replace('["hbf", "hbm"]', '["hbf", "lost"]') + "[switch.lost]\n"
    system = load(text)
    with pytest.raises(SpecError, match=r"memory\.hbf: no link leads to it"):
        symarch.analyze(system, symarch.load_model("llama-2-7b")).evaluate()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("hbm.stacs", "5", "did you mean 'hbm.stacks'"),
        ("hbx.stacks", "5", "unknown name; did you mean"),
        ("hbm.zzz", "5", r"unknown name; known: hbm\.activate_time, "),
        ("hbm.read_bandwidth", "5 TB/s", "read_bandwidth follows from parameters and cannot be set"),
        ("stacks", "5", "unknown name"),
        ("hbf.read_time", "5 GB", r"\[B\] where \[s\] is due"),
        ("hbf.read_time", "5 uss", "unknown unit"),
        ("hbf.read_time", "", "read_time"),
        ("hbf.read_time", "-5us", "greater than 0"),
        ("hbf.read_time", "nan", "read_time"),
        ("hbf.read_time", "inf", "finite"),
        ("hbm.stacks", "1.5", "whole number"),
        ("gpu.overlap", "0.5", "at least 1"),
        ("gpu.prefetch", "never", "it must be one of operator, step"),
        ("mapping.tensor", "0", "at least 1"),
        ("mapping.tensor", "x", "whole number"),
        ("scale_up.size", "nan", "whole number"),
        ("scale_up.size", "1e300", "larger than"),
        ("hbm.arbitration", "fair", "shared or exclusive"),
        ("hbf.read_time.value", "5us", "unknown name"),
        ("", "5", "unknown name"),
    ],
)
def test_a_bad_setting_is_said_with_its_text(load: Load, name: str, value: str, words: str) -> None:
    with pytest.raises(SpecError, match=words) as caught:
        load(GOOD, **{name: value})
    assert f"--set {name}={value}" in str(caught.value)


@pytest.mark.parametrize("interval", ["295 ns", "100 ns"])
def test_values_that_leave_no_bandwidth_are_refused(load: Load, interval: str) -> None:
    """A refresh of 295 ns as often as, and more often than, it takes: nothing is left, or less."""
    text = 'format = 1\n[processor.p]\ntechnology = "cpu"\n[memory.m]\ntechnology = "ddr5"\n{}'
    load(text.format(""))
    stated = f'refresh_interval = "{interval}"\nrefresh_blocking = 1\n'
    words = r"m\.efficiency is (0|-1\.\d+) here; it must be greater than 0"
    with pytest.raises(SpecError, match=rf"made.toml:4: memory\.m: {words}"):
        load(text.format(stated))
    with pytest.raises(SpecError, match=f"--set: {words}"):
        load(text.format(""), **{"m.refresh_interval": interval, "m.refresh_blocking": "1"})


def test_settings_override_specs_and_specs_override_presets(load: Load) -> None:
    system = load(
        GOOD,
        **{
            "hbm.stacks": 7,
            "hbf.read_time": "5us",
            "gpu.overlap": math.inf,
            "gpu.prefetch": "step",
            "mapping.tensor": "4",
            "scale_up.size": "4",
            "hbm.arbitration": "exclusive",
        },
    )
    values = {n: {k: s.value for k, s in c.settings.items()} for n, c in system.components.items()}
    assert (values["hbm"]["stacks"], values["hbf"]["read_time"]) == (7, 5e-6)
    assert (values["gpu"]["overlap"], values["gpu"]["prefetch"]) == (math.inf, "step")
    assert (system.tensor, system.devices) == (4, 4)
    assert system.components["hbm"].arbitration == "exclusive"
    assert system.components["hbf"].settings["read_time"].origin == "--set"
    assert system.components["hbf"].settings["read_time"].high == 30e-6
    assert load(GOOD, **{"hbf.read_time": 5e-6}).components["hbf"].settings["read_time"].value == 5e-6


def test_a_tensor_degree_that_does_not_divide_is_refused_with_the_allowed(load: Load) -> None:
    model = symarch.load_model("llama-2-7b")
    for more, words in (
        ({"mapping.tensor": 3}, "does not divide the 8 devices .* allowed: 1, 2, 4, 8"),
        ({"mapping.tensor": 6, "scale_up.size": 6}, "does not divide llama-2-7b"),
        ({"mapping.tensor": 4, "mapping.data": 4}, "has 8 devices"),
    ):
        with pytest.raises(SymarchError, match=words):
            symarch.analyze(load(GOOD, **more), model).evaluate()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"\xff\xfe\x00\x00",
        b"\x7fELF\x02\x01\x01\x00",
        b"format = 1",
        b"format = ",
        b"[",
        b"]",
        b"= 1",
        b"{}",
        b"null",
        b"format = 1\nformat = 1\n",
        b"[a]\n[a]\n",
        b"\xef\xbb\xbfformat = 1\n",
        b"a = 1e999999\n",
        b"x = " + b"[" * 100_000,
        b"x = " + b"{a=" * 5_000,
        b"format = " + b"9" * 5000,
        b"a." * 3000 + b"b = 1\n",
        b"processor = 3\n",
        b"processor = []\n",
        b"[processor]\ngpu = 3\n",
        b"mapping = 3\nformat = 1",
        b"mapping = []\nformat = 1",
        b"mapping = 'x'\nformat = 1",
        b"[mapping]\nplace = 3\n",
        b"[mapping]\nplace = { weights = 3 }\n",
        b"[mapping]\ntensor = []\n",
        b"[mapping]\ndata = {}\n",
        b"format = true\nname = []\n",
        b"\r\n\r\n",
        "名 = 1".encode(),
        b"x = 1979-05-27T07:32:00Z",
        b"x = 99:99:99",
    ],
)
def test_whatever_a_file_holds_the_answer_is_a_symarch_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(SpecError) as caught:
        symarch.load_system(str(path))
    assert "bad.toml" in str(caught.value)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.toml"
    with path.open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(SpecError, match="larger than"):
        symarch.load_system(str(path))


def test_a_file_of_thousands_of_faults_is_answered_soon(load: Load) -> None:
    start = time.perf_counter()
    found = faults(load, GOOD + "".join(f"\n[memory.x{i}]\ntechnolgy = 'hbm'\n" for i in range(400)))
    assert len(found) >= 1
    assert time.perf_counter() - start < 20


def test_names_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown system 'h100-smx'; did you mean 'h100-sxm'"):
        symarch.load_system("h100-smx")
    with pytest.raises(UnknownNameError, match="does not exist"):
        symarch.load_system(str(tmp_path / "gone.toml"))
    for odd in ("", "a" * 5000, "a\0b", "..", str(tmp_path)):
        with pytest.raises(SymarchError):
            symarch.load_system(odd)
        with pytest.raises(SymarchError):
            symarch.load_model(odd)


@pytest.mark.parametrize("name", [s.name for s in list_specs() if s.kind == "system"])
def test_shipped_systems_load_and_say_what_they_are(name: str) -> None:
    system = symarch.load_system(name)
    assert system.name == name
    assert len(system.title) > 10
    assert len(system.source) > 10
    for component in system.components.values():
        for parameter in component.declared():
            setting = component.settings[parameter]
            assert setting.value is None or setting.low is None or setting.low <= setting.value, (
                component.name,
                parameter,
            )
            assert setting.value is None or setting.high is None or setting.value <= setting.high, (
                component.name,
                parameter,
            )


SHIPPED = sorted((shipped() / "systems").glob("*.toml"))
TEXTS = [p.read_text(encoding="utf-8") for p in SHIPPED]
TOKENS = [
    "0",
    "-1",
    "nan",
    "inf",
    '""',
    '"x"',
    "[]",
    "{}",
    "true",
    "1e400",
    '"5 GB"',
    "{ value = 3 }",
    "[1, 2]",
    '"hbm"',
    "9" * 30,
    "1979-05-27",
    "'''\n'''",
    "\n",
    "#",
    "=",
    "[",
    "]",
    '"',
    "\\",
    "\0",
    "é",
    "[memory.z]\n",
    "hbm",
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        how = draw(st.sampled_from(["value", "line", "char", "insert", "double", "swap"]))
        lines = text.split("\n")
        at = draw(st.integers(0, len(lines) - 1))
        if how == "value" and "=" in lines[at]:
            lines[at] = lines[at].split("=", 1)[0] + "= " + draw(st.sampled_from(TOKENS))
        elif how == "line":
            del lines[at]
        elif how == "double":
            lines.insert(at, lines[at])
        elif how == "swap":
            other = draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], lines[at]
        elif how == "insert":
            place = draw(st.integers(0, len(lines[at])))
            lines[at] = lines[at][:place] + draw(st.sampled_from(TOKENS)) + lines[at][place:]
        elif lines[at]:
            place = draw(st.integers(0, len(lines[at]) - 1))
            lines[at] = lines[at][:place] + draw(st.characters(codec="utf-8")) + lines[at][place + 1 :]
        text = "\n".join(lines)
    return text


@settings(max_examples=250)
@given(mutated())
def test_only_symarch_errors_escape_from_a_mutated_spec(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.toml"
    path.write_bytes(text.encode("utf-8"))
    try:
        system = symarch.load_system(str(path))
    except SymarchError as error:
        assert all(len(line) < 1000 for line in str(error).splitlines())
        return
    try:
        symarch.analyze(system, symarch.load_model("llama-2-7b")).evaluate(batch=system.devices)
    except SymarchError:
        return
