"""What the engineer gets to see: the only way from a run's memory to an engineer.

It reads feedback predictions and nothing else. Of selection it passes on which version is the best, of private nothing;
:class:`preceptor.engineers.observation.Observation` has no place for more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import cleandoc
from itertools import groupby

from preceptor.engineers.observation import (
    MAX_EXAMPLES,
    MAX_FAILURES,
    MAX_PROBLEMS,
    MAX_SAMPLES,
    BestView,
    BudgetView,
    Example,
    FailedCase,
    FailureView,
    FunnelView,
    GeneratorView,
    Interval,
    Observation,
    PastAttempt,
    RowCost,
    SkillView,
    SourceKind,
    TaskView,
    TeacherView,
)
from preceptor.evaluation.diversity import distinct_n, evenness
from preceptor.evaluation.statistics import mean_interval
from preceptor.loop.budget import left
from preceptor.loop.decide import one_shot, operation, tries
from preceptor.loop.events import BASE, ProposalFailed
from preceptor.loop.state import Attempt, RunState
from preceptor.recipes.amount import PICODOLLARS
from preceptor.recipes.catalogue import catalogue
from preceptor.spec.actors import LLMEngineer, OpenAITeacher
from preceptor.spec.document import Spec
from preceptor.spec.task import Scorer, Task
from preceptor.tasks.grading import Prediction
from preceptor.tasks.prompts import compile_template
from preceptor.tasks.splits import Split

MAX_CHARACTERS = 600
"""Longest question, reference or answer that is passed on."""

Predictions = Callable[[str], Sequence[Prediction]]
"""A subject's predictions on the feedback split."""
Rows = Callable[[str], Iterable[Mapping[str, object]]]
"""The rows of a version, with ``skill``, ``prompt`` and ``answer``."""


def observe(
    spec: Spec,
    state: RunState,
    feedback: Split,
    predictions: Predictions,
    *,
    rows: Rows = lambda version: (),
    seeds: int = 0,
    pool: Mapping[str, int] | None = None,
) -> Observation:
    """The engineer's view of a run before its next proposal.

    ``rows`` reads a version, ``seeds`` counts the raw seed questions, ``pool`` the pool's rows by skill. The tries of a
    language model that plans one-shot are independent: it is shown no scores, no failures and no earlier try.
    """
    budget = spec.budget
    blind = isinstance(spec.engineer, LLMEngineer) and one_shot(spec)
    generators = {
        name: GeneratorView(skill=facts.skill, levels=facts.levels) for name, facts in catalogue(spec.teacher).items()
    }
    skills = {item.skill for item in feedback.items}
    return Observation(
        iteration=len(state.iterations) + 1,
        skills={} if blind else _skills(spec, state, predictions),
        past=() if blind else tuple(_past(state, attempt) for attempt in state.attempts if attempt.has_recipe),
        failures=() if blind else _failures(feedback, predictions(state.best_subject)),
        generators=generators,
        size=spec.dataset.size,
        minimum=spec.dataset.minimum,
        iterations_left=budget.iterations - len(state.iterations),
        rows_left=left(spec, state).rows,
        seed=spec.seed,
        attempt=len(state.attempts) + 1,
        operation=operation(spec, state),
        labels=tuple(sorted(skills | {generator.skill for generator in generators.values()} | set(pool or ()))),
        task=_task(spec.task),
        teacher=_teacher(spec, state, seeds, pool or {}),
        budget=_budget(spec, state),
        row_cost=None if blind else _row_cost(state),
        best=_best(state, rows),
        since_best=state.since_best,
        cards_used=state.cards_used,
        last_failure=None if blind else _last_failure(state),
    )


def _task(task: Task) -> TaskView:
    examples = task.few_shot[:MAX_EXAMPLES]
    return TaskView(
        description=task.description,
        system=task.system,
        prompt=task.prompt,
        columns=tuple(sorted(compile_template(task.prompt, "task.prompt").variables)),
        scorer=_scorer_in_words(task.scorer),
        examples=tuple(Example(prompt=_short(shown.prompt), answer=_short(shown.answer)) for shown in examples),
    )


def _scorer_in_words(scorer: Scorer) -> str:
    """What its type says of itself, and how the document sets it."""
    settings = scorer.model_dump_json(by_alias=True, exclude={"kind"}, exclude_defaults=True)
    words = " ".join(cleandoc(type(scorer).__doc__ or scorer.kind).split())
    return words if settings == "{}" else f"{words} Settings: {settings}"


def _teacher(spec: Spec, state: RunState, seeds: int, pool: Mapping[str, int]) -> TeacherView:
    """What the teacher can do now; ``evolve`` needs a version to take rows from."""
    teacher = spec.teacher
    asks = isinstance(teacher, OpenAITeacher)
    possible: dict[SourceKind, bool] = {
        "procedural": bool(catalogue(teacher)),
        "prompt": asks,
        "solve": asks and seeds > 0,
        "evolve": asks and state.best is not None,
        "pool": bool(pool),
    }
    return TeacherView(
        model=teacher.model if isinstance(teacher, OpenAITeacher) else None,
        sources=tuple(kind for kind, can in possible.items() if can),
        validators=("agreement", "judge", "length") if asks else ("length",),
        max_tokens=teacher.sampling.max_tokens if isinstance(teacher, OpenAITeacher) else None,
        seeds=seeds,
        pool=dict(pool),
    )


def _budget(spec: Spec, state: RunState) -> BudgetView:
    rest = left(spec, state)
    return BudgetView(
        attempts=tries(spec) - len(state.attempts),
        requests=rest.requests,
        requests_per_attempt=spec.budget.teacher_requests_per_attempt,
        tokens=rest.tokens,
        usd=None if rest.picodollars is None else rest.picodollars / PICODOLLARS,
    )


def _row_cost(state: RunState) -> RowCost | None:
    """What an accepted row cost, over every attempt; those that failed have theirs in it."""
    fresh = sum(
        attempt.committed.rows - attempt.committed.carried
        for attempt in state.attempts
        if attempt.committed is not None
    )
    spent = state.spent_on_teacher
    if not fresh:
        return None
    return RowCost(
        made=spent.rows / fresh, requests=spent.requests / fresh, tokens=spent.tokens / fresh, usd=spent.usd / fresh
    )


def _best(state: RunState, rows: Rows) -> BestView | None:
    if state.best is None or state.best.committed is None:
        return None
    committed = state.best.committed
    held = sorted((str(row["skill"]), str(row["prompt"]), str(row["answer"])) for row in rows(committed.version))
    shown = [held[place * len(held) // MAX_SAMPLES] for place in range(MAX_SAMPLES)] if held else []
    return BestView(
        version=committed.version,
        attempt=committed.attempt,
        skills=committed.skills,
        distinct2=distinct_n((prompt for _, prompt, _ in held), 2) if held else None,
        evenness=evenness(Counter(skill for skill, _, _ in held)) if held else None,
        samples=tuple(
            Example(skill=skill, prompt=_short(prompt), answer=_short(answer))
            for skill, prompt, answer in dict.fromkeys(shown)
        ),
    )


def _last_failure(state: RunState) -> FailureView | None:
    failure = state.attempts[-1].failure if state.attempts else None
    if failure is None:
        return None
    problems = failure.problems if isinstance(failure, ProposalFailed) else (failure.reason,)
    return FailureView(
        kind=failure.kind,
        problems=tuple(_short(problem) for problem in problems[:MAX_PROBLEMS]),
        has_recipe=not isinstance(failure, ProposalFailed),
    )


def _skills(spec: Spec, state: RunState, predictions: Predictions) -> dict[str, SkillView]:
    def intervals(subject: str) -> dict[str, Interval]:
        rows = sorted(predictions(subject), key=lambda row: row.skill)
        found = {}
        for skill, group in groupby(rows, key=lambda row: row.skill):
            answers = list(group)
            interval = mean_interval(
                [row.value for row in answers], spec.evaluation.confidence, [row.cluster for row in answers]
            )
            found[skill] = Interval(mean=interval.mean, low=interval.low, high=interval.high, n=interval.n)
        return found

    before = intervals(BASE)
    best = intervals(state.best_subject) if state.best else {}
    latest = state.iterations[-1].judged if state.iterations else None
    newest = intervals(latest.training) if latest else {}
    return {
        skill: SkillView(n=interval.n, before=interval, best=best.get(skill), latest=newest.get(skill))
        for skill, interval in before.items()
    }


def _past(state: RunState, attempt: Attempt) -> PastAttempt:
    drafted, committed, failed, judged = attempt.drafted, attempt.committed, attempt.failed, attempt.judged
    past = PastAttempt(
        recipe=drafted.recipe,
        predicted=drafted.recipe.prediction,
        number=attempt.number,
        operation=drafted.operation,
        card=drafted.card,
    )
    if failed is not None:
        funnel = FunnelView(made=failed.made, accepted=failed.accepted, dropped=failed.dropped, short=failed.short)
        return past.model_copy(update={"rows": failed.accepted, "seconds": failed.seconds, "funnel": funnel})
    if committed is None or judged is None:
        return past
    trained = state.training_of(attempt)
    after = state.scores[judged.training, "feedback"].skills
    before = state.scores[judged.against, "feedback"].skills
    return past.model_copy(
        update={
            "version": committed.version,
            "rows": committed.rows,
            "valid": True,
            "is_best": attempt is state.best,
            "feedback": {skill: score.value for skill, score in after.items()},
            "actual": {skill: score.value - before[skill].value for skill, score in after.items() if skill in before},
            "seconds": committed.seconds + (trained.seconds if trained else 0.0),
            "funnel": FunnelView(
                made=committed.made,
                carried=committed.carried,
                accepted=committed.rows,
                dropped=committed.dropped,
                short=committed.short,
            ),
        }
    )


def _failures(feedback: Split, predictions: Sequence[Prediction]) -> tuple[FailedCase, ...]:
    """Items that are not wholly right: the worst of each skill first, skills taking turns, bounded."""
    items = {item.id: item for item in feedback.items}
    wrong: dict[str, list[Prediction]] = {}
    for row in sorted(predictions, key=lambda row: (row.value, row.item_id)):
        if not row.correct:
            wrong.setdefault(row.skill, []).append(row)
    turns = [(turn, skill, row) for skill, rows in wrong.items() for turn, row in enumerate(rows)]
    return tuple(
        FailedCase(
            skill=skill,
            prompt=_short(items[row.item_id].prompt),
            reference=_short(items[row.item_id].reference),
            output=_short(row.output),
            value=row.value,
        )
        for _, skill, row in sorted(turns, key=lambda turn: (turn[0], turn[1]))[:MAX_FAILURES]
    )


def _short(text: str) -> str:
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]} …"
