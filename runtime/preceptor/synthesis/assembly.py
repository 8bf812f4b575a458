"""Fills a recipe's quotas from units of work; the outcome does not depend on who finishes first.

Units have one order: by index, then by skill. A result waits until its turn, so that a question that two skills share
always goes to the same one, and a quota is filled by the same rows, however late a worker is. New units are asked for
in rounds, when the round before is complete: what is asked for, and what it costs, follows from results, not timing.

Before a unit is handed out, the most that it can use up is set aside; what it did not use is there for the next round.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from preceptor.gates.balance import OVER_SHARE, within_share
from preceptor.gates.duplicates import DUPLICATE, Seen, Twin
from preceptor.gates.gate import label_gates
from preceptor.gates.labels import verification
from preceptor.recipes.amount import Amount, Limit
from preceptor.recipes.digests import recipe_digest
from preceptor.recipes.funnel import Funnel
from preceptor.recipes.pricing import LARGEST_UNIT, carried_rows, pieces, unit_rows
from preceptor.recipes.sample import Sample
from preceptor.spec.actors import OpenAITeacher
from preceptor.spec.document import Spec
from preceptor.spec.recipe import Recipe
from preceptor.synthesis.checks import asks
from preceptor.synthesis.context import UnitContext
from preceptor.synthesis.costs import UnitCosts
from preceptor.synthesis.keeping import InMemory, Keeper
from preceptor.synthesis.quota import SkillQuota
from preceptor.synthesis.units import Unit, UnitResult, make_unit, unit_source
from preceptor.tasks.content import Content

ROUND_UNITS = 64
"""Units asked for at once, at most: enough to keep a cluster busy, few enough to learn from their yield."""
ROUND_TURNS = 16
"""A teacher's whole concurrency is used so many times in a round at least, so that the rounds' ends cost little."""

_Turn = tuple[int, str]
"""A unit's place in the order: index, then skill."""


@dataclass(frozen=True)
class Assembled:
    """The rows of a version and how they came about."""

    rows: Keeper
    """The rows, in order of id."""
    funnel: Funnel
    """What became of every row made."""
    spent: Amount = field(default_factory=Amount)
    """What making them used up."""

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The rows, in order of id, all at once."""
        return tuple(self.rows)

    @property
    def made(self) -> int:
        """Rows the teacher made, dropped ones included."""
        return self.funnel.made

    @property
    def carried(self) -> int:
        """Rows taken over from an earlier version."""
        return self.funnel.carried

    @property
    def dropped(self) -> dict[str, int]:
        """Rows that did not enter, by reason."""
        return self.funnel.dropped

    @property
    def short(self) -> dict[str, int]:
        """Rows missing from the quota of each skill that could not be filled."""
        return {skill: part.missing for skill, part in self.funnel.skills.items() if part.missing}


class Assembly:
    """The driver's side of one attempt: says which units to make next and takes their results. Pure, no I/O."""

    def __init__(
        self,
        recipe: Recipe,
        spec: Spec,
        carried: Sequence[Sample],
        attempt: int,
        limit: Limit | None = None,
        context: UnitContext | None = None,
        *,
        round_units: int | None = None,
        keeper: Keeper | None = None,
    ) -> None:
        """``limit`` is what the attempt may use up, ``context`` what it builds on, the parents of new rows included."""
        self._recipe = recipe
        self._digest = recipe_digest(recipe)
        self._attempt = attempt
        self._root_seed = spec.seed
        self._hopeless_yield = spec.dataset.hopeless_yield
        self._limit = limit or Limit()
        self._spent = Amount()
        self._costs = UnitCosts(spec, recipe, context or UnitContext())
        self._round_units = round_units or _round_units(spec)
        self._gates = label_gates(spec)
        duplicates = spec.dataset.gates.duplicates
        self._seen = Seen(duplicates, Content(spec.task)) if duplicates.enabled else None
        self._max_share = spec.dataset.gates.balance.max_share
        self._rows = InMemory() if keeper is None else keeper  # an empty one is false
        self._outstanding: dict[_Turn, Unit] = {}
        self._waiting: dict[_Turn, UnitResult] = {}
        self._skills = self._carry(recipe, carried)
        self._plan_round()

    def wanted(self) -> list[Unit]:
        """The units of this round that have no result yet, in order; the same until results come. Empty when done."""
        return list(self._outstanding.values())

    def add(self, result: UnitResult) -> None:
        """Take the result of a unit, in any order. A second result of a unit says the same and is ignored."""
        turn = (result.unit.index, result.unit.skill)
        if self._outstanding.get(turn) != result.unit:
            return
        del self._outstanding[turn]
        self._spent = self._spent + result.spent
        if result.made < result.unit.size and result.unit.source is not None:
            self._skill(result.unit.skill).used_up.add(result.unit.source)
        self._waiting[turn] = result
        self._apply_in_order()
        if not self._outstanding:
            self._plan_round()

    @property
    def done(self) -> bool:
        """Whether nothing is left to ask for: quotas full, skills given up, or the budget spent."""
        return not self._outstanding

    @property
    def accepted(self) -> int:
        """Rows of the version so far, carried ones included."""
        return len(self._rows)

    @property
    def spent(self) -> Amount:
        """What the units so far used up."""
        return self._spent

    @property
    def hopeless(self) -> tuple[str, ...]:
        """Skills that were given up because almost none of their rows passed."""
        return tuple(skill.name for skill in self._skills if skill.hopeless)

    def result(self) -> Assembled:
        """What has been accepted so far. Once :attr:`done`, skills are cut to their share, and it is final."""
        if self.done:
            self._balance()
        return Assembled(
            rows=self._rows,
            funnel=Funnel(
                skills={skill.name: skill.funnel() for skill in self._skills},
                exhausted=any(skill.starved for skill in self._skills),
            ),
            spent=self._spent,
        )

    def _carry(self, recipe: Recipe, carried: Sequence[Sample]) -> list[SkillQuota]:
        """Carried rows come first, in order of id; the fresh rows of a skill then make up the rest of its quota."""
        available: dict[str, list[Sample]] = {}
        for sample in sorted(carried, key=lambda sample: sample.id):
            available.setdefault(sample.skill, []).append(sample)
        skills = []
        for plan in sorted(recipe.skills, key=lambda plan: plan.skill):
            room = carried_rows(recipe, plan, len(available.get(plan.skill, ())))
            kept = 0
            for sample in available.get(plan.skill, ()):
                if kept < room and recipe.carry_over is not None and self._twin(sample) is None:
                    self._keep(sample.carried(recipe.carry_over.version))
                    kept += 1
            size = unit_rows(plan.quota - kept, pieces(plan))
            skills.append(SkillQuota(plan, kept, size, self._hopeless_yield))
        return skills

    def _plan_round(self) -> None:
        """Ask each open skill for as many units as its deficit and yield suggest, in turns, within bound and budget."""
        self._count_surplus()
        left = self._limit - self._spent
        while not self._outstanding and any(skill.open for skill in self._skills):
            wishes = {skill.name: skill.units_needed() for skill in self._skills if skill.open}
            while len(self._outstanding) < self._round_units and any(wishes.values()):
                wishing = [skill for skill in self._skills if wishes.get(skill.name)]
                skill = min(wishing, key=lambda skill: (skill.requested, skill.name))
                source = skill.turns.next(without=skill.used_up)
                if source is None:
                    wishes[skill.name] = 0
                    skill.nothing_left = skill.requested == skill.applied
                elif (unit := self._affordable(skill, source, left)) is not None:
                    wishes[skill.name] -= 1
                    left = left - self._costs.worst(unit)
                    self._request(skill, unit)
                else:  # what this round gives back may be enough in the next
                    wishes[skill.name] = 0
                    skill.starved = skill.requested == skill.applied and not self._gives_back
            if not self._outstanding:  # the budget is spent: what waits behind a starved skill need not wait longer
                self._apply_in_order()
                self._count_surplus()

    def _affordable(self, skill: SkillQuota, source: int, left: Limit) -> Unit | None:
        """The skill's next unit, as large as is wanted and can be paid for whatever happens; ``None`` if none can.

        A generator's rows depend on the size of their unit, and cost nothing but their number: only units that a model
        writes are made smaller, and that when no more of the budget can come back before the next round.
        """
        if not asks(skill.plan.sources[source]):
            unit = self._unit(skill, source, skill.unit_size)
            return unit if left.affords(self._costs.worst(unit)) else None
        size = min(skill.unit_size, skill.rows_needed())
        unit = self._unit(skill, source, size)
        while not left.affords(self._costs.worst(unit)):
            if size == 1 or self._gives_back:
                return None
            size -= 1
            unit = self._unit(skill, source, size)
        return unit

    @property
    def _gives_back(self) -> bool:
        """Whether a unit of this round may use less than was set aside for it."""
        return any(asks(unit_source(self._recipe, unit)) for unit in self._outstanding.values())

    def _unit(self, skill: SkillQuota, source: int, size: int) -> Unit:
        return make_unit(
            attempt=self._attempt,
            recipe=self._digest,
            skill=skill.name,
            index=skill.requested,
            size=size,
            root_seed=self._root_seed,
            source=source,
            first=skill.asked[source],
        )

    def _request(self, skill: SkillQuota, unit: Unit) -> None:
        assert unit.source is not None
        self._outstanding[unit.index, unit.skill] = unit
        skill.turns.take(unit.source)
        skill.asked[unit.source] += unit.size
        skill.requested += 1
        skill.rows_ahead += unit.size

    def _apply_in_order(self) -> None:
        """Apply every result whose turn has come."""
        while True:
            turns = [(skill.applied, skill.name) for skill in self._skills if skill.open]
            if not turns or min(turns) not in self._waiting:
                return
            self._apply(self._waiting.pop(min(turns)))

    def _apply(self, result: UnitResult) -> None:
        skill = self._skill(result.unit.skill)
        before, surplus = skill.accepted, 0
        for sample in result.samples:
            if skill.missing <= 0:
                surplus += 1
            elif (reason := self._admit(skill, sample)) is not None:
                skill.dropped[reason] += 1
            else:
                skill.accepted += 1
        skill.applied += 1
        skill.rows_ahead -= result.unit.size
        skill.count(result, surplus)
        skill.window.append((result.made - surplus, skill.accepted - before))

    def _admit(self, skill: SkillQuota, sample: Sample) -> str | None:
        """Keep a row, or say why not. A better verified row takes the place of its twin, which is dropped instead."""
        reason = next((reason for gate in self._gates if (reason := gate.check(sample)) is not None), None)
        if reason is not None:
            return reason
        twin = self._twin(sample)
        if twin is not None:
            if twin.skill != sample.skill or twin.verification >= verification(sample):
                return DUPLICATE
            self._give_up(skill, twin)
        self._keep(sample)
        return None

    def _twin(self, sample: Sample) -> Twin | None:
        return self._seen.twin(sample) if self._seen else None

    def _keep(self, sample: Sample) -> None:
        self._rows.add(sample, verification(sample))
        if self._seen:
            self._seen.remember(sample)

    def _give_up(self, skill: SkillQuota, twin: Twin) -> None:
        """Take a row of the skill out again. Carried ones were not made by this attempt and are not counted so."""
        assert self._seen is not None
        self._seen.forget(twin)
        self._rows.remove(twin.id)
        if twin.carried:
            skill.carried -= 1
        else:
            skill.accepted -= 1
            skill.dropped[DUPLICATE] += 1

    def _balance(self) -> None:
        """Cut every skill to its share of what is left, the largest first."""
        if self._max_share is None:
            return
        for name, allowed in within_share({skill.name: skill.held for skill in self._skills}, self._max_share).items():
            skill = self._skill(name)
            if (over := skill.held - allowed) > 0:
                fresh = self._rows.trim(name, over)
                skill.accepted -= fresh
                skill.dropped[OVER_SHARE] += fresh
                skill.carried -= over - fresh

    def _count_surplus(self) -> None:
        """Count the rows of results whose skill needs no more."""
        for turn, result in list(self._waiting.items()):
            skill = self._skill(result.unit.skill)
            if not skill.open:
                skill.count(result, len(result.samples))
                del self._waiting[turn]

    def _skill(self, name: str) -> SkillQuota:
        return next(skill for skill in self._skills if skill.name == name)


def _round_units(spec: Spec) -> int:
    """Units of a round: a model is asked by many at once, and stands idle while a round ends."""
    if not isinstance(spec.teacher, OpenAITeacher):
        return ROUND_UNITS
    return max(ROUND_UNITS, math.ceil(ROUND_TURNS * spec.teacher.concurrency / LARGEST_UNIT))


def carry_out(assembly: Assembly, make: Callable[[Unit], UnitResult]) -> Assembled:
    """Fill the quotas in this process, one unit after another."""
    while not assembly.done:
        for unit in assembly.wanted():
            assembly.add(make(unit))
    return assembly.result()
