"""TOML files: read with their parents, so that a fault can be placed; written so that they read back the same.

`extends = "other"` inherits a shipped spec, or a file named relative to the one that extends it. Tables are merged key
by key, the nearer file winning; a component that names another technology, and a technology of another kind, start
afresh, since the inherited keys belong to the old one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import attrs

from symarch.errors import SpecError, UnknownNameError
from symarch.specs.files import LARGEST, find_system

DEEPEST = 16
"""Files in a chain of `extends`; longer ones are a mistake."""

MOST_PARTS = 40
"""Parts of a dotted key; what reads TOML takes a time that grows with their square."""

_PART = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_MANY_PARTS = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_PART}[ \t]*\.[ \t]*){{{MOST_PARTS}}}")


@attrs.frozen
class Source:
    """One file of a chain.

    Attributes:
        path: where it lies.
        text: what it holds.
        table: the same, parsed.
    """

    path: Path
    text: str
    table: dict[str, Any]


def read_toml(path: Path) -> Source:
    """Read one TOML file. Raises SpecError with one sentence."""
    try:
        if path.stat().st_size > LARGEST:
            raise SpecError([f"{path}: larger than {LARGEST // 2**20} MiB; a system spec is a small text file"])
        text = path.read_text(encoding="utf-8-sig")
        if _MANY_PARTS.search(text):
            raise SpecError([f"{path}: a key has more than {MOST_PARTS} parts"])
        return Source(path, text, tomllib.loads(text))
    except UnicodeDecodeError:
        raise SpecError([f"{path}: not a text file in UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        raise SpecError([f"{path}: not TOML: {error}"]) from None
    except ValueError as error:  # tomllib passes on what int() says of a number with thousands of digits
        raise SpecError([f"{path}: not TOML: {error}"]) from None
    except RecursionError:
        raise SpecError([f"{path}: nested too deeply"]) from None
    except OSError as error:
        raise SpecError([f"{path}: cannot be read: {error.strerror}"]) from None


def read_chain(path: Path) -> list[Source]:
    """Read a file and those it extends, nearest first. Raises SpecError for a cycle or a parent that does not exist."""
    return chain_of(read_toml(path))


def chain_of(source: Source) -> list[Source]:
    """Return what a file, or a table of one, extends, itself first. Raises SpecError as `read_chain` does."""
    chain = [source]
    while True:
        path, parent = source.path, source.table.get("extends")
        if parent is None:
            return chain
        place = f"{path}:{line_of(source.text, 'extends') or 1}: extends"
        if not isinstance(parent, str):
            raise SpecError([f"{place}: it is {parent!r}; it must be the name of a system, or a path"])
        beside = path.parent / parent
        try:
            path = beside if beside.is_file() and beside.suffix == ".toml" else find_system(parent)
        except UnknownNameError as error:
            raise SpecError([f"{place}: {error}"]) from None
        except OSError as error:
            raise SpecError([f"{place}: it cannot be read: {error.strerror}"]) from None
        if any(path.resolve() == s.path.resolve() for s in chain):
            loop = " -> ".join([*(s.path.name for s in chain), path.name])
            raise SpecError([f"{chain[0].path}: extends: the files extend each other in a circle: {loop}"])
        if len(chain) == DEEPEST:
            raise SpecError([f"{chain[0].path}: extends: more than {DEEPEST} files extend one another"])
        source = read_toml(path)
        chain.append(source)


def merged(chain: list[Source]) -> dict[str, Any]:
    """Return the table that a chain describes; `name`, `title` and `extends` are not inherited."""
    table: dict[str, Any] = {}
    for source in reversed(chain):
        table = {k: v for k, v in table.items() if k not in ("name", "title", "extends")}
        table = _merge(table, source.table, depth=0)
    return table


_DEEPER = {"technology": 1, "pool": 2}
"""Tables in tables: the parameters and expressions of a technology, the components of a pool."""


def _merge(old: Mapping[str, Any], new: Mapping[str, Any], depth: int, deepest: int = 2) -> dict[str, Any]:
    result = dict(old)
    for key, value in new.items():
        before = result.get(key)
        if isinstance(before, dict) and isinstance(value, dict) and depth < deepest:
            fresh = depth == 1 and any(k in value and value[k] != before.get(k) for k in ("technology", "kind"))
            deeper = deepest + _DEEPER.get(key, 0) * (depth == 0)
            result[key] = dict(value) if fresh else _merge(before, value, depth + 1, deeper)
        else:
            result[key] = value
    return result


def line_of(text: str, key: str) -> int | None:
    """Return the line on which a dotted key is assigned or heads a table, None if the text does not hold it."""
    return _lines(text).get(key)


@lru_cache(maxsize=DEEPEST)
def _lines(text: str) -> dict[str, int]:
    """Return the first line of every dotted key and table of a text, as well as a scan of it can tell."""
    found: dict[str, int] = {}
    header = ""

    def note(key: str, number: int) -> None:
        while key and key not in found:  # `[memory.hbm]` heads `memory` too
            found[key] = number
            key = key.rpartition(".")[0]

    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        match = re.match(r"\[\[?\s*([^\]]+?)\s*\]\]?", stripped)
        if match:
            header = match[1].replace('"', "").replace(" ", "")
            note(header, number)
            continue
        assigned = re.match(r'("?[A-Za-z0-9_-]+"?(?:\s*\.\s*"?[A-Za-z0-9_-]+"?)*)\s*=', stripped)
        if assigned:
            own = assigned[1].replace('"', "").replace(" ", "")
            note(f"{header}.{own}" if header else own, number)
    return found


def place_of(chain: list[Source], key: str) -> str:
    """Return file and line of a dotted key: the nearest file that holds it, else that of the table around it."""
    while key:
        for source in chain:
            line = line_of(source.text, key)
            if line:
                return f"{source.path}:{line}"
        key = key.rpartition(".")[0]
    return str(chain[0].path)


def write_toml(table: Mapping[str, Any]) -> str:
    """Write plain data as TOML that reads back the same. Raises ValueError if it would not."""
    import toml

    try:
        text: str = toml.dumps(dict(table))
        same = tomllib.loads(text) == table
    except (TypeError, tomllib.TOMLDecodeError):
        same = False
    if not same:
        raise ValueError("this data cannot be written as TOML")
    return text
