"""The LaTeX report compiles where there is a compiler; everywhere its braces, environments and escapes are sound."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import attrs
import pytest

import symarch
from symarch.formula import symbol_latex
from symarch.report.formats import format_for, render
from symarch.report.latex import latex_text
from symarch.report.record import Report, report_of

HOSTILE = r"50% of \input{x} & $a_1^2$ #1 {~} <b> | \end{document}"


@pytest.fixture(scope="module", params=["h200-hbf-8", "h100-sxm-8"])
def report(request: pytest.FixtureRequest) -> Report:
    analysis = symarch.analyze(symarch.load_system(request.param), symarch.load_model("llama-3.1-70b"))
    return report_of(analysis, analysis.sensitivity("tpot"), {})


def _check(text: str) -> None:
    bare = re.sub(r"\\[\\{}$&#%_]", "", re.sub(r"(?m)(?<!\\)%.*$", "", text))
    depth = 0
    for sign in bare:
        depth += (sign == "{") - (sign == "}")
        assert depth >= 0
    assert depth == 0
    opened: list[str] = []
    for way, name in re.findall(r"\\(begin|end)\{([a-z*]+)\}", text):
        if way == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert opened == []
    assert not re.search(r"[_^](?:\{[^{}]*\}|\w)[_^]", text.replace(r"\_", "")), "a second subscript on one base"
    assert not re.search(r"[^\x00-\xff]", text)


def test_the_document_is_sound(report: Report) -> None:
    text = render(report, "latex")
    _check(text)
    assert set(re.findall(r"\\usepackage(?:\[[\w=]+\])?\{(\w+)\}", text)) == {
        "inputenc", "fontenc", "geometry", "array", "textcomp", "amsmath", "booktabs", "longtable"
    }  # fmt: skip
    assert format_for(None, Path("x.tex")) == "latex"


def test_it_has_the_terms_the_definitions_and_the_elasticities(report: Report) -> None:
    text = render(report, "latex")
    why = report.explanation
    assert why is not None
    formula, defined = re.findall(r"\\begin\{align\*\}(.*?)\\end\{align\*\}", text, re.DOTALL)[:2]
    assert formula.count("&=") == 1 + bool(why.rest)
    assert defined.count("&=") == len(why.definitions)
    assert formula.count("&\\quad + ") == len(why.terms) - 1
    for section in report.sections:
        assert rf"\section*{{{latex_text(section.title)}}}" in text
        for table in section.tables[:1] if section.name == "formula" else section.tables:
            for row in table.rows:
                assert latex_text(row[0]) in text
    for name in why.definitions:
        typeset = symbol_latex(name, why.latex.get(name, ""))
        assert f"{typeset} &= " in defined
    for entry in report.sensitivity.elasticities:
        if entry.size >= 0.0005:
            name, size = re.escape(latex_text(entry.parameter)), re.escape(latex_text(entry.text))
            assert re.search(rf"\\texttt\{{{name}\}} & .*{size}", text), entry.parameter
    for unit in ("B", "s", "J"):
        assert re.search(rf"^{unit} & .* & ok & ", text, re.MULTILINE)


def test_hostile_texts_are_escaped(report: Report) -> None:
    text = render(attrs.evolve(report, system=HOSTILE, model=HOSTILE), "latex")
    _check(text)
    assert text.count(r"\end{document}") == 1
    assert r"\input{" not in text


@pytest.mark.parametrize(("text", "due"), [
    ("a_b", r"a\_\allowbreak{}b"), ("50 %", r"50 \%"), ("\\x", r"\textbackslash{}x"), ("{$&#}", r"\{\$\&\#\}"),
    ("1 \u00b1 2", r"1 \textpm{} 2"), ("\u4e2d", "[U+4E2D]"), ("a\nb", "a b"),
    ("~^", r"\textasciitilde{}\textasciicircum{}"),
])  # fmt: skip
def test_signs_of_texts(text: str, due: str) -> None:
    assert latex_text(text) == due


@pytest.mark.parametrize(("name", "declared", "due"), [
    ("hbf.read_time", "t_R", r"t_{R,\mathrm{hbf}}"), ("hbm.pins", "n_{pin}", r"n_{pin,\mathrm{hbm}}"),
    ("gpu.spill", r"\sigma", r"\sigma_{\mathrm{gpu}}"),
])  # fmt: skip
def test_a_symbol_has_one_subscript(name: str, declared: str, due: str) -> None:
    assert symbol_latex(name, declared) == due


@pytest.mark.skipif(not (shutil.which("tectonic") or shutil.which("pdflatex")), reason="no LaTeX is installed")
def test_it_compiles(report: Report, tmp_path: Path) -> None:
    _compiles(report, tmp_path)


def _compiles(report: Report, tmp_path: Path) -> None:
    (tmp_path / "report.tex").write_text(render(report, "latex"), encoding="utf-8")
    program = shutil.which("pdflatex")
    how = [program, "-interaction=nonstopmode", "-halt-on-error"] if program else [str(shutil.which("tectonic"))]
    done = subprocess.run([*how, "report.tex"], cwd=tmp_path, check=True, capture_output=True, timeout=300)
    assert b"Overfull" not in done.stdout + done.stderr  # no formula and no table leaves the page
    assert (tmp_path / "report.pdf").stat().st_size > 1000


@pytest.mark.skipif(not (shutil.which("tectonic") or shutil.which("pdflatex")), reason="no LaTeX is installed")
@pytest.mark.parametrize(
    ("system", "model", "metric"),
    [("h200-hbf-8", "deepseek-v3", "tpot"), ("stratum", "mixtral-8x7b", "throughput"),
     ("h100-h200-apart", "llama-3.1-70b", "request_time")],
)  # fmt: skip
def test_long_formulas_stay_within_the_margins(system: str, model: str, metric: str, tmp_path: Path) -> None:
    analysis = symarch.analyze(symarch.load_system(system), symarch.load_model(model))
    found = analysis.sensitivity(metric, batch=32)
    report = report_of(analysis, found, {"batch": 32}, sections=["formula", "energy", "cost", "regimes"])
    _compiles(report, tmp_path)
