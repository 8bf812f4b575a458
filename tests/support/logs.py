"""What the log's tests share: requests, outcomes, all records as they lie in the store, and a store that fails."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from preceptor.endpoints.messages import Answer, Failure, Request, Usage
from preceptor.endpoints.records import Record, unpack
from preceptor.spec.endpoint import Price
from preceptor.storage import layout
from preceptor.storage.store import Store

PRICE = Price(input=0.15, output=0.6)


def request(number: int, *, max_tokens: int = 100) -> Request:
    turns = ({"role": "user", "content": f"What is {number} + {number}?"},)
    return Request(model="m", messages=turns, max_tokens=max_tokens, place=f"5eed/{number}/row/0")


def answer(text: str = "42", *, failure: Failure | None = None, usage: tuple[int, int] = (10, 5)) -> Answer:
    return Answer(text=text, failure=failure, usage=Usage(*usage), model="m-2026")


@dataclass
class Sent:
    """As the client gives it."""

    answer: Answer
    sends: int = 1
    turned_away: int = 0


async def at_once(seconds: float) -> None:
    """A sleep that takes no time."""


def shards(store: Store, attempt: int = 1) -> list[str]:
    directory = layout.teacher_shards(attempt)
    return [f"{directory}/{name}" for name in store.names(directory)]


def stored(store: Store, attempt: int = 1) -> list[Record]:
    """Every record, read without the index."""
    return [Record.from_line(line) for path in shards(store, attempt) for line in unpack(store.read(path))]


class Troubled(Store):
    """A store whose ``create`` goes through ``instead(create, path, data)``, in the thread that called it."""

    def __init__(self, store: Store, instead: Callable[[Callable[[str, bytes], None], str, bytes], None]) -> None:
        super().__init__(store._backend, store._root, store._uri)
        self._instead = instead
        self.threads: set[str] = set()

    def create(self, path: str, data: bytes) -> None:
        self.threads.add(threading.current_thread().name)
        self._instead(super().create, path, data)
