"""The loop's policy, played against outcomes that a test chooses."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from preceptor.loop.decide import Done, Draft, EndSearch, Examine, Generate, Judge, Publish, Step, Train, next_step
from preceptor.loop.events import (
    BASE,
    AnyEvent,
    AttemptFailed,
    DatasetCommitted,
    IterationJudged,
    Published,
    RecipeDrafted,
    RunStarted,
    SplitScore,
    StudentExamined,
    StudentTrained,
)
from preceptor.loop.state import RunState, apply, fold
from preceptor.spec.document import Budget, Evaluation, Spec
from preceptor.spec.recipe import ProceduralSource, Recipe, SkillPlan

RECIPE = Recipe(skills=(SkillPlan(skill="a", quota=4, sources=(ProceduralSource(generator="a"),)),))
STARTED = RunStarted(document={}, document_digest="d", splits={}, items={}, versions={})


def spec(**changes: object) -> Spec:
    """A spec of which only what the policy reads is real."""
    budget = {"iterations": 3, **changes.pop("budget", {})}  # type: ignore[dict-item]
    evaluation = {"seeds": 2, **changes.pop("evaluation", {})}  # type: ignore[dict-item]
    strategy = changes.pop("strategy", "iterative")
    assert not changes
    values = {
        "task": {
            "description": "t",
            "prompt": "{{ q }}",
            "scorer": {"kind": "exact"},
            "items": {"uri": "i.jsonl", "answer": "{{ a }}"},
            "splits": {"feedback": 0.3, "selection": 0.3, "private": 0.4},
        },
        "engineer": {"kind": "heuristic", "strategy": strategy},
        "teacher": {
            "kind": "procedural",
            "answer": "x",
            "generators": {"a": {"kind": "sampler", "forms": [{"input": {"q": "x"}}]}},
        },
        "student": {"model": "m"},
        "dataset": {"size": 8, "minimum": 4},
        "budget": Budget(**budget),
        "evaluation": Evaluation(**evaluation),
        "storage": {"uri": "runs"},
    }
    return Spec.model_validate(values)


class World:
    """Carries out steps by making up their events."""

    def __init__(
        self,
        better: Callable[[int], bool] = lambda attempt: True,
        valid: Callable[[int], bool] = lambda attempt: True,
        seconds: float = 1.0,
    ) -> None:
        self._better, self._valid, self._seconds = better, valid, seconds

    def event(self, step: Step, state: RunState) -> AnyEvent:
        after = {"elapsed": state.elapsed + self._seconds, "seconds": self._seconds}
        match step:
            case Examine(subject, splits):
                scores = {split: SplitScore(evaluation="e", n=1, value=0.5, exact=0.5) for split in splits}
                return StudentExamined(subject=subject, splits=scores, tokens=1, **after)
            case Draft(attempt):
                return RecipeDrafted(
                    attempt=attempt, operation=state.operation, recipe=RECIPE, digest="r", elapsed=after["elapsed"]
                )
            case Generate(attempt):
                outcome = {"attempt": attempt.number, "made": 4, "dropped": {}, **after}
                if self._valid(attempt.number):
                    return DatasetCommitted(version=f"v{attempt.number}", rows=4, skills={"a": 4}, **outcome)
                return AttemptFailed(reason="too few", accepted=0, **outcome)
            case Train(version, index):
                return StudentTrained(
                    training=f"t-{version}-{index}",
                    version=version,
                    seed_index=index,
                    seed=index,
                    steps=1,
                    tokens=1,
                    first_loss=1.0,
                    last_loss=1.0,
                    **after,
                )
            case Judge(attempt, training):
                return IterationJudged(
                    attempt=attempt.number,
                    version=f"v{attempt.number}",
                    training=training,
                    against=state.best_subject,
                    improvement=0.1,
                    standard_error=0.01,
                    best=self._better(attempt.number),
                    elapsed=after["elapsed"],
                )
            case EndSearch(event):
                return event
            case Publish(finalists):
                return Published(verdict="improved" if finalists else "no-improvement")
            case Done():
                raise AssertionError


def play(document: Spec, world: World, limit: int = 200) -> Iterator[tuple[Step, RunState]]:
    state = fold([STARTED])
    for _ in range(limit):
        step = next_step(document, state)
        yield step, state
        if isinstance(step, Done):
            return
        state = apply(state, world.event(step, state))
    raise AssertionError("the run does not end")


def kinds(document: Spec, world: World) -> list[str]:
    return [type(step).__name__ for step, _ in play(document, world)]


ITERATION = ["Draft", "Generate", "Train", "Examine", "Judge"]


def test_a_run_that_always_improves() -> None:
    finalists = ["Train", "Train", "Examine", "Examine", "Examine"]
    assert kinds(spec(), World()) == ["Examine", *ITERATION * 3, "EndSearch", *finalists, "Publish", "Done"]


def test_the_private_split_is_opened_after_the_search_and_once_for_each_subject() -> None:
    steps = list(play(spec(), World()))
    private = [
        (index, step) for index, (step, _) in enumerate(steps) if isinstance(step, Examine) and "private" in step.splits
    ]
    ended = next(index for index, (step, _) in enumerate(steps) if isinstance(step, EndSearch))
    assert all(index > ended for index, _ in private)
    assert [step.subject for _, step in private] == [BASE, "t-v3-1", "t-v3-2"]


def test_finalists_are_fresh_seeds_of_the_best_version() -> None:
    world = World(better=lambda attempt: attempt == 2)
    finals = [step for step, state in play(spec(), world) if isinstance(step, Train) and state.ended]
    assert finals == [Train("v2", 1), Train("v2", 2)]


def test_nothing_better_than_the_untrained_student_leaves_private_closed() -> None:
    steps = [step for step, _ in play(spec(), World(better=lambda attempt: False))]
    assert Publish(()) in steps
    assert not any(isinstance(step, Examine) and "private" in step.splits for step in steps)


@pytest.mark.parametrize(
    ("changes", "world", "reason", "iterations"),
    [
        ({}, World(), "iterations", 3),
        ({"budget": {"iterations": 9}, "evaluation": {"patience": 2}}, World(better=lambda a: a == 1), "patience", 3),
        ({"budget": {"iterations": 9}, "evaluation": {"patience": 2}}, World(better=lambda a: False), "patience", 2),
        ({"budget": {"iterations": 9, "rows": 9}}, World(), "rows", 3),
        ({"budget": {"iterations": 9, "rows": 3}}, World(), "rows", 0),
        ({"budget": {"iterations": 9, "attempts": 2}}, World(), "attempts", 2),
        ({"budget": {"iterations": 2, "attempts": 5}}, World(valid=lambda a: False), "attempts", 0),
        ({"budget": {"iterations": 9}, "strategy": "oneShot"}, World(valid=lambda a: a == 3), "oneShot", 1),
        ({"budget": {"iterations": 9, "wall_clock": "30s"}}, World(seconds=4.0), "wallClock", 1),
        ({"budget": {"iterations": 9, "wall_clock": "3s"}}, World(seconds=4.0), "wallClock", 0),
    ],
)
def test_why_the_search_ends(changes: dict[str, object], world: World, reason: str, iterations: int) -> None:
    ended = [(step, state) for step, state in play(spec(**changes), world) if isinstance(step, EndSearch)]
    assert [(step.event.reason, len(state.iterations)) for step, state in ended] == [(reason, iterations)]


def test_without_time_left_the_searchs_own_student_is_the_finalist() -> None:
    document = spec(budget={"iterations": 9, "wall_clock": "30s"})
    steps = [step for step, state in play(document, World(seconds=4.0)) if state.ended]
    assert Publish(("t-v1-0",)) in steps
    assert not any(isinstance(step, Train) for step in steps)


def test_repair_gives_up_after_three_failures_in_a_row() -> None:
    world = World(valid=lambda attempt: attempt > 5)
    drafts = [state.operation for step, state in play(spec(), world) if isinstance(step, Draft)]
    assert drafts == ["draft", "repair", "repair", "repair", "draft", "draft", "improve", "improve"]


def test_the_fold_of_any_prefix_gives_the_same_next_step() -> None:
    document, world = spec(), World()
    events: list[AnyEvent] = [STARTED]
    for step, state in play(document, world):
        assert next_step(document, fold(events)) == step
        if not isinstance(step, Done):
            events.append(world.event(step, state))
