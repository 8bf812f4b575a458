"""The loop's policy, played against outcomes that a test chooses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from preceptor.loop.decide import next_step
from preceptor.loop.events import (
    BASE,
    AnyEvent,
    AttemptFailed,
    ControlEnded,
    DatasetCommitted,
    IterationJudged,
    Operation,
    PrivateOpened,
    ProposalFailed,
    Published,
    RecipeDrafted,
    Reopened,
    RunStarted,
    SafeguardsTested,
    SkillRemoved,
    SplitScore,
    StudentExamined,
    StudentTrained,
    SuiteExamined,
)
from preceptor.loop.state import RunState, apply, fold
from preceptor.loop.step import (
    CheckSafeguards,
    ClosingStep,
    Done,
    Draft,
    EndSearch,
    Examine,
    ExamineSuite,
    Generate,
    Judge,
    OpenPrivate,
    Publish,
    RemoveSkill,
    RunControl,
    SkipControl,
    Step,
    Train,
)
from preceptor.recipes.amount import Amount
from preceptor.report.answers import finalists
from preceptor.spec.document import Budget, Spec
from preceptor.spec.evaluation import Evaluation
from preceptor.spec.recipe import ProceduralSource, Recipe, SkillPlan

RECIPE = Recipe(skills=(SkillPlan(skill="a", quota=4, sources=(ProceduralSource(generator="a"),)),))
STARTED = RunStarted(document={}, document_digest="d", splits={}, items={}, versions={})


def spec(**changes: object) -> Spec:
    """A spec of which only what the policy reads is real."""
    budget = {"iterations": 3, **changes.pop("budget", {})}  # type: ignore[dict-item]
    evaluation = {"seeds": 2, "controls": {"ceiling": False}, **changes.pop("evaluation", {})}  # type: ignore[dict-item]
    strategy = changes.pop("strategy", "iterative")
    actors: dict[str, dict[str, object]] = {
        "engineer": {"kind": "heuristic", "strategy": strategy},
        "teacher": {
            "kind": "procedural",
            "answer": "x",
            "generators": {"a": {"kind": "sampler", "forms": [{"input": {"q": "x"}}]}},
        },
    }
    if changes.pop("models", False):
        actors = {
            "engineer": {"kind": "llm", "strategy": strategy, "model": "e", "sampling": {"max_tokens": 100}},
            "teacher": {"kind": "openai", "model": "t", "sampling": {"max_tokens": 50}},
        }
        actors = {name: {**actor, "price": {"output": 10.0}} for name, actor in actors.items()}
    assert not changes
    values = {
        "task": {
            "description": "t",
            "prompt": "{{ q }}",
            "scorer": {"kind": "exact"},
            "items": {"uri": "i.jsonl", "answer": "{{ a }}"},
            "splits": {"feedback": 0.3, "selection": 0.3, "private": 0.4},
        },
        **actors,
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
        failures: Mapping[int, str] | None = None,
        spent: Mapping[str, int] | None = None,
        skills: Mapping[str, int] | None = None,
    ) -> None:
        self._better, self._valid, self._seconds = better, valid, seconds
        self._failures = failures or {}
        """Kinds of failed attempts by number; a kind after ``proposal:`` is of a proposal."""
        self._spent = dict(spent or {})
        """What the teacher uses up for an attempt; the engineer a tenth of it."""
        self._skills = dict(skills or {"a": 4})
        """Rows of every version by skill."""

    def _proposal(self, attempt: int, operation: Operation, elapsed: float) -> AnyEvent:
        asked = {
            "attempt": attempt,
            "operation": operation,
            "spent": {name: count // 10 for name, count in self._spent.items()},
            "elapsed": elapsed,
        }
        kind = self._failures.get(attempt, "")
        if kind.startswith("proposal:"):
            return ProposalFailed(kind=kind.removeprefix("proposal:"), problems=("skills: wrong",), **asked)
        return RecipeDrafted(recipe=RECIPE, digest="r", card=f"card-{attempt}", **asked)

    def _closing(self, step: Publish | ClosingStep) -> AnyEvent:
        match step:
            case OpenPrivate(reading):
                return PrivateOpened(reading=reading)
            case RunControl(control):
                return ControlEnded(control=control, split="selection" if control == "ceiling" else "private")
            case ExamineSuite(suite):
                score = SplitScore(evaluation="e", n=1, value=0.5, exact=0.5)
                return SuiteExamined(
                    document=suite.document,
                    digest="d",
                    before=score,
                    after=(score,),
                    interval=(0, 0),
                    dropped=False,
                    allowed=False,
                )
            case RemoveSkill(skill):
                return SkillRemoved(
                    skill=skill, rows=1, usd=0.0, trainings=("t",), scores=(), worth=0.0, interval=(0, 0)
                )
            case Publish(finalists):
                return Published(verdict="improved" if finalists else "no-improvement")
            case _:
                raise AssertionError(step)

    def event(self, step: Step, state: RunState) -> AnyEvent:
        after = {"elapsed": state.elapsed + self._seconds, "seconds": self._seconds}
        match step:
            case CheckSafeguards():
                return SafeguardsTested(planted={}, stopped={}, elapsed=state.elapsed)
            case Examine(subject, splits):
                scores = {split: SplitScore(evaluation="e", n=1, value=0.5, exact=0.5) for split in splits}
                return StudentExamined(subject=subject, splits=scores, tokens=1, **after)
            case Draft(attempt, operation):
                return self._proposal(attempt, operation, after["elapsed"])
            case Generate(attempt):
                outcome = {"attempt": attempt.number, "made": 4, "dropped": {}, "spent": self._spent, **after}
                if kind := self._failures.get(attempt.number):
                    return AttemptFailed(kind=kind, reason=kind, accepted=0, **outcome)
                if self._valid(attempt.number):
                    return DatasetCommitted(version=f"v{attempt.number}", rows=4, skills=self._skills, **outcome)
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
            case EndSearch(event) | SkipControl(event):
                return event.model_copy(update={"elapsed": state.elapsed})
            case Publish() | OpenPrivate() | RunControl() | ExamineSuite() | RemoveSkill():
                return self._closing(step)
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


def operations(document: Spec, world: World) -> list[str]:
    return [step.operation for step, _ in play(document, world) if isinstance(step, Draft)]


def kinds(document: Spec, world: World) -> list[str]:
    return [type(step).__name__ for step, _ in play(document, world)]


ITERATION = ["Draft", "Generate", "Train", "Examine", "Judge"]


def test_a_run_that_always_improves() -> None:
    finalists = ["Train", "Train", "OpenPrivate", "Examine", "Examine", "Examine", "RunControl"]
    assert kinds(spec(), World()) == [
        "CheckSafeguards",
        "Examine",
        *ITERATION * 3,
        "EndSearch",
        *finalists,
        "Publish",
        "Done",
    ]


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
        ({"budget": {"iterations": 9}, "strategy": "oneShot"}, World(valid=lambda a: False), "attempts", 0),
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


def test_who_answers_private_is_settled_when_it_is_opened() -> None:
    short, long = (spec(budget={"iterations": 9, "wall_clock": clock}) for clock in ("30s", "3h"))
    world = World(seconds=4.0)
    [state] = [state for step, state in play(short, world) if isinstance(step, OpenPrivate)]
    assert isinstance(next_step(long, state), Train)  # while it is closed, a clock that grew gives time to train
    state = apply(state, PrivateOpened(reading=1))
    steps = []
    while not isinstance(step := next_step(long, state), Done):
        steps.append(step)
        state = apply(state, world.event(step, state))
    assert Publish(("t-v1-0",)) in steps
    assert not any(isinstance(step, Train) for step in steps)


def test_the_searchs_own_student_is_no_finalist_beside_fresh_ones() -> None:
    (*_, (_, state)) = play(spec(budget={"iterations": 1}), World())
    fresh = [event.training for event in finalists(state)]
    assert fresh == ["t-v1-1", "t-v1-2"]
    earlier = state.scores["t-v1-1", "private"]
    both = replace(state, scores={**state.scores, ("t-v1-0", "private"): earlier})
    assert [event.training for event in finalists(both)] == fresh


def test_time_kept_for_comparisons_lets_finalists_be_trained() -> None:
    budget = {"iterations": 9, "wall_clock": "90s"}
    bare, compared = {"prompted": False}, {"prompted": True, "format": True, "one_shot": True}
    ends = []
    for controls in (bare, compared):
        document = spec(budget=budget, evaluation={"controls": {"ceiling": False, **controls}})
        steps = list(play(document, World(seconds=4.0)))
        [(ended, state)] = [(step, state) for step, state in steps if isinstance(step, EndSearch)]
        assert ended.event.reason == "wallClock"
        ends.append(len(state.iterations))
        trained = [step.seed_index for step, state in steps if isinstance(step, Train) and state.ended]
        assert trained == ([] if controls is bare else [1, 2])
    assert ends == [4, 1]


# --- what a run is compared with ---

OTHERS = {"one_shot": True, "distillation": True, "format": True}


def closing(document: Spec, world: World | None = None) -> list[tuple[str, str]]:
    """Everything from the opening of private on, by name and what it is about."""
    names = {"RunControl": "control", "SkipControl": "event", "ExamineSuite": "suite", "RemoveSkill": "skill"}
    found = []
    for step, state in play(document, world or World()):
        if state.readings or isinstance(step, OpenPrivate):
            kind = type(step).__name__
            about = getattr(step, names.get(kind, ""), "")
            found.append((kind, str(getattr(about, "control", getattr(about, "document", about)))))
    return found


def test_comparisons_come_after_private_in_the_documents_order() -> None:
    suites = [{"document": "b.yaml"}, {"document": "a.yaml"}]
    evaluation = {"seeds": 1, "controls": {"ceiling": True, **OTHERS}, "forgetting": suites, "attribution": True}
    document = spec(models=True, evaluation=evaluation, budget={"iterations": 1})
    world = World(skills={"b": 2, "a": 2})
    assert closing(document, world) == [
        ("OpenPrivate", ""),
        ("Examine", ""),
        ("Examine", ""),
        ("RunControl", "prompted"),
        ("RunControl", "format"),
        ("RunControl", "oneShot"),
        ("RunControl", "distillation"),
        ("ExamineSuite", "b.yaml"),
        ("ExamineSuite", "a.yaml"),
        ("RemoveSkill", "a"),
        ("RemoveSkill", "b"),
        ("Publish", ""),
        ("Done", ""),
    ]
    early = [step for step, state in play(document, world) if isinstance(step, RunControl) and not state.readings]
    assert early == [RunControl("ceiling")]


def test_one_skill_alone_is_not_left_out() -> None:
    document = spec(evaluation={"seeds": 1, "controls": {"ceiling": False, "prompted": False}, "attribution": True})
    assert [kind for kind, _ in closing(document)] == ["OpenPrivate", "Examine", "Examine", "Publish", "Done"]


def test_the_ceiling_needs_a_teacher_with_a_model() -> None:
    document = spec(evaluation={"controls": {"ceiling": True}})
    assert RunControl("ceiling") not in [step for step, _ in play(document, World())]


def test_nothing_is_compared_when_nothing_is_published() -> None:
    evaluation = {"controls": {"ceiling": False, **OTHERS}, "forgetting": [{"document": "a.yaml"}]}
    world = World(better=lambda attempt: False)
    assert closing(spec(evaluation=evaluation), world) == []


def test_what_trains_is_left_out_when_the_clock_is_spent() -> None:
    suites = [{"document": "a.yaml"}]
    evaluation = {"controls": {"ceiling": False, **OTHERS}, "forgetting": suites, "attribution": True}
    document = spec(models=True, evaluation=evaluation, budget={"iterations": 9, "wall_clock": "50s"})
    found = closing(document, World(seconds=9.0, skills={"a": 2, "b": 2}))
    assert [one for one in found if one[0] != "Examine"] == [
        ("OpenPrivate", ""),
        ("RunControl", "prompted"),
        ("SkipControl", "format"),
        ("SkipControl", "oneShot"),
        ("SkipControl", "distillation"),
        ("ExamineSuite", "a.yaml"),
        ("Publish", ""),
        ("Done", ""),
    ]


def test_a_run_that_goes_on_again_compares_again_and_reads_private_a_second_time() -> None:
    evaluation = {"seeds": 1, "controls": {"ceiling": True, "one_shot": True}}
    short, long = (spec(models=True, evaluation=evaluation, budget={"iterations": n}) for n in (1, 2))
    (*_, (_, ended)) = play(short, World())
    assert next_step(long, ended) == Done()
    state = apply(ended, Reopened(changes=("spec.budget.iterations: 1 → 2",)))
    assert state.controls.keys() == {"ceiling"}
    steps = []
    while not isinstance(step := next_step(long, state), Done):
        steps.append(step)
        state = apply(state, World().event(step, state))
    assert [type(step).__name__ for step in steps] == [
        *ITERATION,
        *("EndSearch", "Train", "OpenPrivate", "Examine", "RunControl", "RunControl", "Publish"),
    ]
    assert OpenPrivate(2) in steps
    assert [reading.reading for reading in state.readings] == [1, 2]


def test_repair_gives_up_after_three_failures_in_a_row() -> None:
    world = World(valid=lambda attempt: attempt > 5)
    assert operations(spec(), world) == [
        *("draft", "repair", "repair", "repair"),
        *("draft", "repair"),
        *("improve", "improve"),
    ]


def test_a_broken_proposal_or_recipe_is_debugged_and_too_few_rows_are_repaired() -> None:
    failures = {2: "proposal:unreadable", 3: "invalid-recipe", 4: "too-few-rows", 6: "failed", 8: "budget"}
    document = spec(budget={"iterations": 4}, evaluation={"patience": 9})
    assert operations(document, World(failures=failures)) == [
        *("draft", "improve", "debug", "debug", "repair"),
        *("improve", "debug", "improve", "repair"),
    ]


def test_repairs_and_debugs_give_up_together_and_start_anew() -> None:
    kinds = ("too-few-rows", "failed", "too-few-rows", "proposal:invalid-recipe", "too-few-rows")
    world = World(failures=dict(enumerate(kinds, start=2)))
    assert operations(spec(), world)[:7] == ["draft", "improve", "repair", "debug", "repair", "draft", "repair"]


def test_the_tries_of_one_shot_are_independent_and_eight() -> None:
    world = World(valid=lambda attempt: False)
    assert operations(spec(strategy="oneShot", budget={"iterations": 1}), world) == ["draft"] * 8
    assert operations(spec(strategy="oneShot", budget={"iterations": 9}), world) == ["draft"] * 8
    assert operations(spec(strategy="oneShot", budget={"attempts": 3}), world) == ["draft"] * 3


def test_a_failed_proposal_counts_as_an_attempt_without_a_recipe() -> None:
    world = World(failures={1: "proposal:invalid-recipe"}, spent={"requests": 10, "tokens": 200})
    (*_, (_, state)) = play(spec(), world)
    assert [attempt.has_recipe for attempt in state.attempts] == [False, True, True, True]
    assert state.mats == pytest.approx(4 / 3)
    assert state.failure_kinds == {"invalid-recipe": 1}
    assert state.spent_on_engineer == Amount(requests=4, tokens=80)
    assert state.spent_on_teacher == Amount(rows=12, requests=30, tokens=600)
    assert state.cards_used == ("card-2", "card-3", "card-4")


@pytest.mark.parametrize(
    ("budget", "spent", "reason", "attempts"),
    [
        # The smallest attempt needs one request and the engineer's longest answer: 100 tokens, $0.001.
        ({"teacher_requests": 21}, {"requests": 10}, "teacherRequests", 3),
        ({"teacher_requests": 20}, {"requests": 10}, "teacherRequests", 2),
        ({"tokens": 320}, {"tokens": 100}, "tokens", 3),
        ({"tokens": 319}, {"tokens": 100}, "tokens", 2),
        ({"usd": 0.0032}, {"picodollars": 10**9}, "usd", 3),
        ({"usd": 0.00319}, {"picodollars": 10**9}, "usd", 2),
        ({"tokens": 99}, {"tokens": 1}, "tokens", 0),
    ],
)
def test_the_search_ends_when_not_even_the_smallest_attempt_fits(
    budget: dict[str, object], spent: dict[str, int], reason: str, attempts: int
) -> None:
    document = spec(models=True, budget={"iterations": 9, **budget}, evaluation={"patience": 9})
    steps = list(play(document, World(spent=spent)))
    ended = next(step for step, _ in steps if isinstance(step, EndSearch))
    assert (ended.event.reason, len(steps[-1][1].attempts)) == (reason, attempts)


def test_the_first_attempt_needs_requests_for_the_whole_minimum() -> None:
    document = spec(models=True, budget={"teacher_requests": 2})
    large = document.model_copy(update={"dataset": document.dataset.model_copy(update={"minimum": 65, "size": 99})})
    assert operations(large, World()) == []
    assert operations(document, World()) != []


@pytest.mark.parametrize(
    ("failures", "attempts"), [({1: "proposal:budget"}, 1), (dict.fromkeys((1, 2, 3), "budget"), 3)]
)
def test_a_budget_that_nothing_fits_into_ends_the_search(failures: dict[int, str], attempts: int) -> None:
    document = spec(models=True, budget={"usd": 1.0, "tokens": 10_000})
    steps = list(play(document, World(failures=failures, spent={"tokens": 1000})))
    ended = next(step for step, _ in steps if isinstance(step, EndSearch))
    assert (ended.event.reason, len(steps[-1][1].attempts)) == ("tokens", attempts)


def test_the_fold_of_any_prefix_gives_the_same_next_step() -> None:
    document, world = spec(), World()
    events: list[AnyEvent] = [STARTED]
    for step, state in play(document, world):
        assert next_step(document, fold(events)) == step
        if not isinstance(step, Done):
            events.append(world.event(step, state))
