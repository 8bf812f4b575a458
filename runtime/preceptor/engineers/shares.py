"""Dividing rows among skills by weight, under caps: every row that one skill may not have goes to the others."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor

from preceptor.recipes.pricing import cap_rows


def water_fill(weights: Mapping[str, float], total: int, most: Mapping[str, int]) -> dict[str, int]:
    """Whole rows in proportion to ``weights``, none above ``most``, ``total`` together if the caps allow as many.

    Every skill with a weight and room gets at least one row while there are enough. Rounding goes by largest
    remainder, then by name.
    """
    open_skills = {skill for skill, weight in weights.items() if weight > 0 and most[skill] > 0}
    total = min(total, sum(most[skill] for skill in open_skills))
    exact = dict.fromkeys(open_skills, 0.0)
    left = float(total)
    while open_skills and left > 1e-9:
        scale = left / sum(weights[skill] for skill in open_skills)
        full = {skill for skill in open_skills if weights[skill] * scale >= most[skill]}
        for skill in full or open_skills:
            exact[skill] = float(most[skill]) if full else weights[skill] * scale
        open_skills -= full or set(open_skills)
        left = total - sum(exact.values())
    return _rounded(exact, total, most)


def _rounded(exact: Mapping[str, float], total: int, most: Mapping[str, int]) -> dict[str, int]:
    least = 1 if total >= len(exact) else 0
    rows = {skill: max(least, floor(share + 1e-9)) for skill, share in exact.items()}
    by_remainder = sorted(rows, key=lambda skill: (rows[skill] - exact[skill], skill))
    while sum(rows.values()) < total:
        for skill in by_remainder:
            if rows[skill] < most[skill] and sum(rows.values()) < total:
                rows[skill] += 1
    while sum(rows.values()) > total:
        rows[max(rows, key=lambda skill: (rows[skill], skill))] -= 1
    return {skill: count for skill, count in sorted(rows.items()) if count}


def divide(weights: Mapping[str, float], total: int, *, cap: float, room: Mapping[str, int]) -> dict[str, int]:
    """Rows by weight, at most a share ``cap`` of the outcome to each skill and no more than its ``room``.

    When caps and room together leave less than ``total``, the outcome is smaller, and the caps with it.
    """
    rows: dict[str, int] = {}
    while total > 0:
        skills = {skill for skill, weight in weights.items() if weight > 0 and room.get(skill, total) > 0}
        if not skills:
            return {}
        limit = cap_rows(cap, total, len(skills))
        rows = water_fill(weights, total, {skill: min(limit, room.get(skill, limit)) for skill in weights})
        reached = sum(rows.values())
        if reached == total and max(rows.values()) <= cap_rows(cap, total, len(rows)):
            return rows
        total = reached if reached < total else total - 1
    return rows
