"""What a prompt says of an observation: as much as helps, and never more than fits.

Every list is bounded in entries and in characters, so the largest run there can be gives a prompt of bounded size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from preceptor.engineers.llm.answer import shown
from preceptor.engineers.llm.cards import Card, stale
from preceptor.engineers.llm.prompts import as_data
from preceptor.engineers.observation import Interval, Observation, PastAttempt, SkillView
from preceptor.spec.recipe import Recipe

MAX_LABELS = 40
"""Skills that are shown, and that a recipe may plan."""
MAX_GENERATORS = 60
"""Generators that are shown, and that a recipe may name."""
MAX_CASES = 32
"""Failed cases that are shown."""
_HISTORY, _HISTORY_SKILLS = 8, 12
_LABEL, _TEXT, _LONG_TEXT = 200, 400, 2_000
_FAILURES, _EXAMPLES, _SAMPLES, _PAST, _RECIPE = 18_000, 4_000, 6_000, 8_000, 10_000
_SKILLS, _GENERATORS, _LIST, _PROBLEMS = 8_000, 6_000, 3_000, 4_000
_POINTS = 3


def labels(observation: Observation) -> tuple[str, ...]:
    """The skills that a recipe may plan: those with the most wrong feedback items first, when there are too many."""
    if len(observation.labels) <= MAX_LABELS:
        return observation.labels
    worst = sorted(observation.labels, key=lambda label: wrong(observation, label), reverse=True)
    return tuple(sorted(worst[:MAX_LABELS]))


def wrong(observation: Observation, label: str) -> float:
    """Feedback items of a skill that the best student gets wrong, as far as they are shown."""
    view = observation.skills.get(label)
    return view.n * (1 - (view.best or view.before).mean) if view else 0.0


def generators(observation: Observation) -> tuple[str, ...]:
    """Generators of those skills."""
    plannable = set(labels(observation))
    names = (name for name, generator in sorted(observation.generators.items()) if generator.skill in plannable)
    return tuple(names)[:MAX_GENERATORS]


def briefing(observation: Observation, cards: Sequence[Card], *, may_stop: bool) -> dict[str, Any]:
    """The fields of the prompt ``proposal``, as plain data."""
    plannable, best, pool = labels(observation), observation.best, observation.teacher.pool
    task = observation.task.model_dump(mode="json") if observation.task else _NO_TASK
    facts = {name: observation.generators[name] for name in generators(observation)}
    recipe, title = _recipe(observation)
    return {
        "operation": observation.operation,
        "task": {
            **{key: clipped(task[key], _LONG_TEXT) for key in ("description", "system", "prompt", "scorer")},
            "columns": within(clipped(task["columns"], _LABEL), _LIST),
            "examples": within([clipped(_filled(example), _TEXT) for example in task["examples"]], _EXAMPLES),
        },
        "labels": [clipped(label, _LABEL) for label in plannable],
        "skills": within(
            [_skill(name, observation.skills[name]) for name in plannable if name in observation.skills], _SKILLS
        ),
        "hidden_skills": len(observation.labels) - len(plannable),
        "generators": _first(
            {
                name: {"skill": clipped(fact.skill, _LABEL), "levels": list(fact.levels[:20])}
                for name, fact in facts.items()
            },
            _GENERATORS,
        ),
        "pool": clipped({name: pool[name] for name in plannable if name in pool}, _LABEL),
        "failures": within(
            [
                {
                    "skill": clipped(case.skill, _LABEL),
                    "question": clipped(case.prompt, _TEXT),
                    "right answer": clipped(case.reference, _TEXT),
                    "student wrote": clipped(case.output, _TEXT),
                    "score": round(case.value, _POINTS),
                }
                for case in observation.failures[:MAX_CASES]
            ],
            _FAILURES,
        ),
        "history": within([_attempt(past) for past in observation.past[-_HISTORY:]][::-1], _PAST)[::-1],
        "best": {
            "version": best.version,
            "attempt": best.attempt,
            "skills": _first(best.skills, _LIST),
            "distinct2": best.distinct2,
            "evenness": best.evenness,
            "samples": within([clipped(_filled(row.model_dump()), _TEXT) for row in best.samples], _SAMPLES),
        }
        if best
        else None,
        "examined": any(past.examined for past in observation.past),
        "recipe": recipe,
        "recipe_title": title,
        "budget": list(_left(observation)),
        "since_best": observation.since_best,
        "cards": [
            {"id": card.id, "method": card.method, "cost": card.cost, "text": card.text, "title": card.title}
            for card in cards
        ],
        "must_use_card": stale(observation) and bool(cards),
        "failure": {
            "has_recipe": observation.last_failure.has_recipe if observation.last_failure else False,
            "problems": problem_lines(observation.last_failure.problems if observation.last_failure else ()),
        },
        "may_stop": may_stop,
    }


def problem_lines(problems: Iterable[str]) -> list[str]:
    """Problems as a prompt quotes them."""
    return within([clipped(problem, _TEXT) for problem in problems], _PROBLEMS)


def clipped(value: Any, characters: int, entries: int = 100) -> Any:
    """The same data with every text and every list cut to a length."""
    if isinstance(value, str):
        return value if len(value) <= characters else f"{value[:characters]} …"
    if isinstance(value, Mapping):
        pairs = list(value.items())[:entries]
        return {clipped(key, characters): clipped(part, characters, entries) for key, part in pairs}
    if isinstance(value, list | tuple):
        return [clipped(part, characters, entries) for part in value[:entries]]
    return value


def within(values: Sequence[Any], characters: int) -> list[Any]:
    """The first values whose lines fit together into so many characters."""
    kept = []
    for value in values:
        characters -= len(as_data(value)) + 1
        if characters < 0:
            break
        kept.append(value)
    return kept


def _first(pairs: Mapping[str, Any], characters: int) -> dict[str, Any]:
    """The first pairs that fit together into so many characters."""
    kept = within([[clipped(key, _LABEL), value] for key, value in pairs.items()], characters)
    return dict(kept)


_NO_TASK: dict[str, Any] = {
    "description": "",
    "system": None,
    "prompt": "",
    "columns": [],
    "scorer": "",
    "examples": [],
}


def _filled(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if value != ""}


def _skill(name: str, view: SkillView) -> dict[str, Any]:
    scores = {"before": view.before, "best": view.best, "latest": view.latest}
    known = {who: _interval(score) for who, score in scores.items() if score is not None}
    return {"skill": clipped(name, _LABEL), "n": view.n, **known}


def _interval(score: Interval) -> list[float]:
    return [round(value, _POINTS) for value in (score.mean, score.low, score.high)]


def _attempt(past: PastAttempt) -> dict[str, Any]:
    """One line of the history."""
    funnel, predicted = past.funnel, _strongest(past.predicted)
    outcome: dict[str, Any] = {"rows": past.rows, "made": funnel.made, "carried": funnel.carried}
    if past.examined:
        outcome["best"] = past.is_best
        outcome["actual"] = {skill: round(past.actual[skill], _POINTS) for skill in predicted if skill in past.actual}
    else:
        outcome["valid"] = past.valid
    line = {
        "attempt": past.number,
        "operation": past.operation,
        "card": past.card,
        "method": past.recipe.method,
        "rationale": past.recipe.rationale,
        **outcome,
        "predicted": {skill: round(change, _POINTS) for skill, change in predicted.items()},
        "dropped": dict(list(funnel.dropped.items())[:20]),
        "short": funnel.short,
    }
    return {key: clipped(part, _LABEL, _HISTORY_SKILLS) for key, part in line.items() if part not in (None, "", {})}


def _strongest(predicted: Mapping[str, float]) -> dict[str, float]:
    largest = sorted(predicted.items(), key=lambda pair: -abs(pair[1]))[:_HISTORY_SKILLS]
    return dict(sorted(largest))


def _recipe(observation: Observation) -> tuple[str, str]:
    """The recipe to start from, as a line of data, and what it is."""
    past, operation = observation.past, observation.operation
    if operation in ("repair", "debug") and observation.last_failure and observation.last_failure.has_recipe and past:
        return _recipe_line(past[-1].recipe), "Your last recipe"
    best = next((attempt for attempt in reversed(past) if attempt.is_best), None)
    if operation != "draft" and best is not None:
        return _recipe_line(best.recipe), "The recipe of the best version"
    return "", ""


def _recipe_line(recipe: Recipe) -> str:
    data = shown(recipe)
    for characters, entries in ((_LONG_TEXT, 200), (1_000, 60), (_TEXT, 30), (_LABEL, 20), (80, 8)):
        line = as_data(clipped(data, characters, entries))
        if len(line) <= _RECIPE:
            return line
    return as_data({"skills": [[plan.skill[:80], plan.quota] for plan in recipe.skills[:MAX_LABELS]]})


def _left(observation: Observation) -> Iterator[str]:
    """Budgets and costs in words, each a line."""
    budget, cost = observation.budget, observation.row_cost
    yield f"- {observation.iterations_left} iterations, this one included"
    limits = (
        (budget.attempts, "attempts, valid or not, this one included"),
        (observation.rows_left, "rows that the teacher may make, dropped ones included"),
        (budget.requests, "requests to the teacher in all"),
        (budget.requests_per_attempt, "requests to the teacher for this attempt at most"),
        (budget.tokens, "tokens"),
    )
    yield from (f"- {count} {words}" for count, words in limits if count is not None)
    if budget.usd is not None:
        yield f"- ${budget.usd:.2f}"
    if cost is not None:
        yield (
            f"- So far an accepted row has cost {cost.made:.1f} rows made, {cost.requests:.1f} requests, "
            f"{cost.tokens:.0f} tokens and ${cost.usd:.4f}"
        )
