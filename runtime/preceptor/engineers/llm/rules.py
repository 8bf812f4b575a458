"""What an engineer's recipe must keep to beyond its types. Enforced here, whatever a prompt says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from preceptor.engineers.llm.cards import Card, stale
from preceptor.engineers.llm.schema import HOTTEST
from preceptor.engineers.observation import Observation
from preceptor.recipes.digests import recipe_digest
from preceptor.spec.document import Spec
from preceptor.spec.recipe import JudgeValidator, Recipe, Source, Validator
from preceptor.teachers.checking import problems

Check = Callable[[Recipe, Observation], Iterable[str]]
"""Why a recipe cannot be carried out, path and reason; nothing when it can."""


def document_check(spec: Spec) -> Check:
    """Whether a recipe fits the document, its teacher and what is left of its budget of rows."""

    def check(recipe: Recipe, observation: Observation) -> Iterable[str]:
        carried = observation.best.skills if recipe.carry_over and observation.best else None
        return problems(recipe, spec, carried, rows_left=observation.rows_left)

    return check


def broken_rules(
    recipe: Recipe, card: str | None, labels: Sequence[str], cards: Sequence[Card], observation: Observation
) -> Iterator[str]:
    """Every rule that a recipe breaks, path and reason."""
    yield from _skills(recipe, labels)
    yield from _kinds(recipe, observation)
    yield from _prediction(recipe)
    yield from _card(recipe, card, cards, observation)
    digest = recipe_digest(recipe)
    same = next((past.number for past in observation.past if recipe_digest(past.recipe) == digest), None)
    if same is not None:
        yield f"skills: this is the recipe of attempt {same}, which was carried out already; change something"


def _skills(recipe: Recipe, labels: Sequence[str]) -> Iterator[str]:
    for place, plan in enumerate(recipe.skills):
        if plan.skill not in labels:
            yield f"skills[{place}].skill: there is no skill `{plan.skill}`; there are {_listed(labels)}"


def _kinds(recipe: Recipe, observation: Observation) -> Iterator[str]:
    teacher = observation.teacher
    for place, plan in enumerate(recipe.skills):
        for position, source in enumerate(plan.sources):
            if source.kind not in teacher.sources:
                path = f"skills[{place}].sources[{position}].kind"
                yield f"{path}: `{source.kind}` is not possible now; possible are {_listed(teacher.sources)}"
            yield from _temperature(source, f"skills[{place}].sources[{position}]")
    for place, validator in enumerate(recipe.validators):
        if validator.kind not in teacher.validators:
            possible = _listed(teacher.validators)
            yield f"validators[{place}].kind: `{validator.kind}` is not possible; possible are {possible}"
        if isinstance(validator, JudgeValidator) and validator.model not in (None, teacher.model):
            yield f"validators[{place}].model: the judge is the teacher's own model; leave it out"
        yield from _temperature(validator, f"validators[{place}]")


def _temperature(part: Source | Validator, path: str) -> Iterator[str]:
    temperature = getattr(part, "temperature", None)
    if temperature is not None and temperature > HOTTEST:
        yield f"{path}.temperature: endpoints accept {HOTTEST:g} at most"


def _prediction(recipe: Recipe) -> Iterator[str]:
    planned = [plan.skill for plan in recipe.skills]
    if missing := [skill for skill in planned if skill not in recipe.prediction]:
        yield f"prediction: say which change of accuracy you expect for {_listed(missing)}"
    for skill, change in recipe.prediction.items():
        if not -1 <= change <= 1:
            yield f"prediction.{skill}: {change:g} is no difference of shares; ten points are 0.1"
        if skill not in planned:
            yield f"prediction.{skill}: the recipe plans no rows of this skill"


def _card(recipe: Recipe, card: str | None, cards: Sequence[Card], observation: Observation) -> Iterator[str]:
    offered = [each.id for each in cards]
    if card is None:
        if offered and stale(observation):
            yield f"card: name one of {_listed(offered)}; the last {observation.since_best} iterations gave no new best"
        return
    chosen = next((each for each in cards if each.id == card), None)
    if chosen is not None:
        yield from chosen.missing(recipe)
    elif stale(observation) and card in observation.cards_used:
        yield f"card: `{card}` was used already; name one of {_listed(offered)}"
    else:
        yield f"card: there is no card `{card}` to use now; there are {_listed(offered)}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:20])
    return f"{shown or 'none'}{', …' if len(names) > 20 else ''}"
