"""What was assumed, and what is not modelled, as sentences, each once with all components that it holds for."""

from __future__ import annotations

from collections.abc import Iterable

import attrs


@attrs.frozen
class Note:
    """A sentence on what was assumed or is not modelled.

    Attributes:
        words: the sentence.
        of: the components that it holds for; none where it holds for the whole.
        stated: whether a technology states it of itself, whatever the workload.
    """

    words: str
    of: tuple[str, ...] = ()
    stated: bool = False

    @property
    def text(self) -> str:
        """The sentence with what it holds for."""
        return f"{', '.join(self.of)}: {self.words}" if self.of else self.words


def grouped(notes: Iterable[Note | str]) -> tuple[Note, ...]:
    """Return notes, those that say the same of several components as one, where the first stood.

    What technologies state of themselves comes last.
    """
    found: dict[tuple[str, bool, bool], Note] = {}
    for note in notes:
        one = Note(note) if isinstance(note, str) else note
        key = (one.words, one.stated, bool(one.of))
        known = found.get(key, one)
        found[key] = attrs.evolve(known, of=tuple(dict.fromkeys([*known.of, *one.of])))
    return tuple(sorted(found.values(), key=lambda n: n.stated))
