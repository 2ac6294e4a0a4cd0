"""Charts: round ticks inside the axis, names that cover nothing, escaped texts, and the colours of resources."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from symarch.report import charts
from symarch.report.charts import Axis, Bar, Plot
from symarch.report.palette import GREYS, HUES, coloured, hues_of, ink_on


def axis(low: float, high: float, log: bool = False, scale: float = 1.0) -> Axis:
    return Axis(low, high, "x", lambda v: f"{v:g}", log, scale)


@pytest.mark.parametrize(("given", "most", "due"), [
    (axis(0, 10), 5, [0, 2, 4, 6, 8, 10]),
    (axis(0, 0.0052, scale=1e-3), 5, [0, 0.002, 0.004]),
    (axis(1, 1000, log=True), 4, [1, 10, 100, 1000]),
    (axis(1, 30, log=True), 6, [1, 2, 5, 10, 20]),
    (axis(0.6, 0.9, log=True), 3, [0.6, 0.7, 0.8, 0.9]),
    (axis(12, 78), 2, [20, 40, 60]),
    (axis(11, 95, log=True), 2, [20, 50]),
    (axis(2e8, 2e9, log=True, scale=1 / 8), 3, [2.5e8, 6.25e8, 1.25e9]),
])  # fmt: skip
def test_ticks_are_round_and_inside(given: Axis, most: int, due: list[float]) -> None:
    assert given.ticks(most) == pytest.approx(due, rel=1e-12)


def test_shares_along_an_axis() -> None:
    assert axis(2, 6).share(3) == 0.25
    assert axis(1, 100, log=True).share(10) == 0.5


def test_every_text_is_escaped_and_the_picture_is_well_formed() -> None:
    evil = "</svg><script>&\"'"
    bars = [Bar(evil, 0, 0.5, evil, evil, "#112233"), Bar("b", 0.5, 1, "", "b", "low")]
    for picture in (charts.bars(bars, axis(0, 1), 700, evil, 0.2), charts.bars(bars, axis(0, 1), 330, evil),
                    charts.stacked([(evil, bars[:1])], 700, evil)):  # fmt: skip
        root = ElementTree.fromstring(picture)
        assert root.attrib["aria-label"] == evil
        assert evil in {t.text for t in root.iter("title")}
        assert "<script" not in picture


def test_bars_reach_from_start_to_end() -> None:
    picture = charts.bars([Bar("a", 1, 3, "", "a", "low")], axis(0, 4), 330, "x")
    box = next(r.attrib for r in ElementTree.fromstring(picture).iter("rect"))
    left, right = 8.0, 330 - 14.0
    assert float(box["x"]) == pytest.approx(left + (right - left) / 4, abs=0.01)
    assert float(box["width"]) == pytest.approx((right - left) / 2, abs=0.01)


def test_names_cover_nothing() -> None:
    plot = Plot(axis(0, 10), axis(0, 10), 700, 380)
    placed = [plot.name(plot.px(5), plot.py(5), "name", 5.0) for _ in range(9)]
    assert sum(placed) == len(plot.taken) >= 2
    assert not placed[-1]
    for i, (a, b, c, d) in enumerate(plot.taken):
        for e, f, g, h in plot.taken[i + 1 :]:
            assert a + c <= e or e + g <= a or b + d <= f or f + h <= b


def test_a_long_label_ends_with_an_ellipsis() -> None:
    assert charts.cut("a" * 40, charts.width_of("a" * 9 + "\u2026")) == "a" * 9 + "\u2026"
    assert charts.cut("short", 100) == "short"


def test_a_name_without_room_beside_its_point_stands_off_with_a_line_that_leads_to_it() -> None:
    crowd = [charts.Dot(2.0, y, f"operator_{k}", "", "#112233", False, 0.1) for k, y in enumerate((10, 11, 12, 13, 14))]
    dots = [*crowd, charts.Dot(500.0, 50.0, "far", "", "#112233", True, 0.1)]
    picture = charts.roofline(dots, 100.0, "peak", {"m": (10.0, "m 10", "#0072b2")}, (str, str), 700, "x")
    assert 'class="lead"' in picture
    assert all(f">{dot.name}</text>" in picture for dot in dots)


def test_the_longest_of_the_bars_of_a_row_is_drawn_first() -> None:
    own = [Bar("a", 1, 2, "", "short", "low"), Bar("a", 1, 4, "", "long", "high")]
    picture = charts.bars(own, axis(0, 4), 700, "x")
    assert picture.index("<title>long") < picture.index("<title>short")


def test_a_histogram_says_what_its_bars_are_shares_of() -> None:
    marks = [(2.0, "middle")]
    picture = charts.histogram(axis(0, 4), [0, 2, 4], [0.75, 0.25], marks, str, 700, "x")
    assert "share of the samples [%]" in picture
    tall = [float(h) for h in re.findall(r'height="([\d.]+)"><title>', picture)]
    assert tall[0] == pytest.approx(3 * tall[1], rel=1e-3)


def test_a_map_covers_its_whole_area_once() -> None:
    grid = [[0, 0, 1], [0, 1, 1]]
    names = [("r", "#d55e00"), ("s", "#0072b2")]
    picture = charts.cells(axis(1, 10, log=True), axis(1, 10, log=True), grid, names, (2, 2), 700, "map")
    tall = {colour: 0.0 for _, colour in names}
    for colour, height in re.findall(r'class="cell" fill="(#\w+)"[^>]* height="([\d.]+)"', picture):
        tall[colour] += float(height)
    assert tall["#d55e00"] == pytest.approx(tall["#0072b2"], abs=0.05)
    assert len(re.findall('class="here"', picture)) == 1


PARTS = {"gpu": "processor", "hbm": "memory", "scale_up": "network"}


def test_components_have_hues_and_their_resources_shades() -> None:
    found = coloured(["hbm", "gpu.arithmetic", "gpu.launch", "static", "hosts", "scale_up, scale_out"], PARTS)
    assert found == {"gpu.arithmetic": HUES[0].lower(), "gpu.launch": "#803800", "hbm": HUES[1].lower(),
                     "static": GREYS[0], "hosts": GREYS[1], "scale_up, scale_out": HUES[3].lower()}  # fmt: skip


def test_a_colour_stays_where_more_resources_and_components_come() -> None:
    few = coloured(["gpu.arithmetic", "gpu.launch", "hbm", "scale_up"], PARTS)
    more = coloured(
        ["hbf", "hbm", "gpu.conversion", "gpu.combine", "gpu.launch", "gpu.arithmetic", "gpu", "scale_up", "link"],
        {"gpu": "processor", "hbm": "memory", "hbf": "memory", "link": "link", "scale_up": "network"},
    )
    assert {name: more[name] for name in few} == few
    assert len(set(more.values())) == len(more)
    assert hues_of(PARTS) == {"gpu": HUES[0], "hbm": HUES[1], "scale_up": HUES[3]}


def test_ink_is_read_on_every_hue() -> None:
    def light(colour: str) -> float:
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    shades = coloured([f"{c}.{i}" for c in "abcdefg" for i in range(7)], dict.fromkeys("abcdefg", "memory"))
    for colour in shades.values():
        pair = sorted((light(colour), light(ink_on(colour))))
        assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5  # WCAG 2.2, 1.4.3


def test_components_beyond_the_seventh_share_a_hue_but_no_colour() -> None:
    components = [f"part{k}" for k in range(10)]
    resources = [f"{c}.{r}" for c in components for r in ("arithmetic", "launch", "latency")]
    found = coloured(resources, dict.fromkeys(components, "processor"))
    assert len(set(found.values())) == len(found) == 30
