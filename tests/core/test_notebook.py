"""What records show in a notebook: valid, escaped, with the numbers."""

from __future__ import annotations

from xml.etree import ElementTree

import symarch
from symarch.notebook import html_table


def test_every_text_is_escaped() -> None:
    page = html_table("<script>", ["a & b"], [["<b>"]], "x < y")
    assert "<script>" not in page
    ElementTree.fromstring(f"<div>{page}</div>")


def test_records_show_tables_and_formulas() -> None:
    system = symarch.load_system("h100-sxm")
    analysis = symarch.analyze(system, symarch.load_model("llama-3.1-8b"))
    for record in (system, analysis, analysis.evaluate(batch=4), analysis.sensitivity("tpot")):
        page = record._repr_html_()
        ElementTree.fromstring(f"<div>{page}</div>")
    assert "5.23 Gb/s" in system._repr_html_()
    assert "tpot" in analysis._repr_html_()
    latex = analysis.explain("tpot")._repr_latex_()
    assert latex.startswith("$")
    assert latex.count("{") == latex.count("}")


def test_answers_show_tables() -> None:
    system = symarch.load_system("h200-hbf-8", {"gpu.overlap": "inf"})
    analysis = symarch.analyze(system, symarch.load_model("llama-3.1-8b"), phase="decode")
    headroom = analysis.headroom("tpot")
    regimes = analysis.regimes("tpot", "hbf.read_time")
    crossing = analysis.break_even("hbf.read_time", 1.01 * headroom.value, forms=False)
    drawn = analysis.uncertainty(samples=1000)
    for record, word in (
        (headroom, headroom.floor),
        (regimes, "condition"),
        (crossing, "equals the target of"),
        (drawn, "1000 samples"),
    ):
        page = record._repr_html_()
        ElementTree.fromstring(f"<div>{page}</div>")
        assert word in page
