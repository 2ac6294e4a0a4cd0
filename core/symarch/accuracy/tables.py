"""Tables of measurements: CSV files in the columns that the page on accuracy lists, as arrays.

The family of a file is found by its name, and by its columns where the name says nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from symarch.accuracy.routed import elsewhere_of
from symarch.errors import SymarchError, nearest

Array = NDArray[np.float64]


@attrs.frozen
class Family:
    """A kind of measurement.

    Attributes:
        words: columns of text that a row is predicted from.
        numbers: columns of numbers that a row is predicted from.
        measured: the columns that hold what was measured, in `unit`.
        unit: seconds in one unit of the measured columns.
        optional: columns of text that a row is predicted from where a file has them.
        told: columns of text that a file may have, and how the others tell them where it has not.
    """

    words: tuple[str, ...]
    numbers: tuple[str, ...]
    measured: tuple[str, ...]
    unit: float = 1e-6
    optional: tuple[str, ...] = ()
    told: Mapping[str, Callable[[Mapping[str, Sequence[str]]], list[str]]] = attrs.field(factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that a file must have."""
        return tuple(c for c in (*self.words, *self.numbers, *self.measured) if c not in self.told)


LATENCY = ("latency_us",)
MAY_BE_NONE = ("prefix_len",)
"""Columns of numbers that may be 0."""

FAMILIES = {
    "gemm": Family(("system", "dtype"), ("m", "n", "k"), LATENCY),
    "attention_decode": Family(("system", "kv_dtype"), ("batch", "heads", "kv_heads", "head_dim", "context"), LATENCY),
    "attention_prefill": Family(
        ("system", "kv_dtype"), ("batch", "heads", "kv_heads", "head_dim", "input_len", "prefix_len"), LATENCY
    ),
    "moe": Family(
        ("system", "dtype", "distribution", "elsewhere"),
        ("tokens", "hidden", "inter", "topk", "experts", "tp", "ep"),
        LATENCY,
        told={"elsewhere": elsewhere_of},
    ),
    "collective": Family(("system", "library", "op", "gpus"), ("bytes",), LATENCY),
    "elementwise": Family(("system", "op"), ("tokens", "tp", "hidden", "ffn", "heads", "kv_heads", "vocab"), LATENCY),
    "e2e_serving": Family(
        ("system", "backend", "model", "gemm_quant", "gpus", "tp", "pp", "attention_dp", "moe_tp", "moe_ep"),
        ("batch_per_dp", "input_len", "output_len"),
        ("tpot_ms", "ttft_ms"),
        1e-3,
        ("precision", "moe_quant"),
    ),
    "e2e_splitwise": Family(
        ("system", "model", "tp"), ("input_len", "batch", "output_len"), ("tpot_ms", "prefill_ms"), 1e-3
    ),
    "e2e_llm_inference_bench": Family(
        ("system", "model", "devices", "framework", "consistent"), ("inout_len", "batch"), ("latency_s",), 1.0
    ),
}
"""The kinds of measurement by name, which is also how their files begin."""


@attrs.frozen(eq=False)
class Table:
    """The rows of one file.

    Attributes:
        path: the file.
        family: what it measures, a key of `FAMILIES`.
        words: columns of text.
        numbers: columns of numbers; not a number where a cell holds none.
    """

    path: Path
    family: str
    words: Mapping[str, NDArray[np.str_]]
    numbers: Mapping[str, Array]

    def __len__(self) -> int:
        return int(next(iter(self.words.values())).size)

    def groups(self, names: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], NDArray[np.int64]]]:
        """Yield each combination of the texts of some columns, with the rows that have it."""
        keys = np.stack([self.words[n] for n in names], axis=1)
        found, place = np.unique(keys, axis=0, return_inverse=True)
        order = np.argsort(place.ravel(), kind="stable")
        for key, rows in zip(found, np.split(order, np.cumsum(np.bincount(place.ravel()))[:-1]), strict=True):
            yield tuple(str(k) for k in key), rows

    def only(self, rows: Any) -> Table:
        """Return the table with some rows alone."""
        return attrs.evolve(
            self,
            words={n: v[rows] for n, v in self.words.items()},
            numbers={n: v[rows] for n, v in self.numbers.items()},
        )

    def of_systems(self, systems: tuple[str, ...]) -> Table:
        """Return the table with the rows of some systems alone; all of them if none is named."""
        return self.only(np.isin(self.words["system"], systems)) if systems else self

    @property
    def sound(self) -> NDArray[np.bool_]:
        """Return which rows have all numbers, above 0; of what is cached before there may be none."""
        family = FAMILIES[self.family]
        good = np.ones(len(self), dtype=bool)
        for name in (*family.numbers, family.measured[0]):
            column = self.numbers[name]
            with np.errstate(invalid="ignore"):
                good &= np.isfinite(column) & (column >= 0 if name in MAY_BE_NONE else column > 0)
        return good

    def row(self, index: int) -> dict[str, str | float]:
        """Return one row by column, what the prediction needs and no more."""
        family = FAMILIES[self.family]
        words = {n: str(self.words[n][index]) for n in family.words}
        return words | {n: float(self.numbers[n][index]) for n in family.numbers}


def family_of(path: Path, columns: list[str]) -> str:
    """Return the family of a file by its name or columns. Raises SymarchError."""
    named = [f for f in FAMILIES if path.stem.lower().startswith(f)]
    fitting = [f for f, d in FAMILIES.items() if set(d.columns) <= set(columns)]
    found = named or fitting
    if not found:
        raise SymarchError(
            f"{path}: neither name nor columns say what it measures; {nearest(path.stem, FAMILIES)}, "
            "or the columns of one of them"
        )
    return max(found, key=len)


def read_table(path: Path) -> Table:
    """Read a file of measurements. Raises SymarchError naming file and column."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, skipinitialspace=True)
            header = [c.strip() for c in next(reader, [])]
            rows = [[c.strip() for c in r] for r in reader if any(r)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        why = str(error) if isinstance(error, csv.Error) else why
        raise SymarchError(f"{path}: cannot be read: {why}") from None
    if not any(header):
        raise SymarchError(f"{path}: it is empty")
    for sign, words in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and sign in header[0]:
            raise SymarchError(f"{path}: cells are divided by {words}, they must be by commas")
    twice = next((c for i, c in enumerate(header) if c in header[:i]), None)
    if twice is not None:
        raise SymarchError(f"{path}: column {twice} stands there twice")
    name = family_of(path, header)
    family = FAMILIES[name]
    missing = [c for c in family.columns if c not in header]
    if missing:
        others = get_close_matches(missing[0], [c for c in header if c not in family.columns], 1)
        near = f"; is it {others[0]}, in another unit or by another name?" if others else ""
        raise SymarchError(f"{path}: column {missing[0]} is missing, which {name} needs{near}")
    again = next((i for i, r in enumerate(rows) if r == header), None)
    if again is not None:
        raise SymarchError(f"{path}: row {again + 2} is the header again")
    if not rows:
        raise SymarchError(f"{path}: it has a header and no rows")
    short = next((i for i, r in enumerate(rows) if len(r) != len(header)), None)
    if short is not None:
        raise SymarchError(f"{path}: row {short + 2} has {len(rows[short])} cells, the header {len(header)}")
    cells = {c: [r[i] for r in rows] for i, c in enumerate(header)}
    cells |= {c: tell(cells) for c, tell in family.told.items() if c not in cells}
    numbers = {c: _numbers(cells[c]) for c in (*family.numbers, *family.measured)}
    return Table(path, name, {c: np.array(v) for c, v in cells.items() if c not in numbers}, numbers)


def _numbers(texts: list[str]) -> Array:
    try:
        return np.array(texts, dtype=float)
    except ValueError:
        return np.array([_number(t) for t in texts])


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan
