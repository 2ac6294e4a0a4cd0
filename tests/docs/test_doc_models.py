"""docs/reference/models.md: the shipped models, the model types that symarch knows, the keys that families read.

With SYMARCH_UPDATE_DOCS=1 the tables are written anew.
"""

from __future__ import annotations

import json
import os
import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from symarch.trace import Architecture, Shard, load_config
from symarch.trace.decoder import Decoder

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "models.md"
FILES = sorted((ROOT / "specs" / "models").glob("*.json"), key=lambda path: path.stem)


def row(path: Path) -> str:
    """Return a model's counts beside what is published."""
    model: Architecture = load_config(path)
    published = json.loads(path.read_text(encoding="utf-8"))["_symarch"]["published"]
    counts = (model.parameters(), model.active_parameters(), model.streamed_parameters())
    cells = [path.stem, *(f"{n:,}" for n in counts), f"{2 * model.stored(Shard()).kv_per_token:,.0f}"]
    figures = " / ".join(published[k] for k in ("parameters", "active_parameters") if k in published)
    words = published["source"] + (f"; {published['differs']}" if "differs" in published else "")
    return "| " + " | ".join([*cells, figures, words]) + " |"


def models() -> str:
    heading = "| model | parameters | active | streamed | KV bytes per token | published | where; why it differs |"
    return "\n".join([heading, "|---|--:|--:|--:|--:|---|---|", *map(row, FILES)]) + "\n"


def families() -> str:
    found: dict[str, list[str]] = {}
    for point in entry_points(group="symarch"):
        if point.name.startswith("model.") and point.value.startswith("symarch.trace."):
            found.setdefault(point.value.removeprefix("symarch.trace."), []).append(point.name.removeprefix("model."))
    rows = [f"| `{module}` | {', '.join(f'`{t}`' for t in sorted(types))} |" for module, types in sorted(found.items())]
    return "\n".join(["| module | `model_type` |", "|---|---|", *rows]) + "\n"


def keys() -> str:
    found: dict[str, set[str]] = {}
    for path in FILES:
        model = load_config(path)
        assert isinstance(model, Decoder) and model.config is not None
        module = type(model).__module__.removeprefix("symarch.trace.")
        found.setdefault(module, set()).update(model.config.known())
    rows = [f"| `{m}` | {', '.join(f'`{k}`' for k in sorted(names))} |" for m, names in sorted(found.items())]
    return "\n".join(["| module | keys |", "|---|---|", *rows]) + "\n"


@pytest.mark.parametrize(("title", "due"), [("Shipped models", models()), ("Families", families()), ("Keys", keys())])
def test_table_is_what_the_program_says(title: str, due: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    match = re.search(rf"^## {title}\n.*?\n(\|.*?\n)(?!\|)", text + "\n", re.MULTILINE | re.DOTALL)
    assert match
    if os.environ.get("SYMARCH_UPDATE_DOCS"):
        PAGE.write_text(text[: match.start(1)] + due + text[match.end(1) :], encoding="utf-8")
        return
    assert match[1] == due
