"""What of protected questions is theirs, and what is wording that they share with others.

Eight words in a row that stand in questions of more than five clusters are boilerplate: what is half made of them, or
is as common itself, tells no question from the others.

A generator makes the same question with other numbers. So for what generators make numbers are decisive: what two
questions of different clusters have in common, but for numbers, is wording of theirs. Of a question with numbers it
counts only as far as it holds one, and then one such sequence is not enough: numbers meet by chance. Whoever quotes the
whole question repeats all of its numbers, and so most of those sequences. A question without numbers is its wording.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from preceptor.gates.postings import Postings
from preceptor.gates.reading import Digests, Reading, Sequences, framed

Numbers = Literal["ignored", "kept", "decisive"]
"""Whether all numbers are one and the same word, words like others, or what tells a question from those of its make."""

COVERED = 8
"""Words in the sequences by which coverage is measured; a question of fewer is compared whole."""
TRACE = 3
"""Words in the sequences that show what is left of a short question after a few of its words were changed."""


class Wordings:
    """Finds what of each question is its own."""

    def __init__(self, questions: Sequence[Reading], clusters: Sequence[Hashable], numbers: Numbers) -> None:
        self._questions = questions
        self._clusters = clusters
        self._numbers = numbers
        covered = [sequences(one, COVERED, numbers) for one in questions]
        common = Postings.of(covered, clusters).boilerplate
        self._boilerplate = [_boilerplate(held, common, len(one)) for one, held in zip(questions, covered, strict=True)]

    def own(self, length: int, *, one_is_enough: bool = False) -> Postings:
        """The sequences of so many words that tell the questions of 8 words or more; each by itself, or many."""
        lengths = [length if len(one) >= COVERED else len(one) + 1 for one in self._questions]
        held = [sequences(one, words, self._numbers) for one, words in zip(self._questions, lengths, strict=True)]
        kept = [_mostly_own(digests, told) for digests, told in zip(held, self._boilerplate, strict=True)]
        if self._numbers == "decisive":
            patterns = [one.patterns(words) for one, words in zip(self._questions, lengths, strict=True)]
            shared = Postings.of(patterns, self._clusters, common=1).boilerplate
            for place, one in enumerate(self._questions):
                if len(one.numbers):
                    own = ~np.isin(patterns[place], shared)
                    kept[place] &= own if one_is_enough else own | one.numbered(lengths[place])
        own_digests = [digests[mask] for digests, mask in zip(held, kept, strict=True)]
        return Postings.of(own_digests, self._clusters)


def sequences(text: Sequences, length: int, numbers: Numbers) -> Digests:
    """A digest for every so many words in a row."""
    return text.patterns(length) if numbers == "ignored" else text.sequences(length)


def traces(question: Sequences, numbers: Numbers) -> Digests:
    """Sequences of 3 words; as every word stands in three of them, a change of it loses three.

    Where numbers are decisive, questions whose numbers differ have none in common.
    """
    found = sequences(framed(question, TRACE - 1), TRACE, numbers)
    return found ^ np.uint64(Sequences(question.numbers).whole) if numbers == "decisive" else found


def _boilerplate(covered: Digests, common: Digests, words: int) -> NDArray[np.bool_]:
    """For each word of a text whether it stands in one of its 8-word sequences that are ``common``."""
    edges = np.zeros(words + COVERED, np.int64)
    starts = np.flatnonzero(np.isin(covered, common))
    np.add.at(edges, starts, 1)
    np.add.at(edges, starts + COVERED, -1)
    return edges.cumsum()[:words] > 0


def _mostly_own(digests: Digests, boilerplate: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """For each sequence of a text whether less than half of it is boilerplate."""
    length = len(boilerplate) - len(digests) + 1
    if not len(digests) or not boilerplate.any():
        return np.ones(len(digests), np.bool_)
    before = np.concatenate(([0], boilerplate.cumsum()))
    own: NDArray[np.bool_] = 2 * (before[length:] - before[:-length]) < length
    return own
