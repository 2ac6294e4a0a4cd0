from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from symarch.errors import SpecError, UnknownNameError
from symarch.plugins import registry
from symarch.specs import Preset, list_specs, presets_of, read_system
from symarch.specs.presets import CORE, preset_of, technology_of
from symarch.technologies import options_of, parameters_of

TECHNOLOGIES = [*registry().technologies(), *CORE]
ALL = [(t, p) for t in TECHNOLOGIES for p in presets_of(t)]


@pytest.mark.parametrize(("technology", "name"), ALL)
def test_presets_are_sourced_dated_and_inside_their_ranges(technology: str, name: str) -> None:
    preset = presets_of(technology)[name]
    assert len(preset.title) > 10
    assert len(preset.source) > 20
    assert preset.date[:2] == "20"
    assert preset.status in ("measured", "standard", "announced", "assumed")
    declared = {p.name: p for p in parameters_of(technology_of(technology))}
    words = {o.name for o in options_of(technology_of(technology))}
    for key, setting in preset.settings.items():
        assert setting.origin == f"preset {name}"
        assert setting.source
        assert setting.status
        if key in words:
            continue
        assert declared[key].fault(setting.value) is None
        assert setting.low is None or setting.low <= setting.value
        assert setting.high is None or setting.value <= setting.high
    # what the source does not give is a parameter, and is not given
    assert set(preset.unknown) <= set(declared)
    assert not set(preset.unknown) & set(preset.settings)


def test_every_preset_is_listed() -> None:
    listed = {s.name for s in list_specs() if s.kind == "preset"}
    assert listed == {f"{t}:{p}" for t, p in ALL}


def test_an_unknown_preset_names_near_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown preset 'h100-smx' of .* did you mean 'h100-sxm'"):
        preset_of("gpu", "h100-smx")
    with pytest.raises(UnknownNameError, match="unknown technology 'gpus'"):
        preset_of("gpus", "h100-sxm")


Read = Callable[[bytes], dict[str, Preset]]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    path = tmp_path / "ucie.toml"
    monkeypatch.setattr(type(registry()), "preset_file", lambda self, technology: path)

    def presets(content: bytes) -> dict[str, Preset]:
        path.write_bytes(content)
        return presets_of.__wrapped__("ucie")

    return presets


def test_a_table_of_its_own_keeps_source_and_range(read: Read) -> None:
    text = b'[x]\ntitle = "t"\nsource = "s"\nstatus = "standard"\n[x.parameters]\nlanes = 16\n'
    text += b'latency = { value = "3 ns", low = "1 ns", high = "4 ns", source = "mine", status = "measured" }\n'
    found = read(text)["x"].settings
    assert (found["lanes"].value, found["lanes"].source, found["lanes"].status) == (16, "s", "standard")
    latency = found["latency"]
    assert (latency.value, latency.low, latency.high) == (3e-9, 1e-9, 4e-9)
    assert (latency.source, latency.status) == ("mine", "measured")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[x", "ucie.toml: not TOML"),
        (b"\xff\xfe", "ucie.toml: not TOML"),
        (b"x = 3", "x is not a table"),
        (b"[x]\ntilte = 'a'", "unknown key 'tilte'; did you mean 'title'"),
        (b"[x.parameters]\nlaens = 3", "unknown parameter 'laens'; did you mean 'lanes'"),
        (b"[x.parameters]\nlanes = 1.5", "whole number"),
        (b"[x.parameters]\nlatency = '3 GB'", r"\[B\] where \[s\] is due"),
        (b"[x.parameters]\nlatency = nan", "latency"),
        (b"[x]\nparameters = 3", "parameters"),
        (b"[x]\nunknown = 3", "unknown"),
        (b"[x]\nunknown = ['laens']", "x: unknown: no parameter 'laens'; did you mean 'lanes'"),
        (b"[x]\ntitle = 3", "title"),
        (b"x.parameters.lanes = " + b"9" * 5000, "ucie.toml"),
    ],
)
def test_a_faulty_preset_file_is_one_clear_error(read: Read, content: bytes, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        read(content)


def test_all_faults_of_a_preset_file_come_at_once(read: Read) -> None:
    with pytest.raises(SpecError) as caught:
        read(b"a = 3\n[b]\nx = 1\n[b.parameters]\nlanes = -1\nmodules = 'x'\n")
    assert len(caught.value.faults) == 4


CALIBRATED = """
[mine]
title = "a GPU of our own, measured"
source = "our bench"
date = "2026-11"
status = "measured"
[mine.parameters]
launch = "9 us"
"""


def test_a_preset_may_stand_in_a_file_beside_the_spec(tmp_path: Path) -> None:
    (tmp_path / "fitted.toml").write_text(CALIBRATED)
    spec = tmp_path / "system.toml"
    lines = 'format = 1\nextends = "a100-sxm"\n[processor.gpu]\ntechnology = "gpu"\npreset = '
    for name in ("fitted.toml", "fitted.toml:mine"):
        spec.write_text(f'{lines}"{name}"\n')
        setting = read_system(spec).components["gpu"].settings["launch"]
        assert (setting.value, setting.source, setting.origin) == (pytest.approx(9e-6), "our bench", "preset mine")
    spec.write_text(f'{lines}"fitted.toml:minne"\n')
    with pytest.raises(SpecError, match=r"has 1 presets, none of them 'minne'; did you mean 'mine'"):
        read_system(spec)
    spec.write_text(f'{lines}"none.toml"\n')
    with pytest.raises(SpecError, match=r"none.toml: cannot be read"):
        read_system(spec)
    (tmp_path / "fitted.toml").write_text(CALIBRATED + CALIBRATED.replace("mine", "other"))
    spec.write_text(f'{lines}"fitted.toml"\n')
    with pytest.raises(SpecError, match=r"has 2 presets; name one: .*fitted.toml:NAME"):
        read_system(spec)
