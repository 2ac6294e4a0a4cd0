"""The system a row of measurements was taken on: the shipped system named like it, with the network asked for."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from typing import Any

import attrs

from symarch.errors import SymarchError, nearest
from symarch.plugins import registry
from symarch.specs import Component, System, find_system, list_specs, read_system
from symarch.specs.presets import Preset, presets_of
from symarch.specs.records import Setting
from symarch.technologies import options_of, parameters_of

_NOISE = re.compile(r"\b(nvidia|amd|intel|google|gpu|\d+gb)\b")
"""Words that stand beside a product's name in tables of measurements."""

ALGORITHMS = ("ring", "pairwise", "in_network")
"""What a general communication library does within one board: rings, an all-to-all in rounds of one peer each, and the
sums of switches that can."""

IN_SWITCHES = "reduction_efficiency"
"""The parameter that a link's preset states where the library lets the switches add up shares."""


@cache
def machine(label: str) -> System:
    """Return the system of one device that a label names: `h100_sxm`, `a100-80gb`, `Nvidia A100 GPU`.

    Raises SymarchError if none is shipped.
    """
    words = _NOISE.sub(" ", re.sub(r"[_\-\s]+", " ", label.lower())).split()
    name = "-".join(words)
    if name in _systems():
        plain = [_alone(name)]
    else:
        names = [s for s in _systems() if name and (s.startswith(f"{name}-") or s.endswith(f"-{name}"))]
        plain = [s for s in names if _plain(s) and read_system(find_system(s)).devices == 1]
    if len(plain) != 1:
        why = f"{', '.join(plain)} could be meant" if plain else nearest(name, _systems())
        raise SymarchError(f"no system is named like '{label}'; {why}")
    return read_system(find_system(plain[0]))


@cache
def _systems() -> dict[str, str]:
    return {s.name: s.title for s in list_specs() if s.kind == "system"}


def _alone(name: str) -> str:
    """Return the system of one device that a system is made of: `gb200` for `gb200-nvl72`; itself if it is one."""
    system = read_system(find_system(name))
    processors = system.of("processor")
    usual = processors[0].preset if processors else None
    return usual if system.devices > 1 and usual in _systems() else name


def _plain(name: str) -> bool:
    """Return whether a system is its processor's usual one: named like the preset of its processor."""
    processors = read_system(find_system(name)).of("processor")
    return len(processors) == 1 and processors[0].preset == name


@cache
def joined(label: str, devices: int, library: str | None = None) -> System:
    """Return so many devices of a kind on their usual scale-up network, all of them one tensor-parallel group.

    A communication library with a preset of its own, `nvlink4-nccl`, is taken with that. Raises SymarchError if the
    preset of the processor names no link.
    """
    system = machine(label)
    if devices == 1:
        return attrs.evolve(system, tensor=1)
    processor = system.of("processor")[0]
    assert processor.technology is not None  # a processor has one
    preset = presets_of(processor.technology.name)[str(processor.preset)]
    network = _network(preset, devices, system.name, library)
    return attrs.evolve(system, components={**system.components, network.name: network}, tensor=devices, data=None)


def _network(preset: Preset, devices: int, name: str, library: str | None) -> Component:
    links = [
        (cls, presets_of(technology)[preset.scale_up])
        for technology, cls in registry().technologies().items()
        if cls.kind == "interconnect" and preset.scale_up in presets_of(technology)
    ]
    if len(links) != 1:
        why = f"{len(links)} technologies have a preset '{preset.scale_up}'" if preset.scale_up else "it names none"
        raise SymarchError(f"the scale-up network of {name} is not known: {why}")
    cls, link = links[0]
    known = {n.removeprefix(f"{link.name}-"): n for n in presets_of(cls.name) if n.startswith(f"{link.name}-")}
    if library and library not in known and get_close_matches(library, known):
        raise SymarchError(f"unknown library '{library}' on {name}; {nearest(library, known)}")
    own = presets_of(cls.name)[known[library]] if library in known else None
    link = own or link
    board = _board(name)
    topology = registry().technology("switch") if board is None or board.topology is None else _shape(board, devices)
    settings: dict[str, Setting] = {}
    for source in (cls, topology):
        settings |= {p.name: Setting(p.default, p.low, p.high, p.source, p.status) for p in parameters_of(source)}
        settings |= {o.name: Setting(o.default) for o in options_of(source)}
    if own is not None and IN_SWITCHES in own.settings and "in_network" in settings:
        settings["in_network"] = Setting("shards")
    settings |= link.settings
    if board is not None:
        settings |= _own(board) | _part(board, devices)
    return Component(
        "scale_up",
        "network",
        cls,
        link.name,
        settings,
        topology=topology,
        size=devices,
        algorithm=ALGORITHMS if own else ("auto",),
    )


def _shape(board: Component, devices: int) -> Any:
    """Return the topology of some devices of a board: its own, or a ring where that takes other numbers."""
    topology: Any = board.topology  # a class
    try:
        topology(component="scale_up", endpoints=devices).check(devices)
    except SymarchError:  # half a row of a torus of eight
        return registry().technology("ring")
    return topology


def _own(board: Component) -> dict[str, Setting]:
    """Return what the spec of a board itself states of its network, beyond the preset: a number of lanes, say.

    The shape of a topology is that of the whole board, so that a part of it has another.
    """
    assert board.technology is not None  # a network has one
    preset = presets_of(board.technology.name)[str(board.preset)].settings
    sources = [s for s in (board.technology, board.topology) if s is not None]
    declared = {p.name: p.default for s in sources for p in parameters_of(s) if not p.structural}
    usual = declared | {n: s.value for n, s in preset.items()}
    return {n: board.settings[n] for n, value in usual.items() if board.settings[n].value != value}


def _part(board: Component, devices: int) -> dict[str, Setting]:
    """Return the links that some devices of a board have where each pair has its own; nothing where they share."""
    size: int | None = board.size
    assembly: Any = board.topology  # a class
    if assembly is None or size is None or devices >= size or "links" not in board.settings:
        return {}
    joint = assembly(endpoints=size)
    if joint.diameter(size) != 1:
        return {}
    links = board.settings["links"]
    return {"links": attrs.evolve(links, value=links.value * (devices - 1) // (size - 1))}


def _board(name: str) -> Component | None:
    """Return the network of the shipped board of eight, None if there is none."""
    if f"{name}-8" not in _systems():
        return None
    networks = read_system(find_system(f"{name}-8")).of("network")
    return networks[0] if networks else None
