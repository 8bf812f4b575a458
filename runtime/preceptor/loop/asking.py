"""The engineer's line to its model: metered, logged with the attempt it plans, answered from the log after a kill."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from preceptor.endpoints.correspondence import Correspondence
from preceptor.endpoints.index import LogIndex
from preceptor.endpoints.log import LogWriter
from preceptor.endpoints.messages import Correspondent
from preceptor.endpoints.meter import Lease
from preceptor.engineers.observation import Observation
from preceptor.recipes.amount import PICODOLLARS, Amount
from preceptor.spec.actors import LLMEngineer
from preceptor.storage import layout
from preceptor.storage.store import Store

WORKER = "engineer"
"""Name of the engineer among the writers of an attempt's log."""
PLENTY = 1 << 62
"""Stands for a budget without a limit."""


class EngineerLine:
    """Opens a line for one proposal after the other; see :data:`preceptor.engineers.llm.engineer.Line`."""

    def __init__(self, config: LLMEngineer, store: Store, epoch: int) -> None:
        self._config = config
        self._store = store
        self._epoch = epoch
        self.spent = Amount()
        """What the last proposal used up, what killed drivers began for it included."""

    @asynccontextmanager
    async def __call__(self, observation: Observation) -> AsyncIterator[Correspondent]:
        """A line whose lease is what is left of the budget of tokens and money."""
        from preceptor.endpoints.client import Client

        index = LogIndex.read(self._store, observation.attempt)
        budget = observation.budget
        money = PLENTY if budget.usd is None else int(budget.usd * PICODOLLARS)
        lease = Lease(
            Amount(requests=PLENTY, tokens=PLENTY if budget.tokens is None else budget.tokens, picodollars=money),
            recorded=index.spent,
        )
        writer = layout.teacher_writer(self._epoch, WORKER)
        try:
            async with (
                Client(self._config.endpoint, concurrency=1) as client,
                LogWriter(self._store, observation.attempt, writer) as log,
            ):
                yield Correspondence(client.send, lease=lease, log=log, index=index, price=self._config.price)
        finally:
            self.spent = lease.spent + index.lost


def lost_by_engineers(index: LogIndex, epoch: int) -> Amount:
    """The part of an attempt's lost requests that engineers began, up to the driver of ``epoch``."""
    writers = (layout.teacher_writer(number, WORKER) for number in range(1, epoch + 1))
    return sum((index.lost_by(writer) for writer in writers), Amount())
