"""The gates' index of the examination, and the test that every run puts its gates to before anything is made.

Copies of the examination's own items, a fake key and other rows that must not pass go through the same gates as every
row will. A run whose gates let one of them pass does not start.
"""

from __future__ import annotations

import re
import secrets
import string
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from preceptor.errors import GateError
from preceptor.gates.contamination import SEEDS, SUITE, ExamIndex, Protected
from preceptor.gates.duplicates import Seen
from preceptor.gates.gate import Safeguards, Screen, label_gates
from preceptor.gates.text import normalise, words
from preceptor.loop.events import SafeguardsTested
from preceptor.loop.examining import Paper
from preceptor.recipes.catalogue import catalogue
from preceptor.recipes.digests import digest
from preceptor.recipes.sample import Receipt, Sample
from preceptor.spec.actors import ProceduralTeacher
from preceptor.spec.document import Spec
from preceptor.storage import layout
from preceptor.storage.store import Store
from preceptor.synthesis.context import Seed
from preceptor.tasks.content import Content
from preceptor.tasks.items import Item
from preceptor.tasks.scorers import Scorer
from preceptor.tasks.splits import Split, SplitName

PROCEDURAL, WRITTEN = "procedural", "prompt"
"""Kinds of sources, as receipts name them."""
PLANTS = 8
"""Items of each split that are copied, spread over it."""
_RESTORE = "restore it from a copy of the storage root, or start a run under another metadata.name"
_PLAIN_WORD = re.compile(r"(?<!\w)[A-Za-z]{2,}(?!\w)")
_CAPITALS = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)
_GATES = ("format", "secrets", "contamination", "labels", "duplicates")
"""Gates that can be switched off."""


def exam_index(
    spec: Spec,
    store: Store,
    splits: Mapping[SplitName, Split],
    seeds: Iterable[Seed],
    tested: str = "",
    suites: Iterable[Paper] = (),
) -> ExamIndex | None:
    """What no row of the run may copy: as the run began with it, else made now; ``None`` when the gate is off.

    ``suites`` are what tasks of ``evaluation.forgetting`` ask. ``tested`` is the digest of the index that the gates
    were tested with, once they were. Raises :class:`GateError` when the stored index is damaged, missing or another.
    """
    if not spec.dataset.gates.contamination.enabled:
        return None
    if tested and not store.exists(layout.EXAM_INDEX):
        raise GateError(f"{store.uri(layout.EXAM_INDEX)} is missing", mend=_RESTORE)
    if store.exists(layout.EXAM_INDEX):
        index = ExamIndex.from_bytes(store.read(layout.EXAM_INDEX))
        if tested and index.digest != tested:
            raise GateError(f"{store.uri(layout.EXAM_INDEX)} is not what the gates were tested with", mend=_RESTORE)
        return index
    questions, generated = protected(spec, splits, seeds, suites), bool(catalogue(spec.teacher))
    return ExamIndex.build(questions, spec.dataset.gates.contamination, generated=generated)


def protected(
    spec: Spec, splits: Mapping[SplitName, Split], seeds: Iterable[Seed], suites: Iterable[Paper] = ()
) -> Iterator[Protected]:
    """Every question of the examination and of other tasks that are asked, and every raw seed question."""
    content = Content(spec.task)
    for name, split in splits.items():
        for item in split.items:
            text = content.of(item.fields, item.prompt)
            yield Protected(name, _named(text), text, item.cluster)
    for paper in suites:
        theirs = Content(paper.task)
        for item in paper.items:
            text = theirs.of(item.fields, item.prompt)
            yield Protected(SUITE, _named(text), text, f"{paper.name} {item.cluster}")
    for seed in seeds:
        text = content.of(seed.fields, " ".join(map(str, seed.fields.values())))
        yield Protected(SEEDS, _named(text), text)


def _named(text: str) -> str:
    return digest(normalise(text))[:12]


@dataclass(frozen=True)
class _Plant:
    """A row that must not pass."""

    kind: str
    """What it is, for people."""
    gate: str
    """The gate that has to stop it."""
    sample: Sample
    """The row."""


@dataclass(frozen=True)
class SelfTest:
    """Puts the gates of a run to the test."""

    spec: Spec
    """The document's ``spec``."""
    store: Store
    """The run's directory in storage."""
    splits: Mapping[SplitName, Split]
    """The examination."""
    scorer: Scorer
    """Reads answers."""
    safeguards: Safeguards
    """What the gates are made with."""
    seeds: int = 0
    """Raw seed questions that are protected."""
    suites: Sequence[Paper] = ()
    """What tasks of ``evaluation.forgetting`` ask."""
    seconds: Callable[[], float] = field(default=time.monotonic)
    """A monotonic clock."""

    def carry_out(self) -> SafeguardsTested:
        """Plant rows, see all of them stopped, and store the index.

        Raises :class:`GateError` when one passes; nothing was asked of anybody then.
        """
        started = self.seconds()
        screen = Screen(self.spec, self.scorer, self.safeguards)
        planted, stopped = Counter[str](), Counter[str]()
        for plant in self._plants(screen):
            planted[plant.kind] += 1
            stopped[plant.kind] += self._stops(screen, plant)
        self._refuse_unless_all(planted, stopped)
        index = self.safeguards.exam
        if index is not None:
            self.store.write(layout.EXAM_INDEX, index.to_bytes())
        protected: dict[str, int] = {name: len(split.items) for name, split in self.splits.items()}
        others = {SUITE: sum(len(paper.items) for paper in self.suites), SEEDS: self.seeds}
        protected |= {name: count for name, count in others.items() if count}
        return SafeguardsTested(
            planted=dict(planted),
            stopped={kind: stopped[kind] for kind in planted},
            protected=protected if index else {},
            index=index.digest if index else "",
            off=tuple(gate for gate in _GATES if not getattr(self.spec.dataset.gates, gate).enabled),
            seconds=round(self.seconds() - started, 3),
        )

    def _plants(self, screen: Screen) -> Iterator[_Plant]:
        if "contamination" in screen.names:
            for name, split in self.splits.items():
                for item in _spread(split.items):
                    yield from self._copies(name, item)
            for paper in self.suites:
                for item in _spread(paper.items):
                    yield from self._copies(SUITE, self._taught(paper, item))
        specimen = next(iter(self.splits["feedback"].items))
        if "secrets" in screen.names:
            yield _Plant("secret", "secrets", _row(specimen, answer=f"{specimen.reference} {_fake_key()}"))
        if "format" in screen.names:
            yield _Plant("unrendered template", "format", _row(specimen, answer="{{ answer }}"))
        if self.spec.dataset.gates.labels.enabled:
            yield _Plant("rewritten row that nobody verified", "labels", _row(specimen, source="evolve"))
        if self.spec.dataset.gates.duplicates.enabled:
            yield _Plant("question asked twice", "duplicates", _row(specimen))

    def _taught(self, paper: Paper, item: Item) -> Item:
        """Another task's item as a row of this one would copy it: its content in one of the columns that rows have."""
        text = Content(paper.task).of(item.fields, item.prompt)
        return replace(item, fields=Content(self.spec.task).holding(text), prompt=text)

    def _copies(self, split: str, item: Item) -> Iterator[_Plant]:
        """An item as it is, in other case and spacing, and, when it can be told so, with one word replaced.

        Each as every kind of source would make it: rows of generators are compared otherwise than all others.
        """
        shouted = {name: _shouted(value) for name, value in item.fields.items()}
        edited, index = _edited(item.fields), self.safeguards.exam
        text = Content(self.spec.task).of(item.fields, item.prompt)
        for source in self._sources:
            yield _Plant(f"exact copy ({split})", "contamination", _row(item, source=source))
            copy = _row(item, fields=shouted, source=source)
            yield _Plant(f"copy in other case and spacing ({split})", "contamination", copy)
            if edited and index is not None and index.tells_edited(text, procedural=source == PROCEDURAL):
                copy = _row(item, fields=edited, source=source)
                yield _Plant(f"lightly edited copy ({split})", "contamination", copy)

    @property
    def _sources(self) -> tuple[str, ...]:
        """Kinds of sources that the rows of this run may come from, as far as gates tell them apart."""
        generated = (PROCEDURAL,) if catalogue(self.spec.teacher) else ()
        return generated if isinstance(self.spec.teacher, ProceduralTeacher) else (WRITTEN, *generated)

    def _stops(self, screen: Screen, plant: _Plant) -> bool:
        """Whether the very gate that has to stop it does, whatever the gates before it say."""
        match plant.gate:
            case "labels":
                return any(gate.check(plant.sample) is not None for gate in label_gates(self.spec))
            case "duplicates":
                seen = Seen(self.spec.dataset.gates.duplicates, Content(self.spec.task))
                seen.remember(plant.sample)
                return seen.twin(plant.sample) is not None
            case _:
                return screen.check(plant.gate, plant.sample) is not None

    def _refuse_unless_all(self, planted: Mapping[str, int], stopped: Mapping[str, int]) -> None:
        passed = [f"{kind}: {planted[kind] - stopped[kind]} of {planted[kind]}" for kind in planted]
        passed = [line for line, kind in zip(passed, planted, strict=True) if stopped[kind] < planted[kind]]
        if passed:
            raise GateError(
                f"the gates let planted rows pass ({'; '.join(passed)}), so nothing is made with them",
                mend="make `dataset.gates` stricter (the defaults stop every one of them), or report it as a defect",
            )


def _row(item: Item, *, fields: Mapping[str, object] | None = None, answer: str = "", source: str = WRITTEN) -> Sample:
    receipt = Receipt("", 0, "planted", 0, 0, 0, "planted", source=source)
    return Sample.create(
        skill=item.skill,
        fields=fields or item.fields,
        prompt=item.prompt,
        answer=answer or item.reference,
        receipt=receipt,
    )


def _spread(items: tuple[Item, ...]) -> list[Item]:
    count = min(PLANTS, len(items))
    return [items[place * len(items) // count] for place in range(count)]


def _shouted(value: object) -> object:
    return f"  {'  '.join(value.translate(_CAPITALS).split(' '))} " if isinstance(value, str) else value


def _edited(fields: Mapping[str, object]) -> dict[str, object] | None:
    """A record with one plain word replaced, in the middle of its longest text; ``None`` when it has no such word."""
    texts = {name: value for name, value in fields.items() if isinstance(value, str)}
    longest = max(texts, key=lambda name: len(words(texts[name])), default="")
    plain = list(_PLAIN_WORD.finditer(texts.get(longest, "")))
    if not plain:
        return None
    start, end = plain[len(plain) // 2].span()
    return {**fields, longest: f"{texts[longest][:start]}indeed{texts[longest][end:]}"}


def _fake_key() -> str:
    """What looks like a vendor's key and is none."""
    return f"sk-proj-{secrets.token_urlsafe(48).replace('-', 'x').replace('_', 'y')}"
