"""Where the tensors of a class lie: whole in one memory, striped, by layer, or in two parts used differently.

A placement is a memory's name, or one of the records here; each is written in TOML as `plain` gives it and read back by
`read_where`, so that a program may make one and write it down:

    "hbm"                                                        whole
    { hbm = 0.3, hbf = 0.7 }                                     Striped
    [ { layers = "0-39", memory = "hbm" }, { layers = "40-", memory = "hbf" } ]      ByLayer
    { hot = "hbm", cold = "hbf", hot_experts = 16 }              HotCold
    { recent = "hbm", old = "hbf", recent_tokens = 4096 }        RecentOld
    { prefix = "hbf", private = "hbm" }                          PrefixPrivate

Inside the last four a memory may be striped in turn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from symarch.errors import SymarchError, UnknownNameError, nearest
from symarch.specs.values import shown

TENSOR_CLASSES = ("weights", "experts", "kv_cache", "state", "activations")
"""The tensor classes that have a data type each."""

FOLLOWING = {"experts": "weights", "state": "kv_cache"}
"""Classes that lie with another, in its data type, unless it says otherwise."""

PLACED = (*TENSOR_CLASSES, "embeddings")
"""What a mapping places. Embeddings, the tables of which a token reads one row, have the data type of the weights."""

LAYERED = ("weights", "experts", "kv_cache", "state")
"""Classes that may lie by layer."""

TOLERANCE = 1e-9
"""How far from 1 the sum of fractions may be."""

_RANGE = re.compile(r"\s*(\d{1,6})\s*(?:(-)\s*(\d{1,6})?)?\s*\Z")


@attrs.frozen
class Striped:
    """Data spread over memories that are read at once; a memory without any is left out.

    Attributes:
        fractions: memory and share of the bytes, in order; the first takes what the others leave.
        owner: the class whose mapping key states them, `weights`; empty where the shares are no parameters.
    """

    fractions: tuple[tuple[str, Any], ...]
    owner: str = ""

    @classmethod
    def of(cls, fractions: Mapping[str, float], owner: str = "") -> Leaf:
        """Return data striped so, whole if one memory has all. Raises SymarchError if the shares do not sum to 1."""
        for memory, share in fractions.items():
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
                raise SymarchError(f"{memory} has {shown(share)}; a fraction is a number from 0 to 1")
        found = {m: s for m, s in fractions.items() if s > 0}
        whole = sum(found.values())
        if abs(whole - 1) > TOLERANCE:
            parts = " + ".join(f"{m} {s:g}" for m, s in fractions.items())
            raise SymarchError(f"the fractions {parts} sum to {whole:g}; they must sum to 1")
        return next(iter(found)) if len(found) == 1 else cls(tuple(found.items()), owner)

    @property
    def memories(self) -> tuple[str, ...]:
        """Return the memories in use."""
        return tuple(m for m, _ in self.fractions)

    @property
    def parts(self) -> dict[str, Leaf]:
        """Return the one part there is."""
        return {"": self}

    def plain(self) -> Any:
        """Return what TOML holds."""
        return dict(self.fractions)


Leaf = str | Striped
"""Where one part lies."""


@attrs.frozen
class LayerRange:
    """Layers whose tensors lie in one place.

    Attributes:
        first: the first of them; layers count from 0.
        last: the last of them; None for the model's last.
        where: a memory, or several striped.
    """

    first: int
    last: int | None
    where: Leaf

    @property
    def words(self) -> str:
        """Return the layers as a spec writes them."""
        if self.last is None:
            return f"{self.first}-"
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


@attrs.frozen
class ByLayer:
    """Each layer whole in one place; layers run one after the other, so times add.

    What runs before the first layer lies with it, what runs after the last with that.

    Attributes:
        ranges: layers in order, without gap or overlap.
    """

    ranges: tuple[LayerRange, ...]

    @classmethod
    def of(cls, ranges: Iterable[LayerRange]) -> ByLayer:
        """Return ranges in order. Raises SymarchError for a gap, an overlap, or none at all."""
        ordered = tuple(sorted(ranges, key=lambda r: r.first))
        if not ordered:
            raise SymarchError("the list of layers is empty")
        due: int | None = 0
        for before, one in zip((None, *ordered), ordered, strict=False):
            if one.last is not None and one.last < one.first:
                raise SymarchError(f'layers = "{one.words}" ends before it begins')
            if due is None or one.first < due:
                assert before is not None  # nothing comes before the first layer
                raise SymarchError(f'layers "{before.words}" and "{one.words}" overlap')
            if one.first > due:
                gap = str(due) if one.first - due == 1 else f"{due}-{one.first - 1}"
                raise SymarchError(f'layers "{gap}" are placed nowhere; the ranges must leave no gap')
            due = None if one.last is None else one.last + 1
        return cls(ordered)

    @property
    def parts(self) -> dict[str, Leaf]:
        """Return the places by what names them."""
        return {described(r.where): r.where for r in self.ranges}

    def at(self, layer: int) -> str:
        """Return the name of the part a layer lies in."""
        return next(described(r.where) for r in self.ranges if r.last is None or layer <= r.last)

    def plain(self) -> Any:
        """Return what TOML holds."""
        return [{"layers": r.words, "memory": plain(r.where)} for r in self.ranges]


@attrs.frozen
class HotCold:
    """Experts by how often tokens are routed to them.

    Attributes:
        hot: where those most in demand lie.
        cold: where the others lie.
        hot_experts: how many are hot in each layer.
    """

    hot: Leaf
    cold: Leaf
    hot_experts: int

    @property
    def parts(self) -> dict[str, Leaf]:
        """Return the places of the parts."""
        return {"hot": self.hot, "cold": self.cold, "": self.cold}

    def plain(self) -> Any:
        """Return what TOML holds."""
        return {"hot": plain(self.hot), "cold": plain(self.cold), "hot_experts": self.hot_experts}


@attrs.frozen
class RecentOld:
    """The KV cache by age: new tokens are written to `recent`, and move on to `old`.

    Attributes:
        recent: where the newest tokens of each sequence lie.
        old: where the others lie.
        recent_tokens: how many are recent.
    """

    recent: Leaf
    old: Leaf
    recent_tokens: int

    @property
    def parts(self) -> dict[str, Leaf]:
        """Return the places of the parts."""
        return {"recent": self.recent, "old": self.old, "": self.old}

    def plain(self) -> Any:
        """Return what TOML holds."""
        return {"recent": plain(self.recent), "old": plain(self.old), "recent_tokens": self.recent_tokens}


@attrs.frozen
class PrefixPrivate:
    """The KV cache of a prefix that sequences share apart from what each has of its own.

    Attributes:
        prefix: where the shared prefix lies.
        private: where the rest lies.
    """

    prefix: Leaf
    private: Leaf

    @property
    def parts(self) -> dict[str, Leaf]:
        """Return the places of the parts."""
        return {"prefix": self.prefix, "private": self.private, "": self.private}

    def plain(self) -> Any:
        """Return what TOML holds."""
        return {"prefix": plain(self.prefix), "private": plain(self.private)}


Where = str | Striped | ByLayer | HotCold | RecentOld | PrefixPrivate
"""Where the tensors of a class lie."""


def plain(where: Where) -> Any:
    """Return a placement as TOML holds it: a text, a table or a list."""
    return where if isinstance(where, str) else where.plain()


def described(where: Where) -> str:
    """Return a placement in a few words."""
    if isinstance(where, str):
        return where
    if isinstance(where, Striped):
        return " + ".join(f"{s:.3g} {m}" for m, s in where.fractions)
    if isinstance(where, ByLayer):
        return ", ".join(f"layers {r.words} {described(r.where)}" for r in where.ranges)
    if isinstance(where, HotCold):
        return f"{where.hot_experts} hot experts {described(where.hot)}, cold {described(where.cold)}"
    if isinstance(where, RecentOld):
        return f"{where.recent_tokens} recent tokens {described(where.recent)}, old {described(where.old)}"
    return f"prefix {described(where.prefix)}, private {described(where.private)}"


def parts_of(where: Where) -> dict[str, Leaf]:
    """Return where the parts of a class lie, by name; where the parts are not told apart, under the name ''."""
    return {"": where} if isinstance(where, str) else where.parts


def renamed(where: Where, name: Callable[[str], str]) -> Where:
    """Return a placement in memories of other names; its shares are no parameters there."""

    def leaf(one: Leaf) -> Leaf:
        return name(one) if isinstance(one, str) else Striped(tuple((name(m), s) for m, s in one.fractions))

    if isinstance(where, str | Striped):
        return leaf(where)
    if isinstance(where, ByLayer):
        return ByLayer(tuple(attrs.evolve(r, where=leaf(r.where)) for r in where.ranges))
    if isinstance(where, HotCold):
        return HotCold(leaf(where.hot), leaf(where.cold), where.hot_experts)
    if isinstance(where, RecentOld):
        return RecentOld(leaf(where.recent), leaf(where.old), where.recent_tokens)
    return PrefixPrivate(leaf(where.prefix), leaf(where.private))


def simplest(where: Where) -> Where:
    """Return a placement in its simplest form: parts that lie in the same place are none."""
    if isinstance(where, str | Striped):
        return where
    leaves = list(where.parts.values())
    return leaves[0] if all(leaf == leaves[0] for leaf in leaves) else where


def read_where(tensor: str, value: Any, memories: Iterable[str]) -> Where:
    """Read where a tensor class lies: a record, or what TOML holds.

    Raises SymarchError with one sentence: an unknown class or memory, fractions that do not sum to 1, layers with a gap
    or an overlap, parts that the class does not have.
    """
    if tensor not in PLACED:
        raise UnknownNameError(f"unknown tensor class '{tensor}'; {nearest(tensor, PLACED)}")
    known = tuple(memories)
    data = plain(value) if isinstance(value, Striped | ByLayer | HotCold | RecentOld | PrefixPrivate) else value
    if isinstance(data, list | tuple):
        return _layers(tensor, data, known)
    if isinstance(data, Mapping):
        for kind, keys, owner in (
            (HotCold, ("hot", "cold", "hot_experts"), "experts"),
            (RecentOld, ("recent", "old", "recent_tokens"), "kv_cache"),
            (PrefixPrivate, ("prefix", "private"), "kv_cache"),
        ):
            if any(k in data for k in keys):
                return _parted(tensor, data, known, kind, keys, owner)
    return _leaf(data, known, tensor)


def _leaf(value: Any, known: tuple[str, ...], owner: str = "") -> Leaf:
    """Read a memory, or fractions of several. Raises SymarchError."""
    if isinstance(value, Striped):
        value = value.plain()
    if isinstance(value, str):
        if value not in known:
            raise UnknownNameError(f"unknown memory '{value}'; {nearest(value, known)}")
        return value
    if not isinstance(value, Mapping) or not value:
        raise SymarchError(
            f"it is {shown(value)}; it must be a memory, or fractions of several: {{ a = 0.3, b = 0.7 }}"
        )
    for memory in value:
        if memory not in known:
            raise UnknownNameError(f"unknown memory '{memory}'; {nearest(str(memory), known)}")
    return Striped.of(value, owner)


def _parted(tensor: str, data: Mapping[str, Any], known: tuple[str, ...], kind: Any, keys: tuple[str, ...],
            owner: str) -> Where:  # fmt: skip
    if tensor != owner:
        raise SymarchError(f"{' and '.join(keys[:2])} are parts of {owner}; {tensor} have no such parts")
    for key in data:
        if key not in keys:
            raise UnknownNameError(f"unknown key '{key}' beside {', '.join(k for k in keys if k in data)}; "
                                   f"{nearest(str(key), keys)}")  # fmt: skip
    missing = [k for k in keys if k not in data]
    if missing:
        raise SymarchError(f"the key '{missing[0]}' is missing; it goes with {', '.join(k for k in keys if k in data)}")
    counts = {}
    for key in keys[2:]:
        value = data[key]
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10**9:
            raise SymarchError(f"{key} is {shown(value)}; it must be a whole number, at least 1")
        counts[key] = value
    found: Where = kind(*(_leaf(data[key], known) for key in keys[:2]), **counts)
    return found


def _layers(tensor: str, data: list[Any] | tuple[Any, ...], known: tuple[str, ...]) -> ByLayer:
    if tensor not in LAYERED:
        raise SymarchError(f"{tensor} belong to no layer; layers can be told apart for {', '.join(LAYERED)}")
    ranges = []
    for item in data:
        if not isinstance(item, Mapping) or set(item) != {"layers", "memory"}:
            raise SymarchError(
                f'a list holds ranges of layers, {{ layers = "0-39", memory = "hbm" }}; found {shown(item)}'
            )
        first, last = _range(item["layers"])
        ranges.append(LayerRange(first, last, _leaf(item["memory"], known)))
    return ByLayer.of(ranges)


def _range(text: Any) -> tuple[int, int | None]:
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    match = _RANGE.match(text) if isinstance(text, str) else None
    if match is None:
        raise SymarchError(f'layers is {shown(text)}; it must be "0-39", "40-" (to the last), or a single layer')
    first = int(match[1])
    return first, first if match[2] is None else None if match[3] is None else int(match[3])
