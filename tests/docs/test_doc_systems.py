"""The page of systems: a comment of each section says which systems it has and what they are for; tables follow."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import symarch
from symarch.quantities import format_quantity
from symarch.specs import list_specs
from symarch.system import SystemGraph
from symarch.technologies import Interconnect, Memory

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "systems.md"
SECTION = re.compile(r"(<!-- systems\n(.*?)-->\n\n)(.*?)(<!-- end -->)", re.DOTALL)

BINARY = ("hbm", "ddr5", "lpddr5x", "lpddr6", "gddr6", "gddr7", "cxl")
"""Memories of DRAM dies, whose capacity is a power of two of bits each."""


def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def purposes(comment: str) -> dict[str, str]:
    """Return what each system of a section is for."""
    found: dict[str, str] = {}
    for line in comment.splitlines():
        name, _, purpose = line.partition(": ")
        assert name not in found
        found[name] = purpose
    return found


def memory_cell(memory: Memory) -> str:
    size = float(memory.capacity)
    unit, word = (2.0**30, "GiB") if memory.name in BINARY else (1e9, "GB")
    if size >= 1024 * unit and word == "GiB":
        unit, word = unit * 1024, "TiB"
    elif size >= 1000 * unit and word == "GB":
        unit, word = unit * 1000, "TB"
    elif size < unit:
        unit, word = (2.0**20, "MiB") if word == "GiB" else (1e6, "MB")
    return f"{memory.name} {size / unit:.4g} {word}, {format_quantity(memory.read_bandwidth, 'B/s')}"


def network_cell(link: Interconnect, topology: str) -> str:
    net = getattr(link, "net_bandwidth", None)  # links whose bandwidth is what they signal state what data have
    return f"{link.name} {format_quantity(link.bandwidth if net is None else net, 'B/s')}, {topology}"


def table(names: dict[str, str]) -> str:
    lines = [
        "| system | what it is | devices | memory of a device | network | what for |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, purpose in names.items():
        system = symarch.load_system(name)
        graphs = [SystemGraph.build(p, lambda component, parameter, number: number) for p in system.parts.values()]
        memories = "; ".join(
            memory_cell(m) + (f", shared by {built.shared_by(n)}" if built.shared_by(n) > 1 else "")
            for built in graphs
            for n, m in built.memories.items()
        )
        found = {n.name: network_cell(n.link, n.topology.name) for built in graphs for n in built.networks.values()}
        networks = "; ".join(found.values())
        cells = (f"`{name}`", system.title, str(system.devices), memories, networks, purpose)
        lines.append("| " + " | ".join(c.replace("|", "/") for c in cells) + " |")
    return "\n".join(lines)


def test_every_shipped_system_has_one_place_and_a_purpose() -> None:
    places = [purposes(match[2]) for match in SECTION.finditer(text())]
    named = [name for place in places for name in place]
    assert sorted(named) == sorted(s.name for s in list_specs() if s.kind == "system")
    assert all(purpose for place in places for purpose in place.values())


@pytest.mark.parametrize("number", range(len(SECTION.findall(text()))))
def test_the_table_of_a_section_is_up_to_date(number: int) -> None:
    page = text()
    match = list(SECTION.finditer(page))[number]
    due = table(purposes(match[2])) + "\n\n"
    if os.environ.get("SYMARCH_UPDATE_DOCS") and match[3] != due:
        PAGE.write_text(page[: match.start(3)] + due + page[match.end(3) :], encoding="utf-8")
        return
    assert match[3] == due


@pytest.mark.parametrize(
    ("system", "shown"),
    [
        ("h100-sxm-8", "hbm 80 GiB, 3.35 TB/s"),
        ("h100-cxl-pool-8", "ddr5 2 TiB, 1.64 TB/s, shared by 8"),
        ("groq-lpu", "sram 230.7 MB, 80.1 TB/s"),
        ("b200-h3-8", "hbf 3.072 TB, 7.95 TB/s"),
        ("l40s-8", "pcie 31.5 GB/s, host-bridge"),
        ("h100-sxm-32", "nvlink 450 GB/s, switch; infiniband 50 GB/s, switch"),
    ],
)
def test_a_row_shows_what_a_reader_looks_for(system: str, shown: str) -> None:
    assert shown in table({system: "nothing"})
