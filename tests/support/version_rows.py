"""Rows of dataset versions, as plain as they come."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Self

from preceptor.storage.datasets import Row, VersionInfo

INFO = VersionInfo(
    number=1,
    description="Read payment messages.",
    recipe="r" * 64,
    parents=("v000000000000",),
    funnel={
        "skills": {
            "amount": {"quota": 13, "carried": 3, "made": 14, "accepted": 10, "dropped": {"duplicate": 3, "judge": 1}},
            "due date": {"quota": 12, "carried": 2, "made": 12, "accepted": 10, "dropped": {"duplicate": 2}},
        }
    },
    gates={
        "format": {"enabled": True, "language": "de", "dropped": {}},
        "secrets": {"enabled": False, "dropped": {}},
        "duplicates": {"enabled": True, "threshold": 0.8, "dropped": {"duplicate": 5}},
    },
    created_by={"preceptor": "0.1.0"},
)


def row(number: int, **changes: Any) -> Row:
    receipt = {
        "recipe": "r" * 64,
        "attempt": 1,
        "generator": "invoices",
        "difficulty": 1 + number % 3,
        "unit": number // 10,
        "index": number % 10,
        "teacher": "procedural:abc",
        "parents": ["p1", "p2"] if number % 2 else [],
        "carried_from": "v000000000000" if number % 5 == 0 else None,
    }
    return {
        "id": f"{number * 7919 % 10007:016x}",
        "skill": ["amount", "due date"][number % 2],
        "prompt": f"Frage {number}: zahle bitte 3 €",
        "answer": f'{{"amount": {number}}}',
        "fields": json.dumps({"message": f"m{number}", "n": number}),
        "receipt": receipt,
        **changes,
    }


def asked(number: int) -> Row:
    """A row that a model wrote."""
    told = {"source": "prompt", "model": "m", "requests": ["d" * 64], "tokens": 120, "usd": 0.25}
    near = {"neighbour": "private:0123456789abcdef", "similarity": 0.125}
    return row(number, receipt={**row(number)["receipt"], **told, **near})


def by_id(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: str(row["id"]))


class Question(str):
    """A row's question that knows how many of its kind there are: as many as rows are held."""

    __slots__ = ()
    alive = 0
    most = 0

    def __new__(cls, text: str) -> Self:
        cls.alive += 1
        cls.most = max(cls.most, cls.alive)
        return super().__new__(cls, text)

    def __del__(self) -> None:
        type(self).alive -= 1


class Streamed:
    """So many rows, each made when it is asked for."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Row]:
        for number in range(self._count):
            yield row(number, id=f"{number:016x}", prompt=Question(f"How much is {number}?"))
