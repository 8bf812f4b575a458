"""Work that may be too dear: many pieces at once, and once more alone those that only the others left no money for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from preceptor.synthesis.inquiry import together

_Result = TypeVar("_Result")


class UnpaidError(Exception):
    """What is left of the budget is less than a request may cost."""


async def paid(works: Sequence[Callable[[], Awaitable[_Result]]], places: int) -> list[_Result | None]:
    """The results of all pieces in order, ``None`` for what cannot be paid for even when nothing else is under way.

    Args:
        works: begin a piece of work each, which may raise :class:`UnpaidError`; may be called twice.
        places: pieces under way at most.
    """
    free = asyncio.Semaphore(places)

    async def one(work: Callable[[], Awaitable[_Result]]) -> tuple[_Result] | None:
        async with free:
            return await _tried(work)

    results = await together(one(work) for work in works)
    for place, work in enumerate(works):
        if results[place] is None:
            results[place] = await _tried(work)
    return [None if result is None else result[0] for result in results]


async def _tried(work: Callable[[], Awaitable[_Result]]) -> tuple[_Result] | None:
    try:
        return (await work(),)
    except UnpaidError:
        return None
