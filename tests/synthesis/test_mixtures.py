"""Recipes of every kind at once, drawn at random: whatever is mixed, limits hold and every row is accounted for."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from preceptor.recipes.amount import Limit
from preceptor.recipes.sample import Receipt, Sample
from preceptor.spec.document import Spec
from preceptor.spec.recipe import Recipe
from preceptor.synthesis.assembly import Assembled, Assembly
from preceptor.synthesis.context import Seed, UnitContext
from preceptor.synthesis.costs import UnitCosts
from preceptor.synthesis.writing import ModelUnits
from preceptor.teachers.checking import check
from preceptor.teachers.pool import PoolRow
from support.arithmetic import FAILURES, WRITE, Adder, leased, spec

SKILLS = ("more", "sums")
NUMBER = {"kind": "number", "low": 1, "high": 10**6}
GENERATOR = {
    "kind": "sampler",
    "values": {"a": NUMBER, "b": NUMBER},
    "forms": [{"input": {"question": "Add {{ a }} and {{ b }}."}}],
    "answer": "{{ a + b }}",
}
TEACHER = {"generators": dict.fromkeys(SKILLS, GENERATOR), "pool": {"uri": "pool.jsonl", "answer": "{{ a }}"}}
VALIDATORS = (
    {"kind": "agreement", "solutions": 3, "agree": 2},
    {"kind": "judge", "rubric": "It is right."},
    {"kind": "length", "maximum": 100},
)


def row(skill: str, number: int) -> Sample:
    question = f"What is {number} + 1?"
    receipt = Receipt(recipe="", attempt=1, generator="", difficulty=0, unit=0, index=0, teacher="")
    fields = {"question": question}
    return Sample.create(skill=skill, fields=fields, prompt=question, answer=str(number + 1), receipt=receipt)


def drawn_context(chance: random.Random) -> UnitContext:
    seeds = [
        Seed({"question": f"What is {n} + 2?"}, chance.choice([None, *SKILLS])) for n in range(chance.randint(0, 80))
    ]
    pool = {
        skill: tuple(PoolRow({"question": f"{skill} {n}?"}, str(n), skill) for n in range(chance.randint(0, 50)))
        for skill in SKILLS
    }
    parents = {skill: tuple(row(skill, n) for n in range(chance.randint(1, 9))) for skill in SKILLS}
    return UnitContext(tuple(seeds), pool, parents)


def drawn_recipe(chance: random.Random) -> Recipe:
    skills = []
    for skill in chance.sample(SKILLS, chance.randint(1, 2)):
        kinds: list[dict[str, Any]] = [
            WRITE | {"rowsPerRequest": chance.choice([1, 3, 32])},
            {"generator": skill},
            {"kind": "solve"},
            {"kind": "evolve", "change": chance.choice(["harder", "rephrased"])},
            {"kind": "pool"},
        ]
        sources = [source | {"weight": chance.choice([1, 3])} for source in chance.sample(kinds, chance.randint(1, 5))]
        skills.append({"skill": skill, "quota": chance.randint(1, 120), "sources": sources})
    validators = [validator for validator in VALIDATORS if chance.random() < 0.4]
    carry = {"version": "v1", "share": chance.random()}
    return Recipe.model_validate(
        {"skills": skills, "validators": validators, "retries": chance.randint(0, 2), "carryOver": carry}
    )


def drawn_limit(chance: random.Random) -> Limit:
    parts = [chance.choice([None, chance.randint(0, most)]) for most in (400, 2_000, 3_000_000, 10**12)]
    return Limit(*parts)


@pytest.mark.parametrize("seed", range(12))
def test_limits_hold_and_rows_are_accounted_for_in_any_order(seed: int) -> None:
    chance = random.Random(seed)
    context, plan, limit = drawn_context(chance), drawn_recipe(chance), drawn_limit(chance)
    document = spec(teacher=TEACHER, dataset={"size": 400, "hopelessYield": chance.choice([0, 0.02, 0.3])})
    failing = {kind: chance.random() * 0.2 for kind in chance.sample([*FAILURES, "wrong"], 3)}
    check(plan, document, {skill: len(rows) for skill, rows in context.parents.items()})
    first = filled(document, plan, context, limit, failing, order=1)
    assert filled(document, plan, context, limit, failing, order=2) == first
    for part in first.funnel.skills.values():
        assert part.made == part.accepted + sum(part.dropped.values())
        assert part.quota == part.rows + part.missing
        assert not part.missing or part.hopeless or part.used_up or first.funnel.exhausted


def filled(
    document: Spec, plan: Recipe, context: UnitContext, limit: Limit, failing: dict[str, float], order: int
) -> Assembled:
    """The recipe carried out, the units of each round in a random order."""
    carried = [sample for rows in context.parents.values() for sample in rows]
    work = Assembly(plan, document, carried, 1, limit, context)
    maker, costs, chance = ModelUnits(document, context), UnitCosts(document, plan, context), random.Random(order)
    while units := work.wanted():
        assert limit.affords(sum((costs.worst(unit) for unit in units), work.spent))
        chance.shuffle(units)
        for unit in units:
            adder = leased(Adder(failing), document, plan, unit, context)
            result = asyncio.run(maker.make(plan, unit, adder))
            assert adder.lease is not None
            assert result.asked == adder.lease.spent
            assert result.made == len(result.samples) + sum(result.dropped.values()) <= unit.size
            work.add(result)
    assert limit.affords(work.spent)
    return work.result()
