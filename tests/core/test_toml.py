"""Inheritance of specs: merging, circles, where a fault is placed; writing that reads back the same."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path

import jsonschema
import pytest

import symarch
from symarch.errors import SpecError
from symarch.specs import read_system, resolved
from symarch.specs.files import shipped
from symarch.specs.schema import schema
from symarch.specs.toml import write_toml

SYSTEMS = sorted((shipped() / "systems").glob("*.toml"))


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text("format = 1\n" + text, encoding="utf-8")
    return path


def test_a_child_overrides_key_by_key_and_keeps_the_rest(tmp_path: Path) -> None:
    child = write(tmp_path, "child.toml", 'extends = "h200-hbf-8"\n[memory.hbf]\nread_time = "5 us"\n')
    system, parent = read_system(child), symarch.load_system("h200-hbf-8")
    assert system.name == "child"
    assert system.components["hbf"].settings["read_time"].value == 5e-6
    assert system.components["hbf"].settings["stacks"] == parent.components["hbf"].settings["stacks"]
    assert (system.tensor, system.place) == (parent.tensor, parent.place)


def test_a_component_of_another_technology_starts_afresh(tmp_path: Path) -> None:
    parent = write(tmp_path, "parent.toml", _ONE)
    child = write(tmp_path, "child.toml", 'extends = "parent.toml"\n[memory.m]\ntechnology = "hbf"\n')
    assert read_system(parent).components["m"].settings["stacks"].value == 5
    assert read_system(child).components["m"].technology is not None
    assert read_system(child).components["m"].settings["stacks"].origin == "default"


_ONE = '[processor.gpu]\ntechnology = "gpu"\n[memory.m]\ntechnology = "hbm"\nstacks = 5\n'


def test_a_placement_is_merged_by_tensor_class(tmp_path: Path) -> None:
    child = write(tmp_path, "child.toml", 'extends = "h200-hbf-8"\n[mapping]\nplace = { kv_cache = "hbf" }\n')
    assert read_system(child).place == {"weights": "hbf", "kv_cache": "hbf", "activations": "hbm"}


def test_circles_are_refused(tmp_path: Path) -> None:
    for name, parent in (("a.toml", "b.toml"), ("b.toml", "c.toml"), ("c.toml", "a.toml")):
        write(tmp_path, name, f'extends = "{parent}"\n')
    with pytest.raises(SpecError, match=r"a\.toml -> b\.toml -> c\.toml -> a\.toml"):
        read_system(tmp_path / "a.toml")
    write(tmp_path, "self.toml", 'extends = "self.toml"\n')
    with pytest.raises(SpecError, match="circle"):
        read_system(tmp_path / "self.toml")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('extends = "h200-hbf-9"', "h200-hbf-8"),
        ("extends = 3", "must be the name"),
        ('extends = "x/y.toml"', "exist"),
        (f'extends = "{"x" * 5000}.toml"', "cannot be read: File name too long"),
    ],
)
def test_a_wrong_parent_is_refused_with_its_line(tmp_path: Path, line: str, words: str) -> None:
    path = write(tmp_path, "child.toml", line + "\n")
    with pytest.raises(SpecError, match=words) as caught:
        read_system(path)
    assert f"{path}:2" in str(caught.value)


def test_a_fault_is_placed_in_the_file_it_stands_in(tmp_path: Path) -> None:
    parent = write(tmp_path, "parent.toml", _ONE.replace("stacks = 5", "stakcs = 5"))
    child = write(tmp_path, "child.toml", 'extends = "parent.toml"\n[memory.m]\ndise = 8\n')
    with pytest.raises(SpecError) as caught:
        read_system(child)
    assert any(f.startswith(f"{parent}:6") and "'stacks'" in f for f in caught.value.faults)
    assert any(f.startswith(f"{child}:4") and "'dies'" in f for f in caught.value.faults)


@pytest.mark.parametrize("path", SYSTEMS, ids=lambda p: p.stem)
def test_a_resolved_spec_is_the_same_system(path: Path, tmp_path: Path) -> None:
    system = read_system(path)
    copy = tmp_path / "copy.toml"
    copy.write_text(resolved(system), encoding="utf-8")
    again = read_system(copy)
    written = tomllib.loads(copy.read_text(encoding="utf-8"))
    parts = [written, *written.get("pool", {}).values()]
    assert all("preset" not in memory for part in parts for memory in part.get("memory", {}).values())
    assert again.name == system.name
    model = symarch.load_model("llama-3.1-8b")
    for one, other in zip(system.components.values(), again.components.values(), strict=True):
        for field in ("name", "technology", "topology", "size", "between", "on", "arbitration"):
            assert getattr(one, field) == getattr(other, field)
        for name, setting in one.settings.items():
            assert other.settings[name].value == setting.value, name
    before = symarch.analyze(system, model).evaluate(batch=4).metrics
    assert symarch.analyze(again, model).evaluate(batch=4).metrics == before


def test_what_toml_would_lose_is_refused() -> None:
    assert tomllib.loads(write_toml({"a": {"b": 1.5, "c": ["x"]}})) == {"a": {"b": 1.5, "c": ["x"]}}
    with pytest.raises(ValueError, match="cannot be written"):
        write_toml({"a": [{"b": 1}, 2]})


def test_large_files_and_long_lines_are_refused_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, "large.toml", 'name = "' + "x" * 10_000_000 + '"\n')
    with pytest.raises(SpecError, match="larger than"):
        read_system(path)


@pytest.mark.parametrize("part", ["a", '"a b"', "'a.b'"])
@pytest.mark.parametrize("dot", [".", " . "])
def test_keys_of_thousands_of_parts_are_refused_at_once(tmp_path: Path, part: str, dot: str) -> None:
    """tomllib takes a time that grows with the square of the parts: four seconds for 20,000 of them."""
    path = write(tmp_path, "deep.toml", dot.join([part] * 20_000) + " = 1\n")
    began = time.perf_counter()
    with pytest.raises(SpecError, match="more than 40 parts"):
        read_system(path)
    assert time.perf_counter() - began < 1


def test_a_key_is_shown_short_and_without_control_characters(tmp_path: Path) -> None:
    path = write(tmp_path, "keys.toml", "x" * 5000 + ' = 1\n[memory."a\\u001b[31m"]\ntechnology = "hbm"\n')
    with pytest.raises(SpecError) as caught:
        read_system(path)
    assert all(f.isprintable() and len(f) < 600 for f in caught.value.faults)


def test_all_faults_of_one_value_are_reported(tmp_path: Path) -> None:
    value = '{ value = "5 Gb/s", low = "6 Gb/s", high = "4 parsec", status = "x", foo = 1 }'
    path = write(tmp_path, "x.toml", _ONE + f"pin_rate = {value}\n")
    with pytest.raises(SpecError) as caught:
        read_system(path)
    assert len(caught.value.faults) == 4
    for fault, word in zip(caught.value.faults, ("'foo'", "status", "parsec", "below low"), strict=True):
        assert fault.startswith(f"{path}:7: memory.m.pin_rate: ")
        assert word in fault


def test_the_speed_of_light_resolved_has_no_limit_on_power(tmp_path: Path) -> None:
    ideal = symarch.load_system("h100-sxm").ideal()
    path = tmp_path / "ideal.toml"
    path.write_text(resolved(ideal), encoding="utf-8")
    assert tomllib.loads(path.read_text(encoding="utf-8"))["processor"]["gpu"]["power_limit"] == "absent"
    again = read_system(path)
    assert again.components["gpu"].settings["power_limit"].value is None
    model = symarch.load_model("llama-3.1-8b")
    before, after = (symarch.analyze(s, model).evaluate(batch=512) for s in (ideal, again))
    assert after.metrics == before.metrics
    assert "gpu.power" not in [c.name for c in after.constraints]


def test_absent_is_for_what_may_lack(tmp_path: Path) -> None:
    free = symarch.load_system("h100-sxm", {"gpu.power_limit": "absent"})
    assert free.components["gpu"].settings["power_limit"].value is None
    path = tmp_path / "some.toml"
    path.write_text('format = 1\nextends = "h100-sxm"\n[processor.gpu]\noutstanding = "absent"\n')
    assert read_system(path).components["gpu"].settings["outstanding"].value is None
    with pytest.raises(SpecError, match="stacks cannot be absent; it is always modelled and needs a value"):
        symarch.load_system("h100-sxm", {"hbm.stacks": "absent"})
    path.write_text('format = 1\nextends = "h100-sxm"\n[memory.hbm]\npin_rate = "absent"\n')
    with pytest.raises(SpecError, match=r"memory\.hbm\.pin_rate: pin_rate cannot be absent"):
        read_system(path)
    validator = jsonschema.Draft202012Validator(schema())
    table = {"format": 1, "processor": {"gpu": {"technology": "gpu", "power_limit": "absent"}}}
    assert validator.is_valid(table)
    table["processor"]["gpu"]["launch"] = "absent"  # type: ignore[index]
    assert not validator.is_valid(table)
