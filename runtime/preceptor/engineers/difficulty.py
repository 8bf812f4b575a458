"""Moving a skill's difficulty: a level up when it goes well, a level down when it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

GOING_WELL = 0.75
"""Accuracy from which a skill moves up."""
GOING_BADLY = 0.35
"""Accuracy below which it moves down."""
_REACH = 1.5
"""Levels from the centre at which a level has no weight of its own."""


def weigh_levels(
    levels: Sequence[int], *, before: Mapping[int, float], accuracy: float | None, climb: int, explore: float
) -> dict[int, float]:
    """Weights of a generator's levels, summing to 1; empty when all are alike.

    ``before`` are the best version's weights (empty for even), ``accuracy`` what its student reached (``None`` when it
    is not known), ``climb`` the levels to move, 0 for even weights. ``explore`` is spread evenly over all levels.
    """
    if len(levels) < 2 or accuracy is None or climb == 0:
        return {}
    step = climb if accuracy >= GOING_WELL else -climb if accuracy < GOING_BADLY else 0
    if step == 0:
        return dict(before)
    total = sum(before.get(level, 0.0) for level in levels)
    shares = [before.get(level, 0.0) / total if total else 1 / len(levels) for level in levels]
    centre = sum(place * share for place, share in enumerate(shares)) + step
    centre = min(max(centre, 0.0), len(levels) - 1.0)
    pull = [max(0.0, 1 - abs(place - centre) / _REACH) for place in range(len(levels))]
    return {
        level: round(explore / len(levels) + (1 - explore) * own / sum(pull), 3)
        for level, own in zip(levels, pull, strict=True)
    }
