"""Makes an attempt's units with all that a model's rows need: the endpoint, the attempt's log, a lease for every unit.

One maker serves one process and one event loop, and any number of units at once.
"""

from __future__ import annotations

import asyncio
import gc
import secrets
from math import ceil
from typing import TYPE_CHECKING, Protocol

from preceptor.endpoints.correspondence import Correspondence, Send
from preceptor.endpoints.index import LogIndex
from preceptor.endpoints.log import LogWriter
from preceptor.endpoints.meter import Lease
from preceptor.loop.parts import MakingOrder
from preceptor.spec.actors import OpenAITeacher
from preceptor.spec.document import Spec
from preceptor.spec.recipe import Recipe
from preceptor.storage import layout
from preceptor.storage.store import Store
from preceptor.synthesis.costs import UnitCosts
from preceptor.synthesis.units import Unit, UnitResult
from preceptor.synthesis.worker import UnitWorker
from preceptor.synthesis.writing import ModelUnits, requests_at_once

if TYPE_CHECKING:
    from preceptor.endpoints.client import Client

REQUESTS_OF_A_MAKER = 128
"""Requests in flight that one process is trusted with; more concurrency takes more processes."""
AHEAD = 2
"""Requests that are under way for each that may be in flight: some wait for the log, or for rows to be checked."""


def makers_for(spec: Spec, cpus: int) -> int:
    """How many makers a teacher is worth on so many CPUs."""
    teacher = spec.teacher
    if isinstance(teacher, OpenAITeacher):
        return max(1, min(cpus, ceil(teacher.concurrency / REQUESTS_OF_A_MAKER)))
    return getattr(teacher, "concurrency", 1)


def share(spec: Spec, makers: int) -> int:
    """Requests in flight that each of so many makers may have."""
    return ceil(spec.teacher.concurrency / makers) if isinstance(spec.teacher, OpenAITeacher) else 1


class Load:
    """How much one maker has under way, and whether it should be given another unit."""

    def __init__(self, concurrency: int) -> None:
        self._most = AHEAD * concurrency
        self._requests = self._units = 0

    @property
    def free(self) -> bool:
        """Whether another unit would keep the maker busier. One unit of those that ask nobody is enough."""
        return self._units == 0 or 0 < self._requests < self._most

    @property
    def requests(self) -> int:
        """Requests under way."""
        return self._requests

    def began(self, recipe: Recipe, unit: Unit) -> None:
        """The maker was given a unit."""
        self._units += 1
        self._requests += requests_at_once(recipe, unit)

    def ended(self, recipe: Recipe, unit: Unit) -> None:
        """The maker gave its result."""
        self._units -= 1
        self._requests -= requests_at_once(recipe, unit)


class UnitMaker:
    """Makes units for one document, one attempt after the other."""

    def __init__(self, spec: Spec, concurrency: int) -> None:
        """``concurrency`` is this maker's share of the teacher's. Nothing is opened yet."""
        self._spec = spec
        self._concurrency = concurrency
        self._client: Client | None = None
        self._desk: _Desk | None = None

    async def begin(self, order: MakingOrder) -> None:
        """Take up an attempt: what it builds on, and what its log already knows.

        Raises :class:`EndpointError` when the teacher's key is missing, :class:`StorageError` for a damaged log.
        """
        await self._put_away()
        teacher = self._spec.teacher
        if not isinstance(teacher, OpenAITeacher):
            self._desk = _PlainDesk(self._spec, order)
            return
        if self._client is None:
            from preceptor.endpoints.client import Client

            self._client = Client(teacher.endpoint, concurrency=self._concurrency)
            # What was imported stays: to look for garbage in it, again and again, takes a sixth of the time.
            gc.freeze()
        index = await asyncio.to_thread(LogIndex.read, Store.open(order.root), order.attempt)
        self._desk = _ModelDesk(self._spec, teacher, self._client.send, order, index)

    async def make(self, unit: Unit) -> UnitResult:
        """The rows of a unit of the attempt that was begun last.

        Raises:
            RecipeError, TaskError: the recipe does not fit the document.
            EndpointError, EndpointDownError: nobody answers; what was answered is in the log.
            StorageError: the log cannot be written.
        """
        if self._desk is None:
            raise ValueError("no attempt was begun")
        return await self._desk.make(unit)

    async def close(self) -> None:
        """Close log and connections."""
        await self._put_away()
        if self._client is not None:
            await self._client.close()

    async def _put_away(self) -> None:
        if self._desk is not None:
            await self._desk.close()
        self._desk = None


class _Desk(Protocol):
    """Where the units of one attempt are made."""

    async def make(self, unit: Unit) -> UnitResult: ...

    async def close(self) -> None: ...


class _PlainDesk:
    """For teachers without a model."""

    def __init__(self, spec: Spec, order: MakingOrder) -> None:
        self._recipe = order.recipe
        self._worker = UnitWorker(spec, order.context)

    async def make(self, unit: Unit) -> UnitResult:
        return self._worker.make(self._recipe, unit)

    async def close(self) -> None:
        """Nothing is open."""


class _ModelDesk:
    """For teachers with a model."""

    def __init__(self, spec: Spec, teacher: OpenAITeacher, send: Send, order: MakingOrder, index: LogIndex) -> None:
        self._recipe = order.recipe
        self._units = ModelUnits(spec, order.context)
        self._costs = UnitCosts(spec, order.recipe, order.context)
        self._send = send
        self._price = teacher.price
        self._index = index
        # A maker that takes the place of a lost one has a log of its own.
        writer = layout.teacher_writer(order.epoch, f"maker{secrets.token_hex(4)}")
        self._log = LogWriter(Store.open(order.root), order.attempt, writer)

    async def make(self, unit: Unit) -> UnitResult:
        lease = Lease(self._costs.worst(unit))
        line = Correspondence(self._send, lease=lease, log=self._log, index=self._index, price=self._price)
        return await self._units.make(self._recipe, unit, line)

    async def close(self) -> None:
        await self._log.close()
