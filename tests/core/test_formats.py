"""Report formats: those of symarch and what a third party's may do wrong."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import symarch
from symarch.api import Analysis
from symarch.cli import main
from symarch.errors import PluginError, UnknownNameError
from symarch.quantities import format_quantity
from symarch.report.formats import format_for, render
from symarch.report.record import Report, report_of

ARGUMENTS = "sensitivity h100-sxm-8 --model llama-3.1-8b --batch 4"
Install = Callable[..., Path]


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return symarch.analyze(symarch.load_system("h100-sxm-8"), symarch.load_model("llama-3.1-8b"))


@pytest.fixture(scope="module")
def report(analysis: Analysis) -> Report:
    return report_of(analysis, analysis.sensitivity("tpot", batch=4), {"batch": 4})


def test_a_report_says_of_what_at_which_point_and_with_what(report: Report, analysis: Analysis) -> None:
    assert (report.system, report.model) == ("h100-sxm-8", "llama-3.1-8b")
    assert (report.workload["batch"], report.workload["prompt"], report.workload["phase"]) == (4, 2048, "both")
    assert report.sensitivity == analysis.sensitivity("tpot", batch=4)
    assert report.assumptions == analysis.evaluate(batch=4).assumptions
    assert {p["name"] for p in report.plugins} == {"gpu", "hbm", "nvlink", "switch"}
    assert "hbm.pin_rate" in report.in_bits


def test_json_is_the_record_in_si(report: Report) -> None:
    data = json.loads(render(report, "json"))
    assert list(data) == ["metric", "value", "unit", "elasticities", "groups", "checks"]
    assert data["value"] == report.sensitivity.value
    assert [e["parameter"] for e in data["elasticities"]] == [e.parameter for e in report.sensitivity.elasticities]


def test_the_headline_names_what_a_design_can_choose(report: Report) -> None:
    # the clock that fixed times are stated at has no better direction, though nothing moves the metric more
    largest, second = report.sensitivity.elasticities[:2]
    assert {largest.parameter, second.parameter} == {"gpu.timed_at", "gpu.clock"}
    assert "It answers most to gpu.clock: elasticity -0." in render(report, "text").replace("\n", " ")


def test_markdown_has_what_the_text_has_and_more(report: Report) -> None:
    text, page = render(report, "text"), render(report, "md")
    assert page.startswith("# tpot of llama-3.1-8b on h100-sxm-8\n")
    for entry in report.sensitivity.elasticities:
        if entry.size >= 0.0005:
            assert entry.parameter in text
            rows = re.findall(rf"^\| `{re.escape(entry.parameter)}` \| (.*) \|$", page, re.MULTILINE)
            assert any(entry.text.replace("|", "\\|") in row for row in rows), entry.parameter
    for sentence in report.assumptions:
        assert f"- {sentence}\n" in page
    assert "| nvlink | symarch " in page
    for block in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE):  # a table has the same cells in each row
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1, block


def test_the_format_is_named_or_that_of_the_file_or_text(tmp_path: Path) -> None:
    assert format_for(None, None) == "text"
    assert format_for(None, tmp_path / "x.md") == "md"
    assert format_for(None, tmp_path / "x.json") == "json"
    assert format_for(None, tmp_path / "x") == "text"
    assert format_for("text", tmp_path / "x.log") == "text"
    with pytest.raises(UnknownNameError, match=r"x\.pdf: no format has the suffix \.pdf; known: \.html, \.json, \.md"):
        format_for(None, tmp_path / "x.pdf")
    assert format_for("json", tmp_path / "x.md") == "json"
    with pytest.raises(UnknownNameError, match="unknown report format 'jsn'; did you mean 'json'"):
        format_for("jsn", None)


@pytest.mark.parametrize("name", ["text", "json", "md", "html", "latex"])
def test_the_command_prints_and_writes_the_same(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main([*ARGUMENTS.split(), "--format", name])
    printed = capsys.readouterr().out
    target = tmp_path / "file"
    with pytest.raises(SystemExit):
        main([*ARGUMENTS.split(), "--format", name, "-o", str(target)])
    assert capsys.readouterr() == ("", f"wrote {target}\n")
    assert target.read_text(encoding="utf-8") == printed


def test_an_unknown_format_is_bad_input_before_anything_is_computed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["sensitivity", "no-such-system", "--model", "none", "--format", "mdd"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err == "symarch: unknown report format 'mdd'; did you mean 'md'?\n"


PLUGIN = """
from symarch import hookimpl
class Mine:
    name = "mine"
    suffix = ".mine"
    def render(self, report):
        {body}
@hookimpl
def symarch_report_formats():
    return [Mine]
"""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return 1 / 0", "report format 'mine' of distribution symarch-mine failed: ZeroDivisionError"),
        ("return report.elasticities", "failed: AttributeError"),
        ("return b'x'", r"returned bytes; render\(report\) must return a text"),
    ],
)
def test_a_format_that_fails_is_named_with_its_distribution(
    body: str, words: str, install: Install, report: Report
) -> None:
    install("symarch-mine", {"symarch_mine.py": PLUGIN.format(body=body)}, {"report.mine": "symarch_mine"})
    with pytest.raises(PluginError, match=words):
        render(report, "mine")


def test_a_format_without_render_is_refused_by_name(install: Install, report: Report) -> None:
    text = PLUGIN.format(body="return ''").replace("render", "rendr")
    install("symarch-mine", {"symarch_mine.py": text}, {"report.mine": "symarch_mine"})
    with pytest.raises(PluginError, match=r"symarch-mine: symarch_report_formats returned .* has no render"):
        render(report, "mine")
    assert format_for(None, Path("x.md")) == "md"


def test_sections_by_name_are_there_in_their_order_and_say_what_the_records_say() -> None:
    analysis = symarch.analyze(symarch.load_system("h200-hbf-8"), symarch.load_model("llama-3.1-70b")).at_order(
        math.inf
    )
    found = report_of(analysis, analysis.sensitivity("tpot"), {}, sections=("published", "line", "cost"))
    published, line, cost = found.sections
    assert [s.name for s in found.sections] == ["published", "line", "cost"]
    samples = analysis.presets_as_samples("hbf")
    table = next(t for t in published.tables if t.title.startswith("hbf, "))
    assert len(table.rows) == len(samples) >= 14
    for row, sample in zip(table.rows, samples, strict=True):
        assert row[0].removesuffix(" (now)") == sample.preset
        assert row[1] == format_quantity(sample.metrics["tpot"] or 0, "s")
        assert row[4] == (", ".join(sample.fails) or "-")
    regimes = analysis.regimes("tpot", found.axes[0] if found.axes else "")
    assert [r[:3] for r in line.tables[0].rows] == regimes.rows()
    assert any(
        f"{r.coefficients[0]:.4g}" in row[3] for r, row in zip(regimes.regimes, line.tables[0].rows, strict=True)
    )
    assert any("million output tokens" in s for s in cost.sentences)
    text = render(found, "text")
    assert all(s.title in text for s in found.sections)
    assert "\n\n\n" not in text


def test_break_even_without_a_target_says_how_to_set_one(report: Report, analysis: Analysis) -> None:
    (asked,) = report_of(
        analysis, analysis.sensitivity("tpot", batch=4), {"batch": 4}, sections=("break_even",)
    ).sections
    assert "No target is set: --target VALUE" in asked.sentences[0]
    assert asked.name in [s.name for s in report.sections]


@pytest.mark.parametrize("order", ["2", "inf"])
def test_break_even_with_a_target_has_a_closed_form_and_both_ways_of_prefetching(order: str) -> None:
    system = symarch.load_system("h200-hbf-8", {"gpu.overlap": order})
    analysis = symarch.analyze(system, symarch.load_model("llama-3.1-70b"))
    found = analysis.sensitivity("tpot", batch=16)
    report = report_of(analysis, found, {"batch": 16}, 0.97 * found.value, ("break_even",))
    (section,) = report.sections
    full = analysis.break_even("hbf.read_time", 0.97 * found.value, batch=16)
    nearest = min((b for b in report.break_evens if b.crossings), key=lambda b: b.distance)
    titles = [line for line in section.formulas if "Closed form, with x = " in line]
    assert {t.split("x = ")[1].split(",")[0] for t in titles} == {nearest.parameter, "hbf.read_time"}
    assert all(t.startswith("At p = infinity, beside it. ") is (order == "2") for t in titles)
    form = (full.roofline or full).crossings[0].form
    assert form is not None
    assert f"{form.solution} = {full.shown(form.value)}" in section.formulas
    for name, variant in full.variants.items():
        assert f"With {name}: {variant.words}." in section.sentences
    assert len(full.variants) == 2


def test_json_has_the_sections_that_are_asked_for_in_words_and_numbers() -> None:
    analysis = symarch.analyze(symarch.load_system("h100-h200-apart"), symarch.load_model("llama-3.1-8b"))
    report = report_of(analysis, analysis.sensitivity("ttft"), {}, 0.01, ("all", "line", "published"))
    data = json.loads(render(report, "json"))
    sections = {s["name"]: s for s in data["sections"]}
    assert list(sections) == [s.name for s in report.sections]
    for section in report.sections:
        written = sections[section.name]
        assert written["sentences"] == list(section.sentences)
        assert [t["rows"] for t in written["tables"]] == [[list(r) for r in t.rows] for t in section.tables]
        said = section.name in ("elasticities", "checks", "assumptions")  # those are beside the sections, or words
        assert (written["data"] is None) is said, section.name
    assert sections["headline"]["data"]["metrics"]["ttft"] == {"value": report.sensitivity.value, "unit": "s"}
    assert sections["headroom"]["data"]["waterfall"][0]["value"] == report.headroom.waterfall[0].value
    assert sections["break_even"]["data"][0]["outcome"] == report.break_evens[0].outcome
    assert sections["cost"]["data"]["sum"]["value"] == report.asides["cost_per_million_tokens"].why.value
    values = {p["parameter"]: p["value"] for p in sections["parameters"]["data"]}
    assert values == dict(report.point.values)


def test_a_section_of_what_is_not_known_says_what_would_give_it() -> None:
    analysis = symarch.analyze(symarch.load_system("tpu-v6e-8"), symarch.load_model("llama-3.1-8b"))
    (cost,) = report_of(analysis, analysis.sensitivity("tpot"), {}, sections=("cost",)).sections
    assert cost.sentences[0] == "Not computed: tpu.price not known."
    assert "--set tpu.price=" in cost.sentences[1]
