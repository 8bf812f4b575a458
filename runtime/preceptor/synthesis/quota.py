"""One skill's quota while it fills: how many more rows to ask for, and when to stop asking."""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass, field

from preceptor.recipes.funnel import SURPLUS, SkillFunnel
from preceptor.recipes.pricing import SMALLEST_UNIT
from preceptor.spec.recipe import SkillPlan
from preceptor.synthesis.units import Turns, UnitResult

WINDOW_UNITS = 10
"""Units over which a skill's yield is measured."""
WINDOW_ROWS = WINDOW_UNITS * SMALLEST_UNIT
"""Rows that have to be judged before a skill is given up."""


@dataclass
class SkillQuota:
    """One skill's quota while it fills."""

    plan: SkillPlan
    """What the recipe plans for the skill."""
    carried: int
    """Rows taken over from an earlier version."""
    unit_size: int
    """Rows of a whole unit."""
    hopeless_yield: float
    """Share of accepted rows below which the skill is given up."""
    requested: int = 0
    """Units asked for; the index of the next."""
    applied: int = 0
    """Units applied, in order."""
    rows_ahead: int = 0
    """Rows of units that are asked for and not applied yet."""
    asked: Counter[int] = field(default_factory=Counter)
    """Rows asked of each source."""
    used_up: set[int] = field(default_factory=set)
    """Sources that have nothing left to build on."""
    starved: bool = False
    """Whether the budget has no room for another unit."""
    nothing_left: bool = False
    """Whether all sources are used up."""
    made: int = 0
    """Rows made so far."""
    accepted: int = 0
    """Rows of those that entered the version."""
    dropped: Counter[str] = field(default_factory=Counter)
    """The others, by reason."""
    window: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=WINDOW_UNITS))
    """Rows judged and rows accepted of the latest units."""

    def __post_init__(self) -> None:
        self.name = self.plan.skill
        self.turns = Turns(self.plan)

    @property
    def held(self) -> int:
        """Rows in the version, carried ones included."""
        return self.carried + self.accepted

    @property
    def missing(self) -> int:
        """Rows that the quota still lacks."""
        return self.plan.quota - self.held

    @property
    def hopeless(self) -> bool:
        """Whether so few of the latest rows passed, or none at all, that the quota is not worth filling."""
        judged = sum(made for made, _ in self.window)
        if self.missing <= 0 or len(self.window) < WINDOW_UNITS or judged < WINDOW_ROWS:
            return False
        accepted = sum(accepted for _, accepted in self.window)
        return accepted == 0 or accepted < self.hopeless_yield * judged

    @property
    def open(self) -> bool:
        """Whether more units are asked for."""
        return self.missing > 0 and not self.hopeless and not self.starved and not self.nothing_left

    def units_needed(self) -> int:
        """Units beyond those waiting that fill the deficit at the measured yield.

        The yield is that of the window and one perfect unit, so that the first are asked for in good faith; and a poor
        yield asks for no more at once than would show the skill to be hopeless.
        """
        judged, passed = self._record()
        in_good_faith = math.ceil(self.missing / self.unit_size)
        needed = min(math.ceil(self.missing * judged / passed / self.unit_size), max(in_good_faith, WINDOW_UNITS))
        ahead = self.requested - self.applied
        return max(needed - ahead, 0 if ahead else 1)

    def rows_needed(self) -> int:
        """Rows beyond those waiting that fill the deficit, with a margin for chance; at least one."""
        judged, passed = self._record()
        needed = self.missing * judged / passed
        margin = math.sqrt(needed * (1 - passed / judged))
        return max(1, math.ceil(needed + margin) - self.rows_ahead)

    def _record(self) -> tuple[int, int]:
        """Rows judged and rows passed, in the window and in one perfect unit."""
        judged = self.unit_size + sum(made for made, _ in self.window)
        return judged, self.unit_size + sum(accepted for _, accepted in self.window)

    def count(self, result: UnitResult, surplus: int) -> None:
        """Count a result's rows, except those that the stateful gates judged one by one."""
        self.made += result.made
        self.dropped.update(result.dropped)
        self.dropped[SURPLUS] += surplus

    def funnel(self) -> SkillFunnel:
        """What became of the rows so far."""
        return SkillFunnel(
            quota=self.plan.quota,
            carried=self.carried,
            made=self.made,
            accepted=self.accepted,
            dropped={reason: count for reason, count in sorted(self.dropped.items()) if count},
            missing=max(0, self.missing),
            hopeless=self.hopeless,
            used_up=self.nothing_left and self.missing > 0,
        )
