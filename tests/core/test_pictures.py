"""Pictures of shipped systems as a browser shows them, wide, narrow and in notebooks: no label is cut or covered.

Of the reports a few systems of unlike shape are taken, of the drawings all.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import symarch
from symarch.api import Analysis
from symarch.compare import compare
from symarch.report.diagram import diagram_of
from symarch.report.diagram_svg import diagram_svg
from symarch.report.explorer import explorer_html
from symarch.report.formats import render
from symarch.report.palette import colours_of, hues_of
from symarch.report.pictures import figures_of
from symarch.report.record import report_of
from symarch.specs import listing

if TYPE_CHECKING:
    from tests.core.conftest import Browser

SECTIONS = ["binds", "formula", "tornado", "headroom", "regimes", "roofline", "uncertainty", "energy", "cost"]

CASES: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "a phone of many operators": ("phone-ufs", "gemma-3n-e4b", "int4", {"prompt": 512}),
    "pools": ("h200-l40s-apart", "deepseek-v3", "fp8", {"batch": 64}),
    "a chip of SRAM": ("groq-lpu-rack", "llama-3.1-8b", "bf16", {}),
    "a pod, whose operators lie close together": ("tpu-v6e-256", "llama-3.1-70b", "bf16", {"batch": 64}),
}


def analysis_of(case: str) -> tuple[Analysis, dict[str, Any]]:
    system, model, dtype, given = CASES[case]
    return symarch.analyze(symarch.load_system(system), symarch.load_model(model), dtype=dtype), given


@pytest.mark.parametrize("case", CASES)
def test_every_label_of_a_report_and_an_explorer_can_be_read(case: str, browser: Browser, tmp_path: Path) -> None:
    analysis, given = analysis_of(case)
    report = report_of(analysis, analysis.sensitivity("tpot", **given), given, sections=SECTIONS)
    pages = {"report": render(report, "html"), "explorer": explorer_html(analysis, given)}
    for name, text in pages.items():
        path = tmp_path / f"{name}.html"
        path.write_text(text, encoding="utf-8")
        for width in (1280, 390):
            browser.window(width)
            browser.open(path)
            if name == "explorer":  # its pictures are drawn when they come into sight
                browser.window(width, 12_000)
                browser.run("new Promise(done => setTimeout(done, 700))")
            assert browser.labels() > 20
            assert browser.unreadable() == []
            assert browser.run("document.documentElement.scrollWidth <= innerWidth")
            assert browser.faults() == []


def test_every_label_of_a_drawing_can_be_read(browser: Browser, tmp_path: Path) -> None:
    systems = [symarch.load_system(s.name) for s in listing()[0] if s.kind == "system"]
    assert len(systems) > 50
    drawn = [diagram_svg(diagram_of(s)).replace("<style>", "<style media='not all'>") for s in systems]
    style = re.findall(r"<style>(.*?)</style>", diagram_svg(diagram_of(systems[0])), re.DOTALL)[0]
    path = tmp_path / "drawings.html"
    path.write_text(f"<style>{style}</style>{''.join(drawn)}", encoding="utf-8")
    browser.window(1600)
    browser.open(path)
    assert browser.labels() > 10 * len(systems)
    assert browser.unreadable() == []


def test_pictures_in_a_notebook_can_be_read_and_style_nothing_else(browser: Browser, tmp_path: Path) -> None:
    analysis, given = analysis_of("pools")
    other = symarch.analyze(symarch.load_system("h200-sxm-8"), analysis.model, dtype="fp8")
    sensitivity = analysis.sensitivity("tpot", **given)
    shown: list[Any] = [
        analysis.evaluate(**given), analysis.explain("tpot", **given), analysis.headroom("tpot", **given), sensitivity,
        analysis.regime_map("tpot", ("ffn_gddr.pin_rate", "batch"), (None, (1, 64)), cells=12),
        analysis.break_even("ffn_gddr.pin_rate", 0.25, forms=False, **given),
        analysis.uncertainty(samples=5000, **given), compare([analysis, other], **given),
        report_of(analysis, sensitivity, given, sections=["binds", "roofline"]),
    ]  # fmt: skip
    for record in shown:
        assert figures_of(record), type(record).__name__
    for name, look in (("light", "background:#fff;color:#222"), ("dark", "background:#111;color:#eee")):
        path = tmp_path / f"{name}.html"
        cells = "".join(record._repr_html_() for record in shown)
        path.write_text(f"<body style='{look};width:900px'><svg><text id=own>x</text></svg>{cells}", encoding="utf-8")
        browser.window(940)
        browser.open(path)
        assert browser.labels() > 50
        assert browser.unreadable() == []
        text = browser.run("getComputedStyle(document.querySelector('.symarch svg text')).fill")
        assert text == browser.run("getComputedStyle(document.body).color")
        assert browser.run("getComputedStyle(document.getElementById('own')).fill") == "rgb(0, 0, 0)"


def test_a_system_is_drawn_in_a_notebook_apart_from_it() -> None:
    page = symarch.load_system("h200-hbf-8")._repr_html_()
    assert "<style" not in page
    drawing = base64.b64decode(re.findall(r"base64,([^\"]+)", page)[0]).decode()
    assert drawing == diagram_svg(diagram_of(symarch.load_system("h200-hbf-8")))


def test_a_resource_has_one_colour_on_all_pages_of_all_alike_systems() -> None:
    model = symarch.load_model("llama-3.1-8b")
    seen: dict[str, str] = {}
    for name in ("h200-sxm-8", "h200-hbf-8", "h200-hbf-daisy-8"):
        for dtype, phase in (("bf16", "both"), ("fp8", "decode")):
            analysis = symarch.analyze(symarch.load_system(name), model, dtype=dtype, phase=phase)
            found = colours_of(analysis.recorded())
            assert len(set(found.values())) == len(found)
            for resource, colour in found.items():
                assert seen.setdefault(resource, colour) == colour, (name, dtype, resource)
            drawn = diagram_svg(diagram_of(analysis.system))
            hues = hues_of(analysis.system.tables)
            assert all(f'fill="{hue}"' in drawn for hue in hues.values())
            assert found["hbm"] == hues["hbm"].lower()
    assert {"hbf", "gpu.conversion", "gpu.launch", "scale_up.software"} <= set(seen)
