"""The balance gate: no skill makes up more of a version than its share."""

from __future__ import annotations

import math
from collections.abc import Mapping

OVER_SHARE = "over-share"
"""Reason given to a row of a skill that has enough."""


def within_share(rows: Mapping[str, int], max_share: float) -> dict[str, int]:
    """Rows that each skill may keep, so that none is more than ``max_share`` of what all of them keep.

    As many as that allows: the largest skills are cut to one size, and those below it keep everything. Nothing is left
    when the skills are too few, as of one skill that may be half a version at most.
    """
    cap = max(rows.values(), default=0)
    while cap > (bound := math.floor(max_share * sum(min(count, cap) for count in rows.values()) + 1e-9)):
        cap = bound
    return {skill: min(count, cap) for skill, count in rows.items()}
