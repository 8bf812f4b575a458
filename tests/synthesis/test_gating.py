"""What an assembly's gates do to quotas and the funnel."""

from __future__ import annotations

import random
from typing import Any

import pytest

from preceptor.recipes.amount import Limit
from preceptor.recipes.sample import Receipt, Sample
from preceptor.spec.recipe import CarryOver
from preceptor.synthesis.assembly import Assembly, carry_out
from preceptor.synthesis.units import Unit, UnitResult
from support.payments import recipe, spec

BEST, JUDGED, ANY = ("agreement",), ("judge",), ()


def row(question: str, validators: tuple[str, ...] = ANY, skill: str = "a", source: str = "prompt") -> Sample:
    receipt = Receipt("", 1, source, 0, 0, 0, "", source=source, validators=validators)
    return Sample.create(
        skill=skill, fields={"message": question}, prompt=question, answer=" ".join(validators), receipt=receipt
    )


def assembly(gates: dict[str, Any] | None = None, carried: tuple[Sample, ...] = (), **quotas: Any) -> Assembly:
    document = spec(dataset={"size": 400, "gates": gates or {}})
    return Assembly(recipe(**quotas), document, carried, 1, Limit())


def given(work: Assembly, rows: list[Sample]) -> None:
    """The first unit comes back with these rows."""
    [unit, *_] = work.wanted()
    work.add(UnitResult(unit, tuple(rows), len(rows)))


def kept(work: Assembly) -> dict[str, tuple[str, ...]]:
    return {sample.prompt: sample.receipt.validators for sample in work.result().samples}


def test_the_better_verified_of_two_rows_with_one_question_stays() -> None:
    work = assembly(a=60)
    given(work, [row("one?", JUDGED), row("two?", BEST), row("One?", BEST), row("two?", JUDGED), row("one?", JUDGED)])
    assert kept(work) == {"One?": BEST, "two?": BEST}
    funnel = work.result().funnel.skills["a"]
    assert (funnel.made, funnel.accepted, funnel.dropped) == (5, 2, {"duplicate": 3})


def test_of_two_that_are_verified_alike_the_first_stays() -> None:
    work = assembly(a=60)
    given(work, [row("one?", JUDGED), row("ONE?", JUDGED)])
    assert list(kept(work)) == ["one?"]


def test_a_row_of_another_skill_never_gives_way() -> None:
    work = assembly(a=60, b=60)
    given(work, [row("one?", JUDGED)])
    [unit, *_] = [unit for unit in work.wanted() if unit.skill == "b"]
    work.add(UnitResult(unit, (row("one?", BEST, skill="b"),), 1))
    assert kept(work) == {"one?": JUDGED}


def test_a_carried_row_gives_way_to_a_better_one_and_is_no_longer_counted_as_carried() -> None:
    work = assembly(a=60, carry_over=CarryOver(version="v1-abc"), carried=(row("one?", JUDGED), row("two?", JUDGED)))
    given(work, [row("one?", BEST)])
    made = work.result()
    assert kept(work) == {"one?": BEST, "two?": JUDGED}
    assert (made.carried, made.made, made.dropped) == (1, 1, {})
    assert [sample.receipt.carried_from for sample in made.samples if sample.prompt == "two?"] == ["v1-abc"]


@pytest.mark.parametrize("validators", [ANY, JUDGED])
def test_a_rewritten_row_that_nobody_solved_again_is_refused(validators: tuple[str, ...]) -> None:
    work = assembly(a=60)
    given(work, [row("one?", validators, source="evolve"), row("two?", BEST, source="evolve")])
    assert kept(work) == {"two?": BEST}
    assert work.result().dropped == {"unverified-label": 1}


def test_the_labels_gate_can_be_switched_off() -> None:
    work = assembly({"labels": {"enabled": False}}, a=60)
    given(work, [row("one?", source="evolve")])
    assert len(kept(work)) == 1


def scarce(unit: Unit) -> UnitResult:
    """Skill ``b`` has few questions, and verified ones and others turn up in a random order."""
    drawn = random.Random(unit.seed)
    questions = 8 if unit.skill == "b" else 10_000
    rows = [
        row(f"{unit.skill} {drawn.randrange(questions)}", drawn.choice([BEST, JUDGED, ANY]), skill=unit.skill)
        for _ in range(unit.size)
    ]
    return UnitResult(unit, tuple(rows), unit.size)


def test_a_skill_is_cut_to_its_share_of_what_came_about() -> None:
    gates = {"balance": {"maxShare": 0.6}}
    made = carry_out(assembly(gates, a=60, b=40), scarce)
    skills = [sample.skill for sample in made.samples]
    assert (skills.count("a"), skills.count("b")) == (12, 8)
    assert made.funnel.skills["a"].dropped["over-share"] == 48
    assert made.made == len(made.rows) + sum(made.dropped.values())
    free = carry_out(assembly(a=60, b=40), scarce)
    best = sorted(
        (sample for sample in free.samples if sample.skill == "a"),
        key=lambda sample: ([ANY, JUDGED, BEST].index(sample.receipt.validators), sample.id),
    )
    worst_kept = min(
        [ANY, JUDGED, BEST].index(sample.receipt.validators) for sample in made.samples if sample.skill == "a"
    )
    dropped = {sample.id for sample in best} - {sample.id for sample in made.samples}
    assert all(
        [ANY, JUDGED, BEST].index(sample.receipt.validators) <= worst_kept for sample in best if sample.id in dropped
    )


def test_the_outcome_does_not_depend_on_who_finishes_first() -> None:
    def in_order(seed: int) -> object:
        work, chance = assembly(a=60, b=8), random.Random(seed)
        while units := work.wanted():
            for unit in chance.sample(units, len(units)):
                work.add(scarce(unit))
        made = work.result()
        assert made.made == len(made.rows) - made.carried + sum(made.dropped.values())
        return made.samples, made.funnel

    outcomes = [in_order(seed) for seed in range(6)]
    assert all(outcome == outcomes[0] for outcome in outcomes)
