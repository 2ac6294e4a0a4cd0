"""What records show in a notebook: valid, escaped, with the numbers."""

from __future__ import annotations

import pickle
from html import escape
from pathlib import Path
from xml.etree import ElementTree

import symarch
from symarch.accuracy import predict, read_table, scores_of
from symarch.accuracy.calibrate import Calibration, Fitted
from symarch.compare import compare
from symarch.notebook import TALL, Records, Sheet
from symarch.report.record import report_of

MODEL = symarch.load_model("llama-3.1-8b")
TABLE = read_table(Path(__file__).parents[1] / "accuracy" / "data" / "elementwise.csv")
PREDICTED = predict(TABLE)
FITTED = Calibration(
    parameters=(Fitted("gpu.launch", 2e-6, 1.9e-6, 2.1e-6, "s"),), before={("gemm", "h100_sxm"): (9.0, 8.0, 1.0)},
    after={("gemm", "h100_sxm"): (7.0, 6.0, 0.5)}, crossed=(("h100_sxm", "gemm", "h100_sxm", 8.0, 9.0, -1.0),),
    untouched=("gpu.spill",), rows=3,
)  # fmt: skip


def test_every_text_is_escaped() -> None:
    page = Sheet("<script>", ["a & b"], [["<b>"]], "x < y", [0.5]).html()
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


def test_every_answer_is_html_markdown_and_text() -> None:
    first, second = (symarch.analyze(symarch.load_system(n), MODEL) for n in ("h100-sxm", "h200-sxm"))
    found = first.sensitivity("tpot")
    answers = {
        "system": first.system, "analysis": first, "result": first.evaluate(), "elasticities": found,
        "terms": first.explain("tpot"), "headroom": first.headroom("tpot"),
        "regimes": first.regimes("tpot", "hbm.pin_rate"),
        "map": first.regime_map("tpot", ("hbm.pin_rate", "batch"), (None, (1, 64)), cells=8),
        "crossing": first.break_even("hbm.pin_rate", second, forms=False),
        "drawn": first.uncertainty(samples=1000), "indices": first.indices("tpot", samples=16),
        "comparison": compare([first, second]), "report": report_of(first, found, {}, sections=["headline"]),
        "held": first.held(batch=4), "samples": first.presets_as_samples("hbm"), "mapping": first.recorded().mapping,
        "scores": scores_of(PREDICTED), "prediction": PREDICTED, "calibration": FITTED,
        "found": symarch.best_mapping(symarch.load_system("h100-sxm-8"), MODEL, batch=4),
    }  # fmt: skip
    for name, answer in answers.items():
        page, words = answer._repr_html_(), str(answer)
        ElementTree.fromstring(f"<div>{page}</div>")
        assert "<table" in page, name
        for sheet in answer.sheets():
            assert sheet.rows, name
            assert len(sheet.shares) in (0, len(sheet.rows)), name
            assert all(len(row) == len(sheet.columns) for row in sheet.rows), name
            cells = {escape(cell) for row in sheet.rows for cell in row}
            assert all(cell in page for cell in cells), name
            assert sheet.rows[0][0] in words, name
        lines = answer._repr_markdown_().splitlines()
        tables = [line.replace(r"\|", "") for line in lines if line.startswith("|")]
        assert len(tables) == sum(2 + len(s.rows) for s in answer.sheets()), name


def test_an_interactive_console_prints_text() -> None:
    class Printer:
        printed = ""

        def text(self, words: str) -> None:
            self.printed += words

    printer, system = Printer(), symarch.load_system("h100-sxm")
    system._repr_pretty_(printer, False)
    assert printer.printed == str(system)
    assert "hbm.pin_rate" in printer.printed


def test_records_of_a_kind_are_a_tuple_and_a_table() -> None:
    samples = symarch.analyze(symarch.load_system("h100-sxm"), MODEL).presets_as_samples("hbm")
    assert isinstance(samples, Records)
    assert samples == tuple(samples)
    assert {"preset", "tpot", "fails"} <= set(samples.sheets()[0].columns)
    again = pickle.loads(pickle.dumps(samples))
    assert (again, again.title) == (samples, samples.title)


def test_a_long_table_scrolls_and_a_short_one_does_not() -> None:
    pages = [Sheet("x", ["a"], [["b"]] * count).html() for count in (TALL, TALL + 1)]
    assert ["max-height" in page for page in pages] == [False, True]


def test_a_formula_has_a_term_on_each_line() -> None:
    why = symarch.analyze(symarch.load_system("h100-sxm"), MODEL).explain("tpot")
    assert why._repr_latex_().count(r"\\ &+") == len(why.terms) - 1
