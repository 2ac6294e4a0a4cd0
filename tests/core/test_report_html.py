"""The HTML report: its numbers are the engine's, nothing of a spec breaks out of it, it fetches nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

import symarch
from symarch.api import Analysis
from symarch.cli import main
from symarch.errors import WorkloadError
from symarch.quantities import format_quantity
from symarch.report.formats import format_for, render
from symarch.report.palette import HUES, colours_of
from symarch.report.record import Report, report_of
from symarch.report.sections import Section, percent

if TYPE_CHECKING:
    from tests.core.conftest import Browser

HOSTILE = """</script><script>hacked=1</script><img src=x onerror="hacked=1"> --> ]]> & "quoted" {{script}}"""

NAMES = ["headline", "binds", "formula", "tornado", "headroom", "regimes", "roofline", "break_even", "uncertainty",
         "energy", "cost", "carbon", "elasticities", "constraints", "assumptions", "parameters", "plugins",
         "checks"]  # fmt: skip


class Page(HTMLParser):
    """What a browser sees: the cells of the tables of each section, its texts, tags and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.section = ""
        self.rows: dict[str, list[list[str]]] = {}
        self.words: dict[str, str] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag in ("meta", "br", "wbr"):
            return
        self.open.append(tag)
        if tag == "section":
            self.section = str(dict(attributes)["id"])
        elif tag == "tr":
            self.rows.setdefault(self.section, []).append([])
        elif tag in ("th", "td"):
            self.rows[self.section][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self.open or "th" in self.open:
            self.rows[self.section][-1][-1] += data
        if "style" not in self.open:
            self.words[self.section] = self.words.get(self.section, "") + data


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return symarch.analyze(symarch.load_system("h200-hbf-8"), symarch.load_model("llama-3.1-70b"))


@pytest.fixture(scope="module")
def report(analysis: Analysis) -> Report:
    return report_of(analysis, analysis.sensitivity("tpot", batch=4), {"batch": 4}, "6.5 ms")


@pytest.fixture(scope="module")
def text(report: Report) -> str:
    return render(report, "html")


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_every_section_is_there_in_order(report: Report, page: Page) -> None:
    assert [s.name for s in report.sections] == NAMES
    assert [a["id"] for t, a in page.tags if t == "section"] == NAMES
    links = [a["href"] for t, a in page.tags if t == "a"]
    assert links == ["#headline", *(f"#{n}" for n in NAMES)]
    assert not page.open


def test_the_tables_of_the_page_are_those_of_the_record(report: Report, page: Page) -> None:
    for section in report.sections:
        due = [list(row) for table in section.tables if table.rows for row in (table.columns, *table.rows)]
        assert page.rows.get(section.name, []) == due
        for sentence in section.sentences:
            assert sentence in page.words[section.name]


def test_the_numbers_are_the_engines(report: Report, analysis: Analysis) -> None:
    sections = {s.name: s for s in report.sections}
    result = analysis.evaluate(batch=4)
    metrics = {row[0]: row[1] for row in sections["headline"].tables[0].rows}
    assert metrics["tpot"] == format_quantity(result.metrics["tpot"] or 0, "s")
    assert metrics["energy_per_token"] == format_quantity(result.metrics["energy_per_token"] or 0, "J")
    shares = {(r.name, r.phase): r.share for r in result.resources}
    for name, prefill, decode in sections["binds"].tables[0].rows:
        assert (prefill, decode) == (
            percent(shares.get((name, "prefill"), 0)),
            percent(shares.get((name, "decode"), 0)),
        )
    why = analysis.explain("tpot", batch=4)
    assert [row[:2] for row in sections["formula"].tables[0].rows] == [
        (t.resource, percent(t.share)) for t in why.terms
    ]
    steps = analysis.headroom("tpot", batch=4).waterfall
    assert [row[0] for row in sections["headroom"].tables[0].rows] == [s.resource for s in steps]
    bars = analysis.sensitivity("tpot", batch=4)
    listed = {row[0]: row[2] for row in sections["elasticities"].tables[0].rows}
    assert listed == {e.parameter: e.text for e in bars.elasticities if e.size >= 0.0005}
    for row, one in zip(sections["break_even"].tables[0].rows, report.break_evens, strict=True):
        found = analysis.break_even(row[0], 0.0065, "tpot", forms=False, batch=4)
        assert [c.value for c in one.crossings] == [c.value for c in found.crossings]
        if found.crossings:
            nearest = found.nearest
            assert found.shown(nearest.value) in row[2]
            others = [c for c in found.crossings if c is not nearest]
            assert all(found.shown(c.value) in row[4] for c in others[:1])
            assert (f"and {len(others) - 1} more" in row[4]) == (len(others) > 1)
    symbols = {row[0]: row for row in sections["parameters"].tables[0].rows}
    assert set(symbols) == set(analysis.recorded().symbols)
    assert symbols["hbf.read_time"][1:3] == ("20 us", "1 us to 30 us")


def test_the_roofline_lies_under_its_roofs_and_holds_each_operator(report: Report) -> None:
    found = report.roofline
    runs = {(o.phase, o.name): o for o in report.result.operators}
    assert {(p.phase, p.operator) for p in found.points} <= set(runs)
    assert {"gate_up", "attention"} <= {p.operator for p in found.points}
    for point in found.points:
        assert point.rate <= found.peak * (1 + 1e-12)
        assert point.rate <= max(found.rates.values()) * point.intensity * (1 + 1e-12)
        assert (point.share, point.bound) == (
            runs[point.phase, point.operator].share,
            runs[point.phase, point.operator].bound,
        )


def test_the_page_fetches_nothing_and_runs_its_own_script_alone(text: str, page: Page) -> None:
    assert len(text.encode()) < 3_000_000
    tags = {t for t, _ in page.tags}
    assert [a for t, a in page.tags if t == "script"] == [{}]
    assert not tags & {"link", "img", "iframe", "object", "embed", "image", "use", "base", "form"}
    for _, attributes in page.tags:
        assert not any(name.startswith("on") or name in ("src", "style", "srcset") for name in attributes)
        assert all((value or "").startswith("#") for name, value in attributes.items() if name == "href")
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert not re.search(r"url\(|@import|@font-face", style)
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    script = text.partition("<script>")[2].partition("</script>")[0]
    assert not re.search(r"fetch|XMLHttpRequest|import|eval|innerHTML", script)
    own = [base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() for t in (style, script)]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{own[0]}'; script-src 'sha256-{own[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_pictures_have_labels_titles_and_tables_beside_them(page: Page) -> None:
    pictures = [a for t, a in page.tags if t == "svg" and a.get("role") == "img"]
    assert len(pictures) >= 2 * 9
    assert all(a["aria-label"] for a in pictures)
    assert sum(t == "figure" for t, _ in page.tags) == sum(t == "figcaption" for t, _ in page.tags)
    scrolling = [a for t, a in page.tags if a.get("class") == "table"]
    assert all(a["tabindex"] == "0" and ("aria-label" in a or "aria-labelledby" in a) for a in scrolling)


def test_a_resource_has_one_colour_everywhere(report: Report, analysis: Analysis, text: str) -> None:
    found = colours_of(analysis.recorded())
    assert dict(report.colours) == found
    assert len(set(found.values())) == len(found)
    assert found["gpu.arithmetic"] == HUES[0].lower()
    for resource in ("hbf", "gpu.launch"):
        beside = re.findall(rf'fill="(#[0-9a-f]{{6}})"/></svg>{re.escape(resource)}<', text)
        assert set(beside) == {found[resource]}
        inside = re.findall(rf'fill="(#[0-9a-f]{{6}})"><title>{re.escape(resource)}: ', text)
        assert set(inside) == {found[resource]}


def test_the_same_report_gives_the_same_text(analysis: Analysis, text: str) -> None:
    again = report_of(analysis, analysis.sensitivity("tpot", batch=4), {"batch": 4}, 0.0065)
    assert render(again, "html") == text


def test_hostile_texts_stay_texts(analysis: Analysis) -> None:
    evil = report_of(analysis, analysis.sensitivity("tpot"), {})
    evil = attrs.evolve(evil, system=HOSTILE, model=HOSTILE, assumptions=(HOSTILE,),
                        plugins=({"name": HOSTILE, "distribution": HOSTILE, "version": HOSTILE},))  # fmt: skip
    found = Page(render(evil, "html"))
    assert [t for t, _ in found.tags].count("script") == 1  # the page's own
    assert "img" not in {t for t, _ in found.tags}
    assert HOSTILE in found.words["assumptions"]
    assert found.rows["plugins"][1][0] == HOSTILE
    assert "<script>" not in evil._repr_html_()


@pytest.mark.parametrize(("metric", "given", "phase"), [
    ("throughput", {}, "both"), ("power", {}, "both"), ("energy_per_token", {}, "both"),
    ("ttft", {}, "prefill"), ("tpot", {"context": 4096}, "decode"),
])  # fmt: skip
def test_every_metric_and_phase_has_a_report(metric: str, given: dict[str, int], phase: str) -> None:
    system, model = symarch.load_system("h100-sxm"), symarch.load_model("llama-3.1-8b")
    analysis = symarch.analyze(system, model, phase=phase)
    target = 1.5 * analysis.sensitivity(metric, **given).value
    report = report_of(analysis, analysis.sensitivity(metric, **given), given, target)
    page = Page(render(report, "html"))
    assert not page.open
    assert metric in page.words["headline"]
    assert f"# {metric} of llama-3.1-8b on h100-sxm" in render(report, "md")


def test_markdown_has_every_table_of_the_page(report: Report) -> None:
    text = render(report, "md")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [s.title for s in report.sections]
    rows = sum(len(t.rows) + 2 for s in report.sections for t in s.tables if t.rows)
    assert len(re.findall(r"^\|.*\|$", text, re.MULTILINE)) == rows


def test_a_format_of_a_third_party_gets_all_of_it(report: Report) -> None:
    section = report.sections[0]
    assert isinstance(section, Section)
    assert attrs.asdict(section)["tables"][0]["columns"] == ("metric", "value", "what it is")


def test_a_target_is_read_with_its_unit(analysis: Analysis) -> None:
    sensitivity = analysis.sensitivity("tpot")
    assert report_of(analysis, sensitivity, {}, "4 ms").target == 0.004
    for wrong in (0.0, -1.0, float("inf"), "0 ms"):
        with pytest.raises(WorkloadError, match="target"):
            report_of(analysis, sensitivity, {}, wrong)


def test_the_command_writes_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert format_for(None, Path("x.html")) == "html"
    path = tmp_path / "report.html"
    with pytest.raises(SystemExit) as ended:
        main(["sensitivity", "h100-sxm", "--model", "llama-3.1-8b", "--target", "10ms", "-o", str(path)])
    assert not ended.value.code
    assert capsys.readouterr().err == f"wrote {path}\n"
    assert "Break-even with 10 ms" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (1200, True), (360, False)])
def test_nothing_overflows_or_is_cut_in_a_browser(
    width: int, dark: bool, browser: Browser, text: str, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    path.write_text(text, encoding="utf-8")
    browser.window(width, dark=dark)
    browser.open(path)
    assert not [e for e in browser.events if e["method"] == "Log.entryAdded"]
    asked = [e["params"]["request"]["url"] for e in browser.events if e["method"] == "Network.requestWillBeSent"]
    assert {u.partition(":")[0] for u in asked} <= {"file", "about"}
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    ground = browser.run("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(22, 25, 29)" if dark else "rgb(255, 255, 255)")
    assert browser.labels() > 50
    assert browser.unreadable() == []


def test_marks_say_what_they_are_and_keys_bring_out_a_colour(browser: Browser, text: str, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(text, encoding="utf-8")
    browser.open(page)
    first = "document.querySelector('figure svg [data-tip]')"
    due = re.search(r"<title>([^<]*)</title></rect>", text)
    assert due
    assert browser.run(f"{first}.dataset.tip") == due[1]
    browser.run(f"{first}.dispatchEvent(new PointerEvent('pointermove', {{bubbles: true, clientX: 50, clientY: 50}}))")
    assert browser.run("[tip.hidden, tip.textContent]") == [False, due[1]]
    browser.run("document.body.dispatchEvent(new PointerEvent('pointermove', {bubbles: true}))")
    assert browser.run("tip.hidden") is True
    browser.run("document.querySelector('.key li').dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter'}))")
    colour = browser.run("document.querySelector('.key li rect').getAttribute('fill')")
    assert browser.run("document.querySelector('.key li').getAttribute('aria-pressed')") == "true"
    marks = browser.run("[...document.querySelectorAll('figure svg:not(.swatch) [fill]')].map(m => "
                        "[m.getAttribute('fill'), m.classList.contains('faint')])")  # fmt: skip
    assert {c for c, faint in marks if not faint} == {colour}
    browser.run("document.querySelector('.key li').click()")
    assert browser.run("document.querySelectorAll('.faint').length") == 0
    assert browser.faults() == []
