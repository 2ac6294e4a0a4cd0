"""Systems of several pools of devices: each a system of its own, joined by a network.

`[pool.NAME]` holds what a spec holds (it may extend one), and how often it is there. Its components are called
NAME_COMPONENT in the whole, so that every parameter has one name; their tables and mapping stay together as a system.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from symarch.specs import placement
from symarch.specs.records import Component, Pool, System

ROLES = ("prefill", "decode", "attention", "ffn")
"""What a pool can be for: a phase, or the attention or the feed-forward part of the layers."""

OWN = ("count", "batch")
"""The keys of a pool beside those of a system spec."""


def renamed(system: System, pool: str) -> System:
    """Return a system whose components' names begin with that of its pool."""
    return _with_names(system, lambda name: f"{pool}_{name}")


def restored(system: System, pool: str, joining: list[str]) -> System:
    """Return a pool as the system that it was before its components were renamed, without what joins it to others."""
    own = {n: c for n, c in system.components.items() if n not in joining}
    return _with_names(attrs.evolve(system, components=own), lambda name: name.removeprefix(f"{pool}_"))


def _with_names(system: System, name: Callable[[str], str]) -> System:
    def optional(old: str | None) -> str | None:
        return None if old is None else name(old)

    def component(one: Component) -> Component:
        return attrs.evolve(
            one,
            name=name(one.name),
            on=optional(one.on),
            between=None if one.between is None else (name(one.between[0]), name(one.between[1])),
            unknown=tuple(name(u) for u in one.unknown),
        )

    return attrs.evolve(
        system,
        components={name(n): component(c) for n, c in system.components.items()},
        place={tensor: placement.renamed(where, name) for tensor, where in system.place.items()},
        level={axis: name(network) for axis, network in system.level.items()},
        processor=optional(system.processor),
        run={key: name(processor) for key, processor in system.run.items()},
    )


def joined(system: System, pools: Mapping[str, tuple[System, dict[str, int]]], roles: Mapping[str, str]) -> System:
    """Return a system with pools: its own components, which are the network between them, and theirs.

    Args:
        system: the whole, with the components of its own.
        pools: by name the system of each and its keys `count` and `batch`.
        roles: pool by what it is for, one of `ROLES`.
    """
    whole = dict(system.components)
    found = {}
    for name, (part, own) in pools.items():
        part = renamed(part, name)
        whole |= part.components
        found[name] = Pool(name=name, system=part, **own)
    return attrs.evolve(system, components=whole, pools=found, roles=dict(roles))


def faults_of_pools(system: System) -> list[tuple[str, str]]:
    """Return (key, sentence) for what is wrong with the pools of a system, each of which is right in itself."""
    faults: list[tuple[str, str]] = []
    transfer = [n.name for n in system.joining]
    for role, pool in system.roles.items():
        if pool not in system.pools:
            faults.append((f"mapping.{role}", f"unknown pool '{pool}'; the pools are {', '.join(system.pools)}"))
    named = set(system.roles)
    if ("attention" in named) != ("ffn" in named):
        faults.append(("mapping", "attention and ffn go together: each names a pool"))
    if not ({"prefill", "decode"} <= named or {"attention", "ffn"} <= named):
        faults.append(("mapping", "with pools it must name those of prefill and decode, or of attention and ffn"))
    if {"prefill", "decode", "attention", "ffn"} <= named:
        faults.append(("mapping", "with attention and ffn it names a pool of prefill or of decode, or neither"))
    if len(set(system.roles.values())) < len(system.roles):
        faults.append(("mapping", "each role names a pool of its own"))
    if {"attention", "ffn"} <= named and not faults:
        counts = [system.pools[system.roles[role]].count for role in ("attention", "ffn")]
        if counts[0] != counts[1]:
            faults.append(
                ("mapping", f"attention has {counts[0]} copies of its pool and ffn {counts[1]}; they pair up")
            )
    unused = [name for name in system.pools if name not in system.roles.values()]
    faults += [(f"pool.{name}", "nothing runs on it: no role of the mapping names it") for name in unused]
    if len(transfer) != 1:
        faults.append(
            ("network", f"one network joins the pools; there are {len(transfer)}: {', '.join(transfer) or '-'}")
        )
    elif not faults and system.devices > system.joining[0].size:
        size = system.joining[0].size
        faults.append(
            (f"network.{transfer[0]}.size", f"it is {size}, fewer than the {system.devices} devices of all pools")
        )
    return faults


def pool_tables(content: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide the table of a pool into its own keys and those of its system."""
    own = {key: value for key, value in content.items() if key in OWN}
    return own, {key: value for key, value in content.items() if key not in OWN}
