"""Objects to look at: once at a time, again when something happened meanwhile, later when it failed."""

from __future__ import annotations

import asyncio

import pytest

from preceptor_operator import workqueue
from preceptor_operator.workqueue import WorkQueue


def test_many_events_of_an_object_are_one_look() -> None:
    async def play() -> None:
        queue: WorkQueue[str] = WorkQueue()
        for _ in range(5):
            queue.add("a")
        queue.add("b")
        assert len(queue) == 2
        assert [await queue.take(), await queue.take()] == ["a", "b"]

    asyncio.run(play())


def test_what_happens_during_a_look_is_looked_at_after_it() -> None:
    async def play() -> None:
        queue: WorkQueue[str] = WorkQueue()
        queue.add("a")
        await queue.take()
        queue.add("a")
        assert len(queue) == 0  # never by two workers at once
        queue.done("a")
        assert await asyncio.wait_for(queue.take(), 1) == "a"

    asyncio.run(play())


def test_an_earlier_time_wins_and_an_event_beats_all() -> None:
    async def play() -> None:
        queue: WorkQueue[str] = WorkQueue()
        queue.add_after("a", 0.01)
        queue.add_after("a", 60)
        assert await asyncio.wait_for(queue.take(), 1) == "a"
        queue.done("a", again=60)
        queue.add("a")
        assert await asyncio.wait_for(queue.take(), 1) == "a"

    asyncio.run(play())


def test_failures_in_a_row_wait_longer_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workqueue, "FIRST_WAIT", 0.02)

    async def play() -> list[float]:
        queue: WorkQueue[str] = WorkQueue()
        loop, waits = asyncio.get_running_loop(), []
        queue.add("a")
        for _ in range(4):
            await queue.take()
            began = loop.time()
            queue.done("a", failed=True)
            await asyncio.wait_for(queue.take(), 5)
            waits.append(loop.time() - began)
            queue.done("a", failed=True, again=None)
            queue.add("a")
        return waits

    waits = asyncio.run(play())
    assert waits == sorted(waits)
    assert waits[0] >= 0.02
    assert waits[-1] >= 0.02 * 2**4


def test_what_is_gone_comes_no_more() -> None:
    async def play() -> None:
        queue: WorkQueue[str] = WorkQueue()
        queue.add_after("a", 0.01)
        queue.forget("a")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(queue.take(), 0.1)

    asyncio.run(play())
