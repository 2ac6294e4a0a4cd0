"""Drawings of systems: every shipped one well formed, with all its labels, no two boxes touching."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner

import symarch
from symarch.cli import cli
from symarch.quantities import format_quantity
from symarch.report.diagram import Part, diagram_of
from symarch.report.diagram_svg import BOLD, LETTER, diagram_svg
from symarch.specs import System
from symarch.system import SystemGraph

SYSTEMS = sorted(p.stem for p in (Path(__file__).parents[2] / "specs" / "systems").glob("*.toml"))
SVG = "{http://www.w3.org/2000/svg}"

RING = """format = 1
[processor.gpu]
technology = "gpu"
preset = "h200-sxm"
[memory.hbm]
technology = "hbm"
preset = "hbm3e"
[memory.far]
technology = "ddr5"
preset = "ddr5-6400"
[switch.hub]
technology = "cxl-link"
arbitration = "exclusive"
shared_by = 4
[link.p1]
between = ["gpu", "hub"]
technology = "pcie"
[link.p2]
between = ["gpu", "hub"]
technology = "cxl-link"
[link.down]
between = ["hub", "far"]
technology = "pcie"
[network.node]
technology = "nvlink"
preset = "nvlink4"
topology = "switch"
size = 8
[network.rack]
technology = "infiniband"
topology = "fat-tree"
size = 2
[limit.power]
power = "40 kW"
devices = 8
[mapping]
data = 16
place = { weights = "hbm", kv_cache = "far", activations = "hbm" }
"""


@pytest.fixture
def ring(tmp_path: Path) -> System:
    file = tmp_path / "ring.toml"
    file.write_text(RING, encoding="utf-8")
    return symarch.load_system(str(file))


def boxes(root: ET.Element) -> list[tuple[float, float, float, float]]:
    found = [e for e in root.iter(f"{SVG}rect") if e.get("class", "").startswith("box")]
    return [tuple(float(e.attrib[k]) for k in ("x", "y", "width", "height")) for e in found]  # type: ignore[misc]


def check(system: System) -> ET.Element:
    root = ET.fromstring(diagram_svg(diagram_of(system)))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    placed = boxes(root)
    assert len(placed) == len(system.components)
    for k, (x, y, w, h) in enumerate(placed):
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height
        for a, b, c, d in placed[:k]:
            assert x + w < a or a + c < x or y + h < b or b + d < y, "two boxes overlap"
    texts = ["".join(t.itertext()) for t in root.iter(f"{SVG}text")]
    for text in root.iter(f"{SVG}text"):
        at, level = float(text.attrib["x"]), float(text.attrib["y"])
        words = "".join(text.itertext())
        assert at + LETTER * len(words) <= width or len(words) == 0
        inside = [b for b in placed if b[0] < at < b[0] + b[2] and b[1] < level < b[1] + b[3]]
        if inside:
            (box,) = inside
            spans = [e for e in text if e.tag == f"{SVG}tspan"]
            wide = BOLD * len(spans[0].text or "") + LETTER * len(spans[1].text or "") if spans else LETTER * len(words)
            assert at + wide <= box[0] + box[2], f"{words} leaves its box"
            assert level <= box[1] + box[3] - 2
    for component in system.components.values():
        assert any(t.startswith(component.name) and t.endswith(component.table) for t in texts)
        if component.table in ("memory", "network") or (component.table == "link"):
            assert component.technology is not None
            assert any(t.split() and t.split()[0] == component.technology.name for t in texts)
        if component.table == "network":
            assert component.topology is not None
            assert f"{component.topology.name} of {component.size}" in texts
    return root


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_shipped_system_is_drawn(name: str) -> None:
    system = symarch.load_system(name)
    root = check(system)
    # as many lines as things that hang on others, and one for each network
    wires = list(root.iter(f"{SVG}path"))
    diagram = diagram_of(system)
    joining = len(system.joining)
    lines = len(system.of("network")) - joining + joining * len(diagram.frames)
    assert len(wires) == sum(1 for p in diagram.parts() for _ in p.children) + lines
    for own in system.parts.values():
        graph = SystemGraph.build(own, lambda component, parameter, value: value)
        for memory, built in graph.memories.items():
            part = next(p for p in diagram.parts() if p.name == memory)
            assert format_quantity(built.capacity, "B") in part.lines


def test_a_ring_and_what_is_shared_are_marked(ring: System) -> None:
    root = check(ring)
    (dotted,) = [e for e in root.iter(f"{SVG}path") if "also" in e.get("class", "")]
    assert float(dotted.attrib["stroke-width"]) > 1
    shared = [e for e in root.iter(f"{SVG}rect") if "shared" in e.get("class", "")]
    assert len(shared) == 1
    words = " ".join(root.itertext())
    for due in (
        "shared by 4 devices",
        "one tier at a time",
        "fat-tree of 2",
        "40 kW for 8 devices",
        "one of 16 devices",
        "A dashed edge marks what several devices share.",
    ):
        assert due in words


def test_the_line_of_a_faster_link_is_wider() -> None:
    def widths(settings: dict[str, str | float]) -> list[float]:
        root = ET.fromstring(diagram_svg(diagram_of(symarch.load_system("h100-cxl-pool-8", settings))))
        return [float(e.attrib["stroke-width"]) for e in root.iter(f"{SVG}path")]

    slow, fast = widths({}), widths({"port.links": 4})
    assert sum(f > s for s, f in zip(slow, fast, strict=True)) == 2  # to the link and from it
    assert all(f >= s for s, f in zip(slow, fast, strict=True))


def test_what_sits_on_a_memory_hangs_on_it_beside_a_host() -> None:
    (frame,) = diagram_of(symarch.load_system("a100-hbm-pim")).frames
    (root,) = frame.roots
    (memory,) = root.children
    assert (root.table, memory.table) == ("processor", "memory")
    assert [p.table for p in memory.children] == ["processor"]


def test_dark_and_light_have_the_same_parts_and_their_own_colours(ring: System) -> None:
    text = diagram_svg(diagram_of(ring))
    light, dark = text.split("@media (prefers-color-scheme: dark)")
    for name in ("text", r"\.quiet", r"\.ground", r"\.frame", r"\.box", r"\.wire"):
        assert re.search(rf"\n{name} {{", light) and re.search(rf"\n  {name} {{", dark)
    assert "<script" not in text and "href" not in text


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_terminal_shows_every_part_within_its_columns(name: str) -> None:
    shown = CliRunner().invoke(cli, ["specs", "show", name, "--graph"])
    assert shown.exit_code == 0, shown.output
    assert max(len(line) for line in shown.output.splitlines()) <= 80
    for component in symarch.load_system(name).components.values():
        assert f"{component.name} {component.table}:" in re.sub(r"[\s│]+", " ", shown.output)


def test_a_drawing_is_written_and_bad_demands_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "out.svg"
    done = CliRunner().invoke(cli, ["specs", "show", "wse-3", "--graph", "-o", str(file)])
    assert done.exit_code == 0
    assert ET.parse(file).getroot().tag == f"{SVG}svg"
    for options, words in (
        (["--graph", "-o", str(tmp_path / "out.png")], "must end with .svg"),
        (["-o", str(file)], "goes with --graph"),
        (["--graph", "--json"], "cannot go with --json"),
        (["--graph", "--resolved"], "cannot go with --resolved"),
        (["--graph", "-o", str(tmp_path / "no" / "out.svg")], "cannot write"),
    ):
        refused = CliRunner().invoke(cli, ["specs", "show", "wse-3", *options])
        assert refused.exit_code != 0
        assert words in refused.output + str(refused.exception)


def test_pools_are_frames_of_their_own() -> None:
    system = symarch.load_system("h100-h200-apart")
    diagram = diagram_of(system)
    assert [f.caption for f in diagram.frames] == ["pool prefill: one of 8 devices", "pool decode: one of 8 devices"]
    assert [p.name for p in diagram.joining] == ["transfer"]
    root = check(system)
    frames = [e for e in root.iter(f"{SVG}rect") if e.get("class") == "frame"]
    assert float(frames[0].attrib["y"]) + float(frames[0].attrib["height"]) < float(frames[1].attrib["y"])


def test_names_are_escaped(tmp_path: Path) -> None:
    file = tmp_path / "odd.toml"
    file.write_text(RING.replace("format = 1", 'format = 1\ntitle = "a < b & \\"c\\""', 1), encoding="utf-8")
    root = ET.fromstring(diagram_svg(diagram_of(symarch.load_system(str(file)))))
    assert 'a < b & "c"' in " ".join(root.itertext())


def test_a_part_yields_itself_and_all_below() -> None:
    leaf = Part("c", "memory", ())
    assert [p.name for p in Part("a", "processor", (), children=(Part("b", "link", (), children=(leaf,)),)).all()] == [
        "a", "b", "c"]  # fmt: skip
