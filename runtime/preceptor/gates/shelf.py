"""Protected questions as digests, and the rules by which a row is found to copy one of them.

Words are compared, not characters: case, white space and punctuation make no difference. Where numbers are ignored,
they make none either, unless they are most of a sequence.

*exact*: the same words in the same order; for fewer than 8 words the same operators and brackets, too.
*ngram*: as many consecutive words in common as the document says.
*coverage*: so large a share of one question's 8-word sequences stands in the row.
*similar*: the row's question is as similar (Jaccard, of 5-word sequences), or it is a short question with a word
changed, two from 20 words on: longer ones show that by what they have in common.

Wording that many questions share counts nowhere but under *exact*; see :mod:`preceptor.gates.wording`.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from preceptor.gates.postings import COMMON, Positions, Postings
from preceptor.gates.reading import SHINGLE, Digests, Reading, Sequences, read, together
from preceptor.gates.text import normalise
from preceptor.gates.wording import COVERED, TRACE, Numbers, Wordings, sequences, traces
from preceptor.spec.gates import ContaminationGate as Settings

ONE_EDIT = 20
"""Questions of fewer words are found with one word changed; of as many or more, with two."""
_CONTIGUOUS = 0.75
"""From this similarity on, four 5-word sequences one after the other are shared somewhere, and so are 8 words."""

_MARKS = re.compile(r"\w+|[^\w\s.,;:!?'\"`\u00ab\u00b4\u00b7\u00bb\u2018-\u201f\u2026]")


@dataclass(frozen=True)
class Match:
    """What a row has in common with the question that is nearest to it."""

    rule: str | None
    """The strongest rule that the row breaks; ``None`` for none."""
    position: int
    """The question, by its position on the shelf."""
    coverage: float
    """Share of its 8-word sequences that are in the row; 1 for an exact copy."""


class Row:
    """A row's question and answer, read."""

    def __init__(self, question: str, answer: str = "") -> None:
        self.text = question
        """The question as it is."""
        self.question = read(question)
        """The question alone."""
        self.all = together(self.question, Reading(answer))
        """Question and answer."""


@dataclass(frozen=True, eq=False)
class Shelf:
    """Digests of protected questions, as arrays."""

    numbers: Numbers
    """What difference numbers make."""
    whole: Digests
    """For each question all its words."""
    marks: Digests
    """For each question its words, operators and brackets."""
    words: Positions
    """How many words each question has."""
    ngrams: Postings
    """Sequences of which one in common is too much."""
    covered: Postings
    """Sequences of 8 words."""
    shingles: Postings
    """Sequences of 5 words."""
    traces: Postings
    """Sequences of 3 words of short questions that are not of one make."""
    _sizes: dict[str, Positions] = field(init=False, repr=False, default_factory=dict)
    _wholes: dict[int, list[int]] = field(init=False, repr=False, default_factory=dict)
    _longest: int = field(init=False, repr=False, default=0)

    def __post_init__(self) -> None:
        for name in ("covered", "shingles", "traces"):
            self._sizes[name] = getattr(self, name).sizes(len(self.words))
        held = self.words[self._sizes["traces"] > 0]
        object.__setattr__(self, "_longest", int(held.max(initial=0)) + 2)
        for position, whole in enumerate(self.whole.tolist()):
            self._wholes.setdefault(whole, []).append(position)

    @classmethod
    def of(cls, texts: Sequence[str], clusters: Sequence[Hashable], settings: Settings, *, numbers: Numbers) -> Self:
        """A shelf of questions, each of a cluster."""
        readings = [Reading(text) for text in texts]
        wordings = Wordings(readings, clusters, numbers)
        words = np.array([len(one) for one in readings], np.int32)
        covered = wordings.own(COVERED)
        brief = (words >= COVERED) & ((words <= _brief(settings)) | (covered.sizes(len(words)) <= _brief(settings)))
        told = [
            traces(one, numbers) if short else np.zeros(0, np.uint64)
            for one, short in zip(readings, brief.tolist(), strict=True)
        ]
        shelf = cls(
            numbers,
            np.array([one.whole for one in readings], np.uint64),
            np.array([marks(text) for text in texts], np.uint64),
            words,
            wordings.own(settings.ngram, one_is_enough=True),
            covered,
            wordings.own(SHINGLE),
            Postings.of(told),
        )
        made = (shelf._of_one_make(one, trace, clusters) for one, trace in zip(readings, told, strict=True))
        kept = [trace[:0] if many else trace for trace, many in zip(told, made, strict=True)]
        return replace(shelf, traces=Postings.of(kept))

    def match(self, row: Row, settings: Settings) -> Match | None:
        """What the row has in common with the question nearest to it; ``None`` when there is nothing."""
        if not len(self.words):
            return None
        if (same := self._same(row)) is not None:
            return Match("exact", same, 1.0)
        covered = self.covered.find(sequences(row.all, COVERED, self.numbers))
        nearest, coverage = self._nearest(covered) if covered else (0, 0.0)
        if covered or settings.ngram < COVERED:  # who shares more words than 8 in a row, shares 8
            repeated = self.ngrams.shared(self.ngrams.find(sequences(row.all, settings.ngram, self.numbers)))
            if repeated:
                return Match("ngram", nearest if coverage else min(repeated), coverage)
        if 0 < coverage >= settings.coverage:
            return Match("coverage", nearest, coverage)
        similar = self._similar(row, settings.similarity) if covered or settings.similarity < _CONTIGUOUS else None
        if similar is None:
            similar = self._edited(row.question)
        if similar is not None:
            return Match("similar", nearest if coverage else similar, coverage)
        return Match(None, nearest, coverage) if coverage else None

    def tells_edited(self, row: Row, settings: Settings) -> bool:
        """Whether one of its questions is found after one of its words is changed, too."""
        found = self._same(row)
        sizes = self._sizes
        return found is not None and bool(sizes["traces"][found] or sizes["covered"][found] > _brief(settings))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything it holds but :attr:`numbers`, by name."""
        held: dict[str, NDArray[Any]] = {name: getattr(self, name) for name in _ARRAYS}
        for name in _POSTINGS:
            held |= {f"{name}.{part}": getattr(getattr(self, name), part) for part in _PARTS}
        return held

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], *, numbers: Numbers) -> Self:
        """The shelf that :meth:`arrays` came from. Raises ``KeyError`` when one is missing."""
        held: dict[str, Any] = {name: arrays[name] for name in _ARRAYS}
        held |= {name: Postings(*(arrays[f"{name}.{part}"] for part in _PARTS)) for name in _POSTINGS}
        return cls(numbers=numbers, **held)

    def _asked(self, row: Row, length: int) -> Digests:
        """Sequences of the row's question."""
        return sequences(row.all, length, self.numbers)[: max(len(row.question) - length + 1, 0)]

    def _same(self, row: Row) -> int | None:
        owners = self._wholes.get(row.question.whole, [])
        if owners and len(row.question) < COVERED:
            told = marks(row.text)
            owners = [owner for owner in owners if self.marks[owner] == told]
        return owners[0] if owners else None

    def _nearest(self, covered: list[int]) -> tuple[int, float]:
        """The question of which most is covered, and how much; nothing of the first one when there is none."""
        shares = {owner: count / self._sizes["covered"][owner] for owner, count in self.covered.shared(covered).items()}
        best = min(shares, key=lambda owner: (-shares[owner], owner), default=0)  # boilerplate is nobody's
        return best, float(shares.get(best, 0.0))

    def _similar(self, row: Row, similarity: float) -> int | None:
        """The first question that is as similar to the row's."""
        shingles = self._asked(row, SHINGLE)
        if not len(shingles) or len(self.shingles.likely(shingles)) < similarity * len(set(shingles.tolist())):
            return None
        found = self.shingles.find(shingles)
        own = len(set(shingles.tolist())) - self.shingles.common(found)
        sizes = self._sizes["shingles"]
        shared = self.shingles.shared(found).items()
        return min((one for one, count in shared if count >= similarity * (sizes[one] + own - count)), default=None)

    def _edited(self, question: Reading) -> int | None:
        """The first short question that a question is, but for a few of its words."""
        if not COVERED - 1 <= len(question) <= self._longest:
            return None
        return min(self._edits(question, traces(question, self.numbers)), default=None)

    def _edits(self, question: Sequences, told: Digests) -> Iterator[int]:
        if not len(told) or len(self.traces.likely(told)) < len(told) - 2 * TRACE:
            return
        distinct, sizes = len(set(told.tolist())), self._sizes["traces"]
        for one, count in self.traces.shared(self.traces.find(told)).items():
            edits = 1 if self.words[one] < ONE_EDIT else 2
            if max(sizes[one], distinct) - count <= TRACE * edits and abs(self.words[one] - len(question)) <= edits:
                yield one

    def _of_one_make(self, question: Sequences, told: Digests, clusters: Sequence[Hashable]) -> bool:
        """Whether many others are but a light edit away."""
        return len({clusters[other] for other in self._edits(question, told)}) > COMMON


_ARRAYS = ("whole", "marks", "words")
_POSTINGS = ("ngrams", "covered", "shingles", "traces")
_PARTS = ("digests", "starts", "owners")


def _brief(settings: Settings) -> int:
    """Words up to which two changes can hide that a question was copied: none of three runs is long enough to show."""
    return 3 * settings.ngram + 2


def marks(text: str) -> int:
    """A digest for all words, operators and brackets of a text; white space and punctuation of prose are left out."""
    told = " ".join(_MARKS.findall(normalise(text)))
    return int.from_bytes(blake2b(told.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
