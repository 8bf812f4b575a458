"""Looks for rows that ask what the examination asks in other words, which no comparison of words can find.

Rows whose embedding is near that of a protected question are shown, beside it, to a model that says whether both ask
the same. It happens where the driver is, on the evaluator's side of the wall, between the assembly of an attempt and
its commit; only counts leave it. In doubt a row is dropped. Carried rows were inspected with the version they are from.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from preceptor.endpoints.index import LogIndex
from preceptor.endpoints.messages import Texts, Usage
from preceptor.endpoints.meter import Lease, bound_tokens, charge
from preceptor.gates.contamination import Protected
from preceptor.loop.asking import PLENTY
from preceptor.loop.inspectors import Inspector, asked
from preceptor.loop.parts import Reporter, Stage
from preceptor.loop.recollection import Archive, Recorded
from preceptor.loop.verdicts import Verdicts
from preceptor.loop.waves import UnpaidError
from preceptor.recipes.amount import Amount, Limit
from preceptor.spec.document import Spec
from preceptor.spec.gates import NeighbourCheck
from preceptor.storage import layout
from preceptor.storage.store import Store
from preceptor.synthesis.assembly import Assembled
from preceptor.synthesis.costs import TYPICAL_BYTES
from preceptor.tasks.content import Content


@dataclass(frozen=True)
class Inspected:
    """What is left of an assembly."""

    assembled: Assembled
    """Without the rows that were dropped; what inspecting used up is in its ``spent``."""
    unpaid: bool = False
    """Whether the budget left too little to compare the rows at all: they may not be used then, and all are there."""
    near: int = 0
    """Rows that were near a protected question."""

    @property
    def failure(self) -> str:
        """Why the rows may not be used; empty when they may."""
        if not self.unpaid:
            return ""
        return "the budget left too little to compare the rows with the examination (`contamination.neighbours`)"


def usual_embedding(spec: Spec, questions: Sequence[str], rows: int) -> Amount:
    """What embedding questions, and so many rows as long as they are, uses up as a rule; without the checks."""
    settings = spec.dataset.gates.contamination.neighbours
    if settings is None or not questions:
        return Amount()
    size = sum(len(question.encode()) for question in questions)
    tokens = math.ceil(size * (1 + rows / len(questions)) / TYPICAL_BYTES)
    return replace(charge(Usage(prompt=tokens, completion=0), settings.price), requests=0)


class Inspection:
    """Inspects what the attempts of one run assembled."""

    def __init__(
        self,
        spec: Spec,
        store: Store,
        *,
        reporter: Reporter | None = None,
        protected: Iterable[Protected] = (),
        epoch: int = 0,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            spec: the document's ``spec``.
            store: the run's directory in storage.
            reporter: is told about it, if anybody.
            protected: what no row may ask; a replay needs none.
            epoch: the driver's epoch.
        """
        self._spec = spec
        self._settings = spec.dataset.gates.contamination.neighbours
        self._log = store.child(layout.INSPECTION)
        self._reporter = reporter
        self._protected = {one.name: one.text for one in protected} if self._settings else {}
        self._epoch = epoch
        self._archive = Archive(self._log)

    def carry_out(self, attempt: int, assembled: Assembled, limit: Limit) -> Inspected:
        """Drop the rows that ask the same as a protected question; ask nobody when the document does not want it.

        Done again after a kill, it comes to the same and pays for nothing twice.

        Args:
            attempt: the attempt's number.
            assembled: its rows, which are taken out of their keeper where they are dropped.
            limit: what may be used up in all, what assembling used up included; requests do not count.

        Raises:
            GateError: a protected question cannot be embedded.
            EndpointError, EndpointDownError, StorageError: as a correspondence raises them; never with a question.
        """
        if self._settings is None or not len(assembled.rows):
            return Inspected(assembled)
        return asyncio.run(self._carry_out(self._settings, attempt, assembled, limit - assembled.spent))

    async def _carry_out(self, settings: NeighbourCheck, attempt: int, assembled: Assembled, limit: Limit) -> Inspected:
        known = self._archive.until(attempt, self._protected)
        index = LogIndex.read(self._log, attempt)
        most = Amount(
            requests=PLENTY,
            tokens=PLENTY if limit.tokens is None else limit.tokens,
            picodollars=PLENTY if limit.picodollars is None else limit.picodollars,
        )
        lease = Lease(most, recorded=index.spent)
        title = f"compare the rows of attempt {attempt} with the examination"
        line = asked(
            settings,
            self._spec.task.description,
            self._protected,
            known,
            log=self._log,
            attempt=attempt,
            epoch=self._epoch,
            index=index,
            lease=lease,
        )
        async with line as inspector:
            with self._stage(title, len(assembled.rows)) as stage:
                metered = None if stage is None else _Metered(stage, assembled.spent, lease)
                inspected = await self._inspected(inspector, assembled, metered)
        spent = assembled.spent + replace(lease.spent + index.lost, requests=0)
        return replace(inspected, assembled=replace(inspected.assembled, spent=spent))

    def replayed(self, attempt: int, assembled: Assembled) -> Inspected:
        """The same from the log, without anybody's help: what was spent is not told.

        Raises :class:`StorageError` when the log does not tell enough.
        """
        if self._settings is None or not len(assembled.rows):
            return Inspected(assembled)
        recorded = Recorded(self._settings, self._log, attempt, self._archive.until(attempt + 1))
        return asyncio.run(self._inspected(recorded, assembled, None))

    def reserve(self, attempt: int, rows: int) -> Amount:
        """What to set aside before an attempt asks for its rows, so that they can be compared afterwards.

        Enough for the questions that no attempt before it has embedded, and for so many rows as long as questions are.
        The same for an attempt that is begun again after a kill.
        """
        settings, texts = self._settings, self._protected
        if settings is None or not texts:
            return Amount()
        known = self._archive.until(attempt, texts)
        lengths = {name: bound_tokens(Texts(settings.model, (text,), (name,))) for name, text in texts.items()}
        missing = sum(length for name, length in lengths.items() if name not in known)
        usage = Usage(prompt=missing + math.ceil(rows * sum(lengths.values()) / len(lengths)), completion=0)
        return replace(charge(usage, settings.price), requests=0)

    def _stage(self, title: str, total: int) -> AbstractContextManager[Stage | None]:
        return nullcontext() if self._reporter is None else self._reporter.stage(title, total)

    async def _inspected(self, inspector: Inspector, assembled: Assembled, stage: Stage | None) -> Inspected:
        assert self._settings is not None
        verdicts = Verdicts(self._settings, Content(self._spec.task), inspector, stage)
        try:
            await verdicts.embed(assembled.rows)
        except UnpaidError:
            return Inspected(assembled, unpaid=True)
        await verdicts.check(assembled.rows)
        return Inspected(_without(assembled, verdicts.reasons), near=len(verdicts.near))


@dataclass(frozen=True)
class _Metered:
    """A stage that is told what was used up whenever it comes further."""

    stage: Stage
    before: Amount
    lease: Lease

    def advance(self, done: int) -> None:
        self.stage.advance(done)
        self.spend(self.before + replace(self.lease.spent, requests=0))

    def spend(self, amount: Amount) -> None:
        self.stage.spend(amount)


def _without(assembled: Assembled, reasons: Mapping[str, str]) -> Assembled:
    """What is left without the rows of these ids, which are taken out of their keeper."""
    dropped: dict[str, Counter[str]] = {}
    carried = Counter[str]()
    for row in assembled.rows:
        if row.id not in reasons:
            continue
        if row.receipt.carried_from is None:
            dropped.setdefault(row.skill, Counter())[reasons[row.id]] += 1
        else:  # the same row, made once more
            carried[row.skill] += 1
    for id in reasons:
        assembled.rows.remove(id)
    return replace(assembled, funnel=assembled.funnel.without(dropped, carried))
