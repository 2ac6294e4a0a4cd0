"""The system a row of measurements was taken on: the shipped system named like it, with the network asked for."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import attrs

from symarch.errors import SymarchError, nearest
from symarch.plugins import registry
from symarch.specs import Component, System, find_system, list_specs, read_system
from symarch.specs.presets import Preset, presets_of
from symarch.specs.records import Setting
from symarch.technologies import Technology, options_of, parameters_of

_NOISE = re.compile(r"\b(nvidia|amd|intel|google|gpu|\d+gb)\b")
"""Words that stand beside a product's name in tables of measurements."""

ALGORITHMS = ("ring", "direct")
"""What a general communication library does within one board: rings, and an all-to-all that sends at once."""


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
    own = presets_of(cls.name).get(f"{link.name}-{library}")
    link = own or link
    topology = _board(name, devices) or registry().technology("switch")
    settings: dict[str, Setting] = {}
    for source in (cls, topology):
        settings |= {p.name: Setting(p.default, p.low, p.high, p.source, p.status) for p in parameters_of(source)}
        settings |= {o.name: Setting(o.default) for o in options_of(source)}
    return Component(
        "scale_up",
        "network",
        cls,
        link.name,
        settings | dict(link.settings),
        topology=topology,
        size=devices,
        algorithm=ALGORITHMS if own else ("auto",),
    )


def _board(name: str, devices: int) -> type[Technology] | None:
    """Return the topology of the shipped board of eight, None if there is none; a ring if it takes other numbers."""
    if f"{name}-8" not in _systems():
        return None
    networks = read_system(find_system(f"{name}-8")).of("network")
    topology: Any = networks[0].topology if networks else None
    if topology is None:
        return None
    try:
        topology(component="scale_up", endpoints=devices).check(devices)
    except SymarchError:  # half a row of a torus of eight
        return registry().technology("ring")
    found: type[Technology] = topology
    return found
