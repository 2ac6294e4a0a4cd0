"""Colours of resources: the same resource has the same colour in every picture, page and report of a system.

A hue for each component (Okabe and Ito, "Color Universal Design", 2008: told apart with every kind of colour
blindness), a shade of it for each of its resources.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from symarch.analysis import Recorded

HUES = ("#D55E00", "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#F0E442", "#56B4E9")
"""Colour of each component in the order of the system, the same again after the last."""

SHADES = ((255, 0.0), (255, 0.5), (0, 0.4), (255, 0.75), (0, 0.65), (255, 0.25), (0, 0.2))
"""What each further resource of a component is mixed with: white (255) or black (0), and the share of it."""


def colours_of(recorded: Recorded, components: Sequence[str]) -> dict[str, str]:
    """Return the colour of every resource that takes time, energy, money or mass in a recorded model, as `#rrggbb`."""
    marks = (recorded.program.marks(unit).values() for unit in ("s", "J", "USD", "kg"))
    return coloured((name for own in marks for name in sorted({resource for resource, _, _ in own})), components)


def coloured(resources: Iterable[str], components: Sequence[str]) -> dict[str, str]:
    """Return the colour of each resource, shades in their order; those of no component share the hue after the last."""
    order = {name: i for i, name in enumerate(components)}
    owners = {r: o if (o := r.partition(".")[0]) in order else "" for r in dict.fromkeys(resources)}
    used: dict[str, int] = {}  # by hue: components beyond the seventh share one, and not its shades
    found = {}
    for resource in sorted(owners, key=lambda r: order.get(owners[r], len(order))):
        hue = HUES[order.get(owners[resource], len(order)) % len(HUES)]
        shade = used.get(hue, 0)
        used[hue] = shade + 1
        found[resource] = _mixed(hue, *SHADES[shade % len(SHADES)])
    return found


def _mixed(hue: str, other: int, share: float) -> str:
    parts = (round(int(hue[k : k + 2], 16) * (1 - share) + other * share) for k in (1, 3, 5))
    return "#" + "".join(f"{part:02x}" for part in parts)


def ink_on(colour: str) -> str:
    """Return black or white, whichever is read better on a colour."""
    r, g, b = ((int(colour[k : k + 2], 16) / 255) ** 2.2 for k in (1, 3, 5))
    return "#000000" if 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 else "#ffffff"
