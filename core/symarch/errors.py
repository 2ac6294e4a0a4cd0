"""The errors symarch raises: one family, each a clear sentence with the facts as attributes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class SymarchError(Exception):
    """Base of every error that is the user's to mend; the command line prints it as one line and exits with 2."""


FOREIGN = (Exception, SystemExit)
"""What the code of a plugin may raise, which is its failure and not ours."""


class UnitError(SymarchError):
    """A quantity's text has no number, an unknown unit, or a unit of another dimension."""


class DimensionError(SymarchError):
    """Two quantities of different dimensions were added, compared or declared equal."""


class PluginError(SymarchError):
    """A plugin could not be loaded, breaks its contract, or claims a name another one has."""


class UnknownNameError(SymarchError):
    """A name that nothing provides."""


class ModelError(SymarchError):
    """A model configuration that cannot be turned into an exact operator trace."""


class MappingError(SymarchError):
    """A parallel degree or a placement that the model or the system does not allow."""


class WorkloadError(SymarchError):
    """A batch, prompt, output, context, phase or data type that makes no sense."""


class SpecError(SymarchError):
    """All faults of one spec file.

    Attributes:
        faults: one sentence each, already placed (file, line, path).
    """

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(faults))


SHORTEST = 3
"""Letters of a name below which names are not held together by how they begin."""


def nearest(name: str, known: Iterable[str], *, limit: int = 12) -> str:
    """Return the closing words of an unknown-name sentence: near names if there are any, else what is known."""
    names = sorted(set(known))
    near = [n for n in names if n.lower() == name.lower()] or difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if not near and len(name) >= SHORTEST:  # a family's name for one of its models: the beginnings are held together
        begin = {n[: len(name)].lower(): n for n in reversed(names)}
        beginnings = difflib.get_close_matches(name.lower(), begin, n=1, cutoff=0.75)
        near = [n for b in beginnings for n in names if n[: len(name)].lower() == b][:3]
    if near:
        return "did you mean " + " or ".join(f"'{n}'" for n in near) + "?"
    if not names:
        return "none is known"
    shown = ", ".join(names[:limit]) + (", ..." if len(names) > limit else "")
    return f"known: {shown}"
