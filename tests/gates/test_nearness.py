"""Which vectors are near which."""

from __future__ import annotations

import numpy as np
import pytest

from preceptor.gates import nearness
from preceptor.gates.nearness import nearest

OTHERS = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [0.6, 0.8]])


def test_the_nearest_come_first_and_of_equals_the_first() -> None:
    texts = np.array([[1.0, 0.0], [0.6, 0.8], [-1.0, 0.0]])
    assert list(nearest(texts, OTHERS, 0.5, 3)) == [[0, 2, 3], [2, 3, 1], []]
    assert list(nearest(texts, OTHERS, 0.5, 1)) == [[0], [2], []]


def test_what_is_as_near_as_the_threshold_is_near() -> None:
    assert list(nearest(np.array([[1.0, 0.0]]), OTHERS, 0.6, 9)) == [[0, 2, 3]]
    assert list(nearest(np.array([[1.0, 0.0]]), OTHERS, 0.601, 9)) == [[0]]


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(2)
    texts, others = random.normal(size=(50, 8)), random.normal(size=(20, 8))
    whole = list(nearest(texts, others, 1.0, 5))
    monkeypatch.setattr(nearness, "BLOCK", 60)
    assert list(nearest(texts, others, 1.0, 5)) == whole
    assert any(whole)


def test_without_others_nothing_is_near() -> None:
    assert list(nearest(np.ones((2, 4)), np.zeros((0, 4)), 0.1, 3)) == [[], []]
