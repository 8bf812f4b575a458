"""Predictions are written once and read as they were."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from preceptor.errors import StorageError
from preceptor.spec.task import NumericScorer
from preceptor.storage import evaluations, layout
from preceptor.storage.store import Store
from preceptor.tasks.grading import Prediction, grade
from preceptor.tasks.items import Item
from preceptor.tasks.scorers import build_scorer


@dataclass(frozen=True)
class Finished:
    text: str
    tokens: int
    truncated: bool


PREDICTIONS = [
    Prediction(
        item_id=f"item-{number}",
        skill="amount",
        cluster=f"c{number}",
        prompt_digest="d" * 64,
        output=f"Es sind {number} €.",
        extracted=str(number) if number else None,
        value=number / 3,
        correct=number == 3,
        tokens=10 + number,
        truncated=number == 0,
    )
    for number in (3, 0, 1, 2)
]


def test_predictions_come_back_in_their_order(store: Store) -> None:
    assert not evaluations.exists(store, "base-private")
    evaluations.write(store, "base-private", PREDICTIONS)
    assert evaluations.exists(store, "base-private")
    assert evaluations.read(store, "base-private") == PREDICTIONS


def test_the_first_writing_stands(store: Store) -> None:
    evaluations.write(store, "base-private", PREDICTIONS)
    evaluations.write(store, "base-private", [replace(PREDICTIONS[0], output="another try")])
    assert evaluations.read(store, "base-private") == PREDICTIONS


def test_what_is_missing_or_damaged_is_named(store: Store) -> None:
    with pytest.raises(StorageError, match="there is no evaluation"):
        evaluations.read(store, "base-private")
    store.write(layout.evaluation("base-private"), b"PAR1")
    with pytest.raises(StorageError, match=r"base-private\.parquet is damaged"):
        evaluations.read(store, "base-private")


def test_the_file_says_of_every_item_what_it_was_asked_wrote_and_is_worth(store: Store) -> None:
    items = [
        Item(f"i{number}", {}, f"What is {number} + 1?", str(number + 1), "sums", f"c{number}") for number in (0, 1)
    ]
    outputs = [Finished("It is 1.", 5, False), Finished("I do not kn", 4, True)]
    evaluations.write(store, "base-private", grade(items, outputs, build_scorer(NumericScorer(kind="numeric"))))
    table = pq.read_table(pa.BufferReader(store.read(layout.evaluation("base-private"))))
    assert table.to_pydict() == {
        "item_id": ["i0", "i1"],
        "skill": ["sums", "sums"],
        "cluster": ["c0", "c1"],
        "prompt_digest": [hashlib.sha256(item.prompt.encode()).hexdigest()[:16] for item in items],
        "output": ["It is 1.", "I do not kn"],
        "extracted": ["1", None],
        "value": [1.0, 0.0],
        "correct": [True, False],
        "tokens": [5, 4],
        "truncated": [False, True],
    }
    assert {field.name: str(field.type) for field in table.schema} == {
        **dict.fromkeys(("item_id", "skill", "cluster", "prompt_digest", "output", "extracted"), "string"),
        "value": "double",
        "correct": "bool",
        "tokens": "int64",
        "truncated": "bool",
    }
