"""Gains made up to be counted by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from preceptor.evaluation.gains import Gain


def counted(points: float, error: float = 0.01, **changes: Any) -> Gain:
    """A gain on 100 items that only its error over items makes uncertain, unless ``changes`` say otherwise."""
    usual = Gain(points, points - 2 * error, points + 2 * error, 2 * points, 1, 100, 100, error, 0.0, over_items=error)
    return replace(usual, **{"degrees": 99.0, "item_degrees": 99.0, **changes})
