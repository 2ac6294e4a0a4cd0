"""Tables of measurements: CSV files in the columns that the page on accuracy lists, as arrays.

The family of a file is found by its name, and by its columns where the name says nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
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
        told: columns of text that a file may have, and how the others tell them where it has not.
    """

    words: tuple[str, ...]
    numbers: tuple[str, ...]
    measured: tuple[str, ...]
    unit: float = 1e-6
    told: Mapping[str, Callable[[Mapping[str, Sequence[str]]], list[str]]] = attrs.field(factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that a file must have."""
        return tuple(c for c in (*self.words, *self.numbers, *self.measured) if c not in self.told)


LATENCY = ("latency_us",)
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
            reader = csv.reader(file)
            header = next(reader, [])
            rows = [r for r in reader if r]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise SymarchError(f"{path}: cannot be read: {why}") from None
    name = family_of(path, header)
    family = FAMILIES[name]
    missing = [c for c in family.columns if c not in header]
    if missing:
        raise SymarchError(f"{path}: column {missing[0]} is missing, which {name} needs")
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
