"""What engineers are shown, made up."""

from __future__ import annotations

from typing import Any

from preceptor.engineers.observation import (
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
    TaskView,
    TeacherView,
)
from preceptor.spec.recipe import PromptSource, Recipe, SkillPlan

TASK = TaskView(description="Read payments.", prompt="{{ message }}", columns=("message",), scorer="Right when equal.")
TEACHER = TeacherView(model="teacher", sources=("prompt",), validators=("agreement", "judge", "length"), max_tokens=200)


def score(mean: float, n: int = 20) -> Interval:
    return Interval(mean=mean, low=max(0, mean - 0.1), high=min(1, mean + 0.1), n=n)


def made(skill: str = "letter", template: str = "Write.", **changes: Any) -> Recipe:
    """An earlier recipe."""
    source = PromptSource(kind="prompt", template=template)
    return Recipe(skills=(SkillPlan(skill=skill, quota=20, sources=(source,)),), prediction={skill: 0.4}, **changes)


def past(number: int, **changes: Any) -> PastAttempt:
    """An attempt that a student learnt."""
    given = {
        "recipe": made(template=f"Write {number}."),
        "number": number,
        "version": f"v{number}",
        "rows": 20,
        "valid": True,
        "feedback": {"letter": 0.5},
        "predicted": {"letter": 0.4},
        "actual": {"letter": 0.1},
        "funnel": FunnelView(made=40, accepted=20, dropped={"duplicate": 20}),
    }
    return PastAttempt(**given | changes)


def fresh(**changes: Any) -> Observation:
    """A run before its first attempt."""
    given = {
        "iteration": 1,
        "skills": {skill: SkillView(n=20, before=score(0.2)) for skill in ("chat", "letter")},
        "labels": ("chat", "letter"),
        "generators": {},
        "size": 100,
        "minimum": 20,
        "iterations_left": 3,
        "task": TASK,
        "teacher": TEACHER,
    }
    return Observation(**given | changes)


def improving(**changes: Any) -> Observation:
    """A run with a best version."""
    given = {
        "iteration": 2,
        "attempt": 2,
        "operation": "improve",
        "past": (past(1, is_best=True),),
        "best": BestView(version="v1", attempt=1, skills={"letter": 20}, samples=(Example(prompt="q", answer="a"),)),
        "teacher": TEACHER.model_copy(update={"sources": ("prompt", "evolve")}),
    }
    return fresh(**given | changes)


def largest() -> Observation:
    """As much of everything as there can be, each text as long as it can be and hard to write as JSON."""
    text, label = '"\\\n' * 200, "l" * 195
    skills = [f"{label}{number:05d}" for number in range(3000)]
    recipe = Recipe(
        skills=tuple(
            SkillPlan(
                skill=skill, quota=1, sources=tuple(PromptSource(kind="prompt", template=text * 20) for _ in "123")
            )
            for skill in skills[:300]
        ),
        method=text * 9,
        rationale=text * 9,
        prediction=dict.fromkeys(skills[:300], 0.123456789),
    )
    attempts = tuple(
        past(
            number,
            recipe=recipe,
            is_best=number == 50,
            card="persona-diversity",
            predicted=recipe.prediction,
            actual=recipe.prediction,
            feedback=recipe.prediction,
            funnel=FunnelView(
                made=1, dropped={f"{text}{place}": place for place in range(50)}, short=dict.fromkeys(skills, 1)
            ),
        )
        for number in range(1, 51)
    )
    example = Example(prompt=text, answer=text, skill=label)
    return Observation(
        iteration=50,
        attempt=80,
        operation="repair",
        skills={skill: SkillView(n=9, before=score(1 / 3), best=score(1 / 3), latest=score(1 / 3)) for skill in skills},
        labels=tuple(skills),
        past=attempts,
        failures=(FailedCase(skill=label, prompt=text, reference=text, output=text, value=1 / 3),) * 60,
        generators={f"{skill}g": GeneratorView(skill=skill, levels=tuple(range(1, 11))) for skill in skills},
        size=10**6,
        minimum=10,
        iterations_left=100,
        task=TaskView(
            description=text * 99,
            system=text * 99,
            prompt=text * 99,
            columns=tuple(skills),
            scorer=text * 99,
            examples=(example,) * 12,
        ),
        teacher=TeacherView(
            model="m",
            sources=("procedural", "prompt", "solve", "evolve", "pool"),
            validators=("agreement", "judge", "length"),
            seeds=10**6,
            pool=dict.fromkeys(skills, 10**6),
        ),
        budget=BudgetView(attempts=99, requests=10**9, requests_per_attempt=10**6, tokens=10**12, usd=10**6),
        row_cost=RowCost(made=99, requests=99, tokens=10**6, usd=1),
        best=BestView(
            version="v0123456789ab",
            attempt=50,
            skills=dict.fromkeys(skills, 1),
            distinct2=1 / 3,
            evenness=1 / 3,
            samples=(example,) * 12,
        ),
        since_best=4,
        last_failure=FailureView(kind="too-few-rows", problems=(text,) * 20),
    )
