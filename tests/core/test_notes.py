"""Assumptions: each sentence once, with all that it holds for."""

from __future__ import annotations

from typing import Any

import pytest

import symarch
from symarch.analysis.notes import Note, grouped
from symarch.cli import main

MODEL = symarch.load_model("llama-3.1-8b")


def test_what_holds_for_several_is_said_once() -> None:
    notes: list[Note | str] = [
        Note("slow", ("a",)),
        "whole",
        Note("slow", ("b",), True),
        Note("slow", ("c", "a")),
        "whole",
        Note("slow"),
    ]
    assert [n.text for n in grouped(notes)] == ["a, c: slow", "whole", "slow", "b: slow"]
    assert [n.stated for n in grouped(notes)] == [False, False, False, True]


@pytest.mark.parametrize("name", ["h100-cxl-pool-8", "h100-h200-apart", "h200-hbf-8"])
def test_no_sentence_is_there_twice_and_none_is_lost(name: str) -> None:
    system = symarch.load_system(name)
    found = symarch.analyze(system, MODEL).evaluate()
    words = [s.partition(": ")[2] for s in found.stated]
    assert len(set(words)) == len(words)
    assert set(found.stated) <= set(found.assumptions)
    said = {
        (of, sentence.partition(": ")[2]) for sentence in found.stated for of in sentence.partition(": ")[0].split(", ")
    }
    for component in system.components.values():
        if component.table in ("memory", "processor"):
            technology: Any = component.technology
            assert {(component.name, s) for s in technology.assumptions} <= said


def test_two_memories_of_one_kind_share_their_sentences(tmp_path: Any) -> None:
    path = tmp_path / "two.toml"
    path.write_text('format = 1\nextends = "h100-sxm"\n[memory.far]\ntechnology = "ddr5"\n'
                    '[mapping]\nplace = { weights = "far", kv_cache = "hbm", activations = "hbm" }\n')  # fmt: skip
    found = symarch.analyze(symarch.load_system(str(path)), MODEL).evaluate()
    both = [s for s in found.stated if s.startswith("hbm, far: ")]
    assert len(both) >= 3, "what all DRAM assumes"


def test_the_terminal_counts_what_technologies_state(capsys: pytest.CaptureFixture[str]) -> None:
    texts = []
    for extra in ([], ["--assumptions"]):
        with pytest.raises(SystemExit):
            main(["run", "h100-sxm", "--model", "llama-3.1-8b", *extra])
        texts.append(" ".join(capsys.readouterr().out.split()))
    found = symarch.analyze(symarch.load_system("h100-sxm"), MODEL).evaluate()
    assert f"And {len(found.stated)} that the technologies state of themselves: --assumptions." in texts[0]
    for sentence in found.assumptions:
        assert sentence in texts[1]
        assert (sentence in texts[0]) == (sentence not in found.stated)
