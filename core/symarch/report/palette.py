"""Colours of resources: the same resource has the same colour in every picture, page and report of a system.

A hue for each component (Okabe and Ito, "Color Universal Design", 2008: told apart with every kind of colour
blindness), a shade of it for each of its resources. A hue goes with what kind of component it is, so that another
memory or network moves none of the others, and systems side by side agree; a shade goes with the resource's own name,
so that neither does another phase or data type, which adds resources. What belongs to no component is grey.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from symarch.analysis import Recorded

HUES = ("#D55E00", "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#F0E442", "#56B4E9")
"""Colours of components, and after the last the same paler."""

WANTED = {
    "processor": (0, 4, 5), "memory": (1, 2, 6, 5), "network": (3, 5, 4), "link": (4, 5, 6), "switch": (), "limit": (),
}  # fmt: skip
"""Which of them a component has, by its table in the spec: the first that is free, of all if none is."""

GREYS = ("#7f7f7f", "#b8b8b8", "#474747", "#dedede", "#9b9b9b", "#626262")
"""Colours of what belongs to no component: static power, electricity, the facility, hosts."""

SHADES = (
    (255, 0.0), (255, 0.5), (0, 0.4), (255, 0.75), (0, 0.65), (255, 0.25), (0, 0.2),
    (255, 0.88), (0, 0.8), (255, 0.62), (0, 0.52), (255, 0.37), (0, 0.3),
)  # fmt: skip
"""What a resource's hue is mixed with: white (255) or black (0), and the share of it."""

USUAL = {
    "arithmetic": 0, "": 0, "latency": 1, "combine": 1, "software": 2, "launch": 2, "port": 3, "loop": 3, "power": 4,
    "conversion": 5, "threads": 7, "regroup": 8,
}  # fmt: skip
"""The shade of a resource of this name; the component itself has no name of its own. Others get what these leave."""

WHOLE = 6
"""The shade of a component itself, which costs money, where its arithmetic has the hue."""


def colours_of(*models: Recorded) -> dict[str, str]:
    """Return the colour of every resource that takes time, energy, money or mass in recorded models, as `#rrggbb`."""
    marks = (model.program.marks(unit).values() for model in models for unit in ("s", "J", "USD", "kg"))
    names = (name for own in marks for name in sorted({resource for resource, _, _ in own}))
    return coloured(names, {name: table for model in models for name, table in model.tables.items()})


def hues_of(tables: Mapping[str, str]) -> dict[str, str]:
    """Return the colour of each component, given the table of the spec that it is in."""
    found: dict[str, str] = {}
    paler = [_mixed(hue, 255, 0.45) for hue in HUES]
    order = list(WANTED)
    for name in sorted(tables, key=lambda n: order.index(tables[n])):
        wanted = [HUES[k] for k in WANTED[tables[name]]]
        free = [hue for hue in (*wanted, *HUES, *paler) if hue not in found.values()]
        found[name] = free[0] if free else paler[len(found) % len(paler)]
    return found


def coloured(resources: Iterable[str], tables: Mapping[str, str]) -> dict[str, str]:
    """Return the colour of each resource, given the table of the spec that each component is in.

    One of several components together has a shade of the first's.
    """
    hues, names = hues_of(tables), list(dict.fromkeys(resources))
    found: dict[str, str] = {}
    used: dict[str, set[int]] = {hue: set() for hue in hues.values()}
    own = [n for n in names if _owner(n) in hues]
    usual = {n: WHOLE if f"{n}.arithmetic" in names else _usual(n) for n in own}
    for name in sorted(own, key=lambda n: usual[n] is None):
        hue, shade = hues[_owner(name)], usual[name]
        if shade is None or shade in used[hue]:
            shade = next((k for k in range(len(SHADES)) if k not in used[hue]), len(used[hue]) % len(SHADES))
        used[hue].add(shade)
        found[name] = _mixed(hue, *SHADES[shade])
    greys = [n for n in names if n not in found]
    return found | {n: GREYS[k % len(GREYS)] for k, n in enumerate(greys)}


def _owner(resource: str) -> str:
    """Return the component that a resource is of: `gpu` of `gpu.launch`, the first of `scale_up, scale_out`."""
    return resource.partition(",")[0].partition(".")[0]


def _usual(resource: str) -> int | None:
    """Return the shade that goes with the name of a resource within its component, None without one."""
    return None if "," in resource else USUAL.get(resource.partition(".")[2])


def _mixed(hue: str, other: int, share: float) -> str:
    parts = (round(int(hue[k : k + 2], 16) * (1 - share) + other * share) for k in (1, 3, 5))
    return "#" + "".join(f"{part:02x}" for part in parts)


def ink_on(colour: str) -> str:
    """Return black or white, whichever is read better on a colour."""
    r, g, b = ((int(colour[k : k + 2], 16) / 255) ** 2.2 for k in (1, 3, 5))
    return "#000000" if 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 else "#ffffff"
