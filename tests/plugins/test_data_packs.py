"""Data of an installed package without code: found by name, with its provenance, and no harm to anyone else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import symarch
from symarch.cli import main
from symarch.errors import PluginError, SpecError, UnknownNameError
from symarch.plugins import registry
from symarch.report.data import plugins_of
from symarch.specs import find_model, find_system, list_specs, listing, preset_of, presets_of, shipped

Install = Callable[..., Path]

SYSTEM = """
format = 1
name = "lab"
title = "The machine of this test"
extends = "h100-sxm"
[memory.hbm]
preset = "lab-stack"
"""
PRESET = """
[lab-stack]
title = "A stack measured in the laboratory"
source = "this test"
date = "2026-08"
status = "measured"
[lab-stack.parameters]
pin_rate = "7 Gb/s"
"""
PRICES = """
format = 1
title = "Prices of this test"
date = "2026-08"
[price.hbm3e]
item = "a stack"
value = "12 USD/GB"
basis = "contract"
source = "this test"
"""


def model(title: str = "A model of this test") -> str:
    config = json.loads(find_model("llama-3.1-8b").read_text(encoding="utf-8"))
    return json.dumps(config | {"num_hidden_layers": 16, "_symarch": {"title": title}})


def pack() -> dict[str, str]:
    return {
        "symarch_lab/systems/lab.toml": SYSTEM,
        "symarch_lab/presets/hbm.toml": PRESET,
        "symarch_lab/models/half-llama.json": model(),
        "symarch_lab/prices/lab-prices.toml": PRICES,
        "symarch_lab/studies/lab-study.toml": 'format = 1\ntitle = "A study of this test"\n',
    }


@pytest.fixture
def lab(install: Install) -> Path:
    return install("symarch-lab", pack(), {"specs.lab": "symarch_lab"}) / "symarch_lab"


def command(arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, str, int]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(arguments.split())
    out, err = capsys.readouterr()
    return out, err, int(stopped.value.code or 0)


def test_what_symarch_ships_comes_through_the_same_hook() -> None:
    folder, provider = next(iter(registry().folders().items()))
    assert folder == shipped()
    assert (provider.name, provider.distribution) == ("specs.shipped", "symarch")


def test_all_that_a_pack_holds_is_listed_with_its_distribution(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [r for r in json.loads(command("specs list --json", capsys)[0]) if r["distribution"] == "symarch-lab"]
    assert {(r["name"], r["kind"], r["title"]) for r in rows} == {
        ("lab", "system", "The machine of this test"),
        ("half-llama", "model", "A model of this test"),
        ("lab-study", "study", "A study of this test"),
        ("lab-prices", "prices", "Prices of this test"),
        ("hbm:lab-stack", "preset", "A stack measured in the laboratory"),
    }
    assert all(set(r) == {"name", "kind", "title", "distribution"} for r in rows)
    assert listing()[1] == []


@pytest.mark.parametrize("name", ["lab", "half-llama", "lab-study", "lab-prices", "hbm:lab-stack"])
def test_each_is_shown_with_its_distribution(name: str, lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(command(f"specs show {name} --json", capsys)[0])
    assert (data["distribution"], data["version"]) == ("symarch-lab", "1.2.3")
    assert "from symarch-lab 1.2.3" in command(f"specs show {name}", capsys)[0]


def test_a_run_takes_system_model_and_preset_of_a_pack_and_says_so(
    lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, _, code = command("run lab --model half-llama --json", capsys)
    assert code == 0
    data = json.loads(out)
    origins = {p["name"]: (p["distribution"], p["version"]) for p in data["plugins"]}
    assert origins["hbm:lab-stack"] == origins["lab"] == ("symarch-lab", "1.2.3")
    assert origins["hbm"][0] == "symarch"
    assert "hbm:lab-stack from symarch-lab 1.2.3" in command("run lab --model half-llama", capsys)[0]
    # 5 stacks of 1024 pins: a spec's own value stands before the preset's, which is taken by a system without one
    own = symarch.load_system("lab").components["hbm"].settings["pin_rate"]
    assert (own.value, own.origin) == (5.234375e9 / 8, "spec")
    setting = preset_of("hbm", "lab-stack").settings["pin_rate"]
    assert (setting.value, setting.source, setting.status) == (7e9 / 8, "this test", "measured")


def test_plugins_list_shows_the_pack(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {r["name"]: r for r in json.loads(command("plugins list --json", capsys)[0])}
    row = rows["specs.lab"]
    assert (row["kind"], row["distribution"], row["version"]) == ("data folder", "symarch-lab", "1.2.3")
    assert row["title"] == "1 system, 1 model, 1 study, 1 price list, 1 preset"
    assert row["presets"] == ["hbm:lab-stack"]
    assert "lab-stack" in rows["hbm"]["presets"]
    assert {frozenset(r) for r in rows.values()} == {frozenset(row)}
    assert "symarch-lab 1.2.3" in command("plugins list", capsys)[0]
    shown = json.loads(command("plugins show hbm --json", capsys)[0])["presets"]
    assert {p["name"]: p["distribution"] for p in shown}["lab-stack"] == "symarch-lab"
    assert "(2026-08, measured, from symarch-lab)" in command("plugins show hbm", capsys)[0]


def test_a_pack_changes_no_result(install: Install) -> None:
    def result() -> tuple[object, ...]:
        system, llama = symarch.load_system("h100-sxm"), symarch.load_model("llama-3.1-8b")
        return symarch.analyze(system, llama).evaluate().metrics, plugins_of(system)

    before, names = result(), {s.name for s in list_specs()}
    install("symarch-lab", pack(), {"specs.lab": "symarch_lab"})
    assert result() == before
    assert names < {s.name for s in list_specs()}


def test_a_file_of_ones_own_stands_before_a_pack(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "half-llama").mkdir()
    (tmp_path / "half-llama" / "config.json").write_text(model(), encoding="utf-8")
    before = find_model("half-llama")
    install("symarch-lab", pack(), {"specs.lab": "symarch_lab"})
    assert find_model("half-llama") == before == Path("half-llama/config.json")
    monkeypatch.chdir(tmp_path.parent)
    assert find_model("half-llama").parts[-2:] == ("models", "half-llama.json")


def test_a_name_that_symarch_has_stays_its_own_and_the_rival_is_told(install: Install) -> None:
    files = {
        "symarch_rival/systems/h100-sxm.toml": "format = 1\n",
        "symarch_rival/models/llama-3.1-8b.json": model(),
        "symarch_rival/presets/hbm.toml": PRESET.replace("lab-stack", "hbm3e"),
    }
    before = preset_of("hbm", "hbm3e")
    install("symarch-rival", files, {"specs.rival": "symarch_rival"})
    assert find_system("h100-sxm") == shipped() / "systems" / "h100-sxm.toml"
    assert find_model("llama-3.1-8b") == shipped() / "models" / "llama-3.1-8b.json"
    assert preset_of("hbm", "hbm3e") == before
    found, faults = listing()
    assert {s.name for s in found if s.distribution == "symarch-rival"} == set()
    for what in ("system 'h100-sxm'", "model 'llama-3.1-8b'", "preset 'hbm:hbm3e'"):
        assert f"{what} is provided by symarch and by symarch-rival; uninstall symarch-rival" in faults


def test_a_name_that_two_packs_claim_is_an_error_that_names_both(lab: Path, install: Install) -> None:
    files = {name.replace("symarch_lab", "symarch_twin"): text for name, text in pack().items()}
    install("symarch-twin", files, {"specs.twin": "symarch_twin"})
    both = "provided by symarch-lab and by symarch-twin; uninstall one of them"
    with pytest.raises(PluginError, match=f"system 'lab' is {both}"):
        find_system("lab")
    with pytest.raises(PluginError, match=f"model 'half-llama' is {both}"):
        find_model("half-llama")
    with pytest.raises(PluginError, match=f"preset 'hbm:lab-stack' is {both}"):
        preset_of("hbm", "lab-stack")
    found, faults = listing()
    assert not {"symarch-lab", "symarch-twin"} & {s.distribution for s in found}
    assert len([f for f in faults if both in f]) == 5
    assert find_system("h100-sxm")


BROKEN = {
    "systems/broken.toml": ("format = ", "systems/broken.toml of symarch-lab: not TOML"),
    "models/broken.json": ("{", "models/broken.json of symarch-lab: not JSON"),
    "models/list.json": ("[]", "models/list.json of symarch-lab: it must hold an object"),
    "prices/broken.toml": ("format = 2", "prices/broken.toml of symarch-lab: broken.toml: format"),
    "presets/hbm.toml": (
        "[x.parameters]\npin_rat = 1",
        r"presets/hbm.toml of symarch-lab: x: unknown parameter 'pin_rat'",
    ),
    "presets/hbn.toml": (PRESET, "presets/hbn.toml of symarch-lab: unknown technology 'hbn'; did you mean 'hbm'"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_faulty_file_is_named_and_the_rest_goes_on(
    name: str, install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    text, words = BROKEN[name]
    install("symarch-lab", {**pack(), f"symarch_lab/{name}": text}, {"specs.lab": "symarch_lab"})
    for arguments in ("specs list --json", "plugins list --json"):
        out, err, code = command(arguments, capsys)
        assert code == 0
        assert words in err
        assert json.loads(out)
    assert {"lab", "half-llama"} <= {s.name for s in list_specs()}
    assert "hbm3e" in presets_of("hbm")


def test_a_preset_that_a_faulty_file_hides_is_told_with_the_fault(install: Install) -> None:
    install(
        "symarch-lab",
        {"symarch_lab/presets/hbm.toml": PRESET.replace("pin_rate", "pin_rat")},
        {"specs.lab": "symarch_lab"},
    )
    with pytest.raises(
        UnknownNameError, match=r"unknown preset 'lab-stack' .*presets/hbm.toml of symarch-lab: .*pin_rat"
    ):
        preset_of("hbm", "lab-stack")


def test_a_faulty_system_is_told_with_its_line_when_it_is_used(install: Install) -> None:
    text = SYSTEM.replace("lab-stack", "lab-stick")
    install("symarch-lab", {**pack(), "symarch_lab/systems/lab.toml": text}, {"specs.lab": "symarch_lab"})
    with pytest.raises(SpecError, match=r"lab.toml:7: .*unknown preset 'lab-stick' .* did you mean 'lab-stack'"):
        symarch.load_system("lab")


def test_an_allowlist_covers_packs(lab: Path, install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMARCH_PLUGINS", "symarch")
    registry.cache_clear()
    presets_of.cache_clear()
    with pytest.raises(UnknownNameError, match=r"unknown system 'lab' \(SYMARCH_PLUGINS allows only symarch\)"):
        find_system("lab")
    with pytest.raises(UnknownNameError, match=r"'lab-stack' .*SYMARCH_PLUGINS allows only symarch"):
        preset_of("hbm", "lab-stack")
    monkeypatch.setenv("SYMARCH_PLUGINS", "symarch,specs.lab")
    registry.cache_clear()
    presets_of.cache_clear()
    assert find_system("lab") == lab / "systems" / "lab.toml"


def test_an_allowlist_leaves_what_symarch_ships(monkeypatch: pytest.MonkeyPatch, install: Install) -> None:
    monkeypatch.setenv("SYMARCH_PLUGINS", "hbm")
    registry.cache_clear()
    assert find_system("h100-sxm")


def test_a_pack_that_is_found_twice_on_the_path_is_one_pack(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    site = install("symarch-lab", pack(), {"specs.lab": "symarch_lab"})
    monkeypatch.syspath_prepend(str(site / "symarch_lab" / ".."))
    registry.cache_clear()
    assert find_system("lab")
    assert registry().failures() == {}


def test_a_pack_may_have_code_that_names_its_folders(install: Install) -> None:
    code = (
        "from pathlib import Path\nfrom symarch import hookimpl\n"
        "@hookimpl\ndef symarch_specs():\n    return [Path(__file__).parent / 'data']\n"
    )
    files = {"symarch_lab.py": code, "data/systems/lab.toml": SYSTEM, "data/presets/hbm.toml": PRESET}
    site = install("symarch-lab", files, {"specs.lab": "symarch_lab"})
    assert find_system("lab") == site / "data" / "systems" / "lab.toml"


def test_a_folder_that_does_not_exist_is_reported(install: Install) -> None:
    code = (
        "from pathlib import Path\nfrom symarch import hookimpl\n"
        "@hookimpl\ndef symarch_specs():\n    return [Path(__file__).parent / 'nowhere']\n"
    )
    install("symarch-lab", {"symarch_lab.py": code}, {"specs.lab": "symarch_lab"})
    assert find_system("h100-sxm")
    assert "not a folder" in registry().failures()["specs.lab"]


def test_hook_calls_of_packs_are_traced(
    install: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = (
        "from pathlib import Path\nfrom symarch import hookimpl\n"
        "@hookimpl\ndef symarch_specs():\n    return [Path(__file__).parent / 'data']\n"
    )
    install("symarch-lab", {"symarch_lab.py": code, "data/prices/p.toml": PRICES}, {"specs.lab": "symarch_lab"})
    monkeypatch.setenv("SYMARCH_TRACE_HOOKS", "1")
    registry().folders()
    assert (
        "symarch: symarch_specs of plugin 'specs.lab' of distribution symarch-lab returned" in capsys.readouterr().err
    )
