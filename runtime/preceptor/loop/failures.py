"""The kinds of failed attempts, counted as the paper counts them (its figure 5)."""

from __future__ import annotations

from typing import Literal

from preceptor.loop.events import AttemptFailed, ProposalFailed
from preceptor.recipes.funnel import SURPLUS

FailureKind = Literal["too-few-rows", "format", "unreadable", "invalid-recipe", "failed", "budget"]
"""Too few valid rows, format breakage, unreadable or cut-off proposals, invalid recipes, errors while carrying out, and
a budget that ended first."""

FORMAT_REASONS = frozenset({"cut-off", "empty", "malformed", "template-residue", "too-long", "unreadable"})
"""Reasons to drop a row because of its form."""


def failure_kind(failure: AttemptFailed | ProposalFailed) -> FailureKind:
    """What a failed attempt counts as: too few rows are format breakage when their form lost at least half of them."""
    if isinstance(failure, ProposalFailed) or failure.kind != "too-few-rows":
        return failure.kind
    lost = {reason: count for reason, count in failure.dropped.items() if reason != SURPLUS}
    broken = sum(count for reason, count in lost.items() if reason in FORMAT_REASONS)
    return "format" if broken and 2 * broken >= sum(lost.values()) else "too-few-rows"
