"""One unit's talk with a model: every request in its place, asked again where that may help, and accounted for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from preceptor.endpoints.messages import Answer, Correspondent, Request
from preceptor.endpoints.meter import charge
from preceptor.recipes.amount import Amount
from preceptor.spec.endpoint import Price
from preceptor.synthesis.requests import placed
from preceptor.synthesis.units import Unit

RETRIED = frozenset({"cut-off", "empty", "refused", "malformed", "timeout", "lost"})
"""Failures that another try may mend. A request that was rejected, or that no budget is left for, stays as it is."""

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Costs:
    """What some requests came to."""

    requests: tuple[str, ...] = ()
    """Their digests, in the order of asking."""
    used: Amount = field(default_factory=Amount)
    """What they used up."""

    def __add__(self, other: Costs) -> Costs:
        """Both, these first."""
        return Costs(self.requests + other.requests, self.used + other.used)


@dataclass(frozen=True)
class Reply:
    """The last answer to a question and what all tries came to."""

    answer: Answer
    """The answer; its ``failure`` says why it cannot be used."""
    costs: Costs
    """All tries."""


def said(answer: Answer) -> str:
    """An answer in free text, without what a reasoning model thought aloud before it."""
    return answer.text.rpartition("</think>")[2].strip()


class Inquiry:
    """Asks on behalf of one unit."""

    def __init__(self, unit: Unit, correspondent: Correspondent, *, retries: int, price: Price) -> None:
        self._unit = unit
        self._correspondent = correspondent
        self._tries = 1 + retries
        self._price = price

    async def ask(
        self, request: Request, row: int, role: str, *, usable: Callable[[Answer], bool] = lambda _: True
    ) -> Reply:
        """Ask, and ask anew (a new request in the same place) while the answer fails in a way that may pass.

        An answer that is not ``usable`` counts as ``malformed``, one that is all thought as ``empty``.
        """
        costs = Costs()
        for turn in range(self._tries):
            sent = placed(request, self._unit, row, role, turn)
            answer = await self._correspondent.ask(sent)
            if answer.failure == "rejected":  # sent and not carried out
                costs = costs + Costs((sent.digest,))
            elif answer.failure != "budget":  # which was never sent
                costs = costs + Costs((sent.digest,), charge(answer.usage, self._price))
            if answer.failure is None and not usable(answer):
                answer = replace(answer, failure="malformed")
            elif answer.failure is None and not said(answer):
                answer = replace(answer, failure="empty")
            if answer.failure not in RETRIED:
                break
        return Reply(answer, costs)


async def together(work: Iterable[Coroutine[Any, Any, _Result]]) -> list[_Result]:
    """All results, in order, of work done at once. The first error ends the rest and is raised as it is."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
