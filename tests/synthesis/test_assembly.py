from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from preceptor.recipes.amount import Limit
from preceptor.recipes.sample import Receipt, Sample
from preceptor.spec.recipe import CarryOver, Recipe
from preceptor.synthesis.assembly import Assembled, Assembly, carry_out
from preceptor.synthesis.units import Unit, UnitResult
from preceptor.synthesis.worker import UnitWorker
from support.payments import recipe, spec

Question = Callable[[random.Random, str], str]


def sample(skill: str, prompt: str) -> Sample:
    receipt = Receipt(recipe="", attempt=1, generator=skill, difficulty=1, unit=0, index=0, teacher="")
    return Sample.create(skill=skill, fields={}, prompt=prompt, answer="4", receipt=receipt)


def maker(question: Question, unreadable: float = 0.0) -> Callable[[Unit], UnitResult]:
    """Makes units whose questions ``question`` draws; a share of the rows is unreadable."""

    def make(unit: Unit) -> UnitResult:
        drawn = random.Random(unit.seed)
        rows = [sample(unit.skill, question(drawn, unit.skill)) for _ in range(unit.size)]
        passed = tuple(row for row in rows if drawn.random() >= unreadable)
        dropped = {"unreadable": unit.size - len(passed)} if len(passed) < unit.size else {}
        return UnitResult(unit, passed, unit.size, dropped)

    return make


def distinct(drawn: random.Random, skill: str) -> str:
    return f"{skill} {drawn.getrandbits(60)}"


def few(questions: int) -> Question:
    """Questions out of a small set that all skills share."""
    return lambda drawn, _skill: f"question {drawn.randrange(questions)}"


def assembly(plan: Recipe, carried: tuple[Sample, ...] = (), budget: int | None = None, **options: int) -> Assembly:
    return Assembly(plan, spec(), carried, 1, Limit(rows=budget), **options)


def shuffled(work: Assembly, make: Callable[[Unit], UnitResult], seed: int, workers: int) -> Assembled:
    """Carries out units as a pool of workers would: any of those that run may finish next."""
    chance = random.Random(seed)
    while units := work.wanted():
        waiting, running = list(units), []
        while waiting or running:
            while waiting and len(running) < workers:
                running.append(waiting.pop(chance.randrange(len(waiting))))
            work.add(make(running.pop(chance.randrange(len(running)))))
    return work.result()


def test_quotas_are_filled_exactly_and_rows_sorted_by_id() -> None:
    made = carry_out(assembly(recipe(a=50, b=7)), maker(distinct))
    assert [part.accepted for part in made.funnel.skills.values()] == [50, 7]
    assert [row.id for row in made.samples] == sorted(row.id for row in made.samples)
    assert made.short == {}
    assert made.made == 57
    assert made.dropped == {}


def test_dropped_rows_are_refilled() -> None:
    made = carry_out(assembly(recipe(a=100)), maker(distinct, unreadable=0.6))
    part = made.funnel.skills["a"]
    assert part.accepted == 100
    assert part.made == part.accepted + sum(part.dropped.values())
    assert 200 < part.made < 330
    assert set(part.dropped) <= {"unreadable", "surplus"}


@pytest.mark.parametrize(
    ("question", "unreadable"), [(distinct, 0.0), (distinct, 0.7), (few(160), 0.3), (few(90), 0.0)]
)
def test_the_outcome_does_not_depend_on_who_finishes_first(question: Question, unreadable: float) -> None:
    plan, make = recipe(a=40, b=90, c=13), maker(question, unreadable)
    first = carry_out(assembly(plan), make)
    for seed in range(6):
        assert shuffled(assembly(plan), make, seed, workers=1 + 3 * seed) == first


@pytest.mark.parametrize("round_units", [1, 2, 5, 17])
def test_the_accepted_rows_do_not_depend_on_how_many_units_a_round_has(round_units: int) -> None:
    plan, make = recipe(a=40, b=90, c=13), maker(few(160), 0.3)
    accepted = carry_out(assembly(plan), make).samples
    assert shuffled(assembly(plan, round_units=round_units), make, 3, workers=4).samples == accepted


def test_rounds_are_bounded_and_asked_for_once() -> None:
    work = assembly(recipe(a=5000), round_units=8)
    first = work.wanted()
    assert len(first) == 8
    assert work.wanted() == first
    make = maker(distinct)
    for unit in first[1:]:
        work.add(make(unit))
    assert work.wanted() == first[:1]
    work.add(make(first[3]))  # a second result of a unit that is done
    assert work.accepted == 0  # everything waits for the first unit
    work.add(make(first[0]))
    assert work.accepted == 8 * first[0].size
    assert {unit.index for unit in work.wanted()} == set(range(8, 16))


def test_only_what_the_deficit_suggests_is_asked_for() -> None:
    work, make = assembly(recipe(a=64)), maker(distinct, unreadable=0.5)
    sizes = []
    while units := work.wanted():
        sizes.append(len(units))
        for unit in units:
            work.add(make(unit))
    assert sizes[0] == 2
    assert sum(sizes) <= 7


def test_carried_rows_come_first_in_order_of_id_up_to_their_share() -> None:
    carried = tuple(sample(skill, f"{skill} {n}") for skill in ("a", "other") for n in range(30))
    plan = recipe(a=40, carry_over=CarryOver(version="v1", share=0.5))
    made = carry_out(assembly(plan, carried), maker(distinct))
    kept = [row for row in made.samples if row.receipt.carried_from == "v1"]
    assert [row.id for row in kept] == sorted(row.id for row in carried if row.skill == "a")[:20]
    assert (made.carried, made.made, len(made.samples)) == (20, 20, 40)
    assert carry_out(assembly(plan, carried[::-1]), maker(distinct)) == made


def test_fresh_rows_never_repeat_a_carried_question() -> None:
    carried = tuple(sample("a", f"question {n}") for n in range(10))
    plan = recipe(a=10, b=15, carry_over=CarryOver(version="v1"))
    made = carry_out(assembly(plan, carried), maker(few(25)))
    assert len({row.prompt for row in made.samples}) == 25
    assert made.funnel.skills["a"].made == 0
    assert made.funnel.skills["b"].dropped["duplicate"] > 0


def test_a_version_carried_in_full_makes_nothing() -> None:
    carried = tuple(sample("a", f"question {n}") for n in range(10))
    work = assembly(recipe(a=10, carry_over=CarryOver(version="v1")), carried)
    assert work.done
    assert work.wanted() == []
    assert work.result().made == 0


def test_a_skill_that_hardly_ever_passes_is_given_up_and_reported_short() -> None:
    work = assembly(recipe(a=20, b=20))

    def make(unit: Unit) -> UnitResult:
        return maker(distinct, unreadable=1.0 if unit.skill == "a" else 0.0)(unit)

    made = carry_out(work, make)
    assert work.hopeless == ("a",)
    assert made.short == {"a": 20}
    assert made.funnel.skills["a"].hopeless
    assert not made.funnel.exhausted
    assert made.funnel.skills["a"].made <= 25 * 20
    assert made.funnel.skills["b"].accepted == 20


def test_a_generator_that_runs_out_of_questions_is_given_up_late_but_is() -> None:
    made = carry_out(assembly(recipe(a=200)), maker(few(120)))
    assert made.funnel.skills["a"].hopeless
    assert 115 <= made.funnel.skills["a"].accepted <= 120
    assert made.short == {"a": 200 - made.funnel.skills["a"].accepted}


def test_the_budget_of_rows_is_never_exceeded() -> None:
    for budget in range(0, 200, 13):
        made = carry_out(assembly(recipe(a=60, b=40), budget=budget), maker(distinct, unreadable=0.3))
        assert made.made <= budget
        assert made.funnel.exhausted == bool(made.short)
        assert len(made.samples) + sum(made.short.values()) == 100
    assert not made.funnel.exhausted


def test_what_waits_behind_a_starved_skill_is_not_lost() -> None:
    # Skill a fills half as fast as b; when the budget ends, b's results that waited for a's turn still count.
    def make(unit: Unit) -> UnitResult:
        return maker(distinct, unreadable=0.9 if unit.skill == "a" else 0.0)(unit)

    made = carry_out(assembly(recipe(a=32, b=320), budget=32 * 11), make)
    assert made.funnel.exhausted
    assert made.funnel.skills["b"].accepted == 320


def counts(made: Assembled) -> Iterator[bool]:
    for part in made.funnel.skills.values():
        yield part.made == part.accepted + sum(part.dropped.values())
        yield part.quota == part.rows + part.missing


@pytest.mark.parametrize("budget", [None, 90, 400])
def test_every_row_is_accounted_for(budget: int | None) -> None:
    made = carry_out(assembly(recipe(a=40, b=90, c=13), budget=budget), maker(few(150), 0.4))
    assert all(counts(made))


def test_a_whole_attempt_with_the_real_worker() -> None:
    document, plan = spec(), recipe(letter=90, chat=60)
    worker = UnitWorker(document)
    made = carry_out(Assembly(plan, document, (), 1), lambda unit: worker.make(plan, unit))
    assert {part.accepted for part in made.funnel.skills.values()} == {90, 60}
    assert len({row.prompt.casefold() for row in made.samples}) == 150
