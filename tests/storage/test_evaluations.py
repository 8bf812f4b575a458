"""Predictions are written once and read as they were."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preceptor.errors import StorageError
from preceptor.storage import evaluations, layout
from preceptor.storage.store import Store
from preceptor.tasks.grading import Prediction

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
