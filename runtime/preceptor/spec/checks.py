"""What no single section can tell: sections that contradict one another. Pure; needs nothing but the document."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic.alias_generators import to_camel

from preceptor.errors import Problem
from preceptor.spec.actors import (
    FixedEngineer,
    Generator,
    HeuristicEngineer,
    LLMEngineer,
    OpenAITeacher,
    PoolTeacher,
    ProceduralTeacher,
    SamplerGenerator,
    Teacher,
)
from preceptor.spec.document import Spec, Specialization
from preceptor.spec.explain import closest, listing
from preceptor.spec.misfits import misfits, source_path
from preceptor.spec.recipe import ProceduralSource, Recipe, SkillPlan
from preceptor.spec.source import join

_GENERATORS = "spec.teacher.generators"
_RECIPE = "spec.engineer.recipe"
_SKILLS = f"{_RECIPE}.skills"
_CONTROLS = "spec.evaluation.controls"


def contradictions(document: Specialization) -> list[Problem]:
    """Return a problem, still without its line, for every pair of sections of ``document`` that do not fit."""
    spec = document.spec
    return [*_wordings(spec), *_shares(spec), *_recipe(spec), *_budget(spec), *_plannable(spec), *_controls(spec)]


def skill_of(name: str, generator: Generator) -> str:
    """Return the skill of the rows that the generator called ``name`` makes."""
    return generator.skill or name


def levels_of(generator: Generator) -> tuple[int, ...]:
    """Return the difficulty levels a generator offers, in order."""
    if isinstance(generator, SamplerGenerator):
        return tuple(sorted({form.difficulty for form in generator.forms}))
    return tuple(range(1, max(1, len(generator.levels)) + 1))


def _wordings(spec: Spec) -> Iterator[Problem]:
    """Check that forms leave out only values that exist."""
    if isinstance(spec.teacher, PoolTeacher):
        return
    for name, generator in spec.teacher.generators.items():
        if not isinstance(generator, SamplerGenerator):
            continue
        for position, form in enumerate(generator.forms):
            values = {**spec.teacher.values, **generator.values, **form.values}
            for place, left_out in enumerate(form.without):
                if left_out not in values:
                    path = join(f"{join(join(_GENERATORS, name) + '.forms', position)}.without", place)
                    yield _unknown(path, "value", left_out, list(values))


def _shares(spec: Spec) -> Iterator[Problem]:
    """Check that the heuristic engineer's cap leaves room for a full version."""
    if not isinstance(spec.teacher, ProceduralTeacher) or not isinstance(spec.engineer, HeuristicEngineer):
        return
    skills = {skill_of(name, generator) for name, generator in spec.teacher.generators.items()}
    written = "cap" in spec.engineer.model_fields_set
    if written and spec.engineer.cap * len(skills) < 1 - 1e-9:
        share, count = spec.engineer.cap, len(skills)
        message = f"{count} skill{'s' if count > 1 else ''} of at most {share:g} of a version each cannot fill it"
        mend = f"raise `cap` to {1 / count:.3g} or more, or remove it"
        yield Problem("spec.engineer.cap", None, message, mend)
    most = spec.dataset.gates.balance.max_share
    if most is not None and spec.engineer.cap > most + 1e-9:
        message = f"the engineer may give one skill {spec.engineer.cap:g} of a version, the gates allow {most:g}"
        mend = f"write `cap: {most:g}` in the engineer, or raise `dataset.gates.balance.maxShare`"
        yield Problem("spec.dataset.gates.balance.maxShare", None, message, mend)


def _recipe(spec: Spec) -> Iterator[Problem]:
    """Check a recipe in the document against the teacher and the dataset's size."""
    if not isinstance(spec.engineer, FixedEngineer):
        return
    recipe, dataset = spec.engineer.recipe, spec.dataset
    for position, plan in enumerate(recipe.skills):
        for place, source in enumerate(plan.sources):
            if isinstance(source, ProceduralSource):
                yield from _source(spec.teacher, plan, source, f"{_RECIPE}.{source_path(position, place)}")
    for misfit in misfits(recipe, spec):
        yield Problem(f"{_RECIPE}.{misfit.path}", None, misfit.message, misfit.mend)
    if recipe.rows > dataset.size:
        mend = "lower the quotas or raise `dataset.size`"
        yield Problem(_SKILLS, None, f"the quotas sum to {recipe.rows}, above `dataset.size` ({dataset.size})", mend)
    if recipe.rows < dataset.minimum:
        message = f"the quotas sum to {recipe.rows}, below `dataset.minimum` ({dataset.minimum})"
        yield Problem(_SKILLS, None, message, "raise the quotas or lower `dataset.minimum`")
    yield from _carry_over(recipe)


def _source(teacher: Teacher, plan: SkillPlan, source: ProceduralSource, path: str) -> Iterator[Problem]:
    generators = {} if isinstance(teacher, PoolTeacher) else teacher.generators
    generator = generators.get(source.generator)
    if generator is None:
        yield _unknown(f"{path}.generator", "generator", source.generator, list(generators))
        return
    skill = skill_of(source.generator, generator)
    if skill != plan.skill:
        message = f"generator `{source.generator}` makes rows of skill `{skill}`, not of `{plan.skill}`"
        yield Problem(f"{path}.generator", None, message, f"give the generator `skill: {plan.skill}`, or take another")
    levels = levels_of(generator)
    for level in sorted(set(source.difficulty) - set(levels)):
        message = f"generator `{source.generator}` has no level {level}"
        mend = f"write levels out of {', '.join(map(str, levels))}"
        yield Problem(join(f"{path}.difficulty", str(level)), None, message, mend)


def _carry_over(recipe: Recipe) -> Iterator[Problem]:
    """Refuse carried rows: a version's name is the digest of rows that do not exist when the document is written."""
    if recipe.carry_over is not None:
        path = "spec.engineer.recipe.carryOver"
        yield Problem(path, None, "a fixed recipe has no earlier version to take rows from", "remove `carryOver`")


def _budget(spec: Spec) -> Iterator[Problem]:
    rows, minimum = spec.budget.rows, spec.dataset.minimum
    if rows is not None and rows < minimum:
        message = f"{rows} rows are too few for one iteration: a valid version has at least {minimum}"
        yield Problem(
            "spec.budget.rows", None, message, f"raise `rows` to {minimum} or more, or lower `dataset.minimum`"
        )
    asks_teacher = isinstance(spec.teacher, OpenAITeacher)
    compares = spec.dataset.gates.contamination.neighbours is not None
    asks_anyone = asks_teacher or isinstance(spec.engineer, LLMEngineer) or compares
    limits = {
        "teacher_requests": asks_teacher,
        "teacher_requests_per_attempt": asks_teacher,
        "tokens": asks_anyone,
        "usd": asks_anyone,
    }
    for name, counts in limits.items():
        if getattr(spec.budget, name) is not None and not counts:
            key = to_camel(name)
            message = f"`{key}` limits nothing: a {spec.teacher.kind} teacher asks no model"
            yield Problem(f"spec.budget.{key}", None, message, f"remove `{key}`; `rows` limits what it makes")


def _plannable(spec: Spec) -> Iterator[Problem]:
    """Check that the heuristic engineer has something to plan with."""
    if isinstance(spec.engineer, HeuristicEngineer) and not getattr(spec.teacher, "generators", None):
        message = "the heuristic engineer plans rows of generators, and the teacher declares none"
        mend = "declare `teacher.generators`, or write `engineer: {kind: llm, …}` or `kind: fixed` with a recipe"
        yield Problem("spec.engineer.kind", None, message, mend)


def _controls(spec: Spec) -> Iterator[Problem]:
    """Check that every comparison that is a run of its own can be one, and another than the run itself."""
    asked, engineer, teacher = spec.evaluation.controls, spec.engineer, spec.teacher
    if asked.one_shot and (isinstance(engineer, FixedEngineer) or engineer.strategy == "oneShot"):
        has = "a fixed engineer makes" if isinstance(engineer, FixedEngineer) else "`strategy: oneShot` makes"
        yield _same_run("oneShot", f"{has} one version without feedback already, so this would be the same run")
    if asked.heuristic and isinstance(engineer, HeuristicEngineer):
        yield _same_run("heuristic", "the engineer is the `heuristic` one already, so this would be the same run")
    elif asked.heuristic and not getattr(teacher, "generators", None):
        message = "the heuristic engineer plans rows of generators, and the teacher declares none"
        yield Problem(f"{_CONTROLS}.heuristic", None, message, "declare `teacher.generators`, or remove `heuristic`")
    if asked.distillation and not isinstance(teacher, OpenAITeacher):
        message = f"a teacher of kind `{teacher.kind}` has no model that could solve the task's seeds"
        mend = "remove `distillation`, or write a teacher of kind `openai`"
        yield Problem(f"{_CONTROLS}.distillation", None, message, mend)
    elif asked.distillation and spec.task.seeds is None:
        message = "the teacher would solve the task's raw seed questions, and the task has none"
        yield Problem(f"{_CONTROLS}.distillation", None, message, "write `task.seeds`, or remove `distillation`")


def _same_run(control: str, message: str) -> Problem:
    return Problem(f"{_CONTROLS}.{control}", None, message, f"remove `{control}`")


def _unknown(path: str, what: str, name: str, known: list[str]) -> Problem:
    guess = closest(name, known)
    suggestion = f"did you mean `{guess}`? " if guess else ""
    there = f"known here: {listing(known, last='and')}" if known else f"declare a {what} of that name"
    return Problem(path, None, f"there is no {what} `{name}`", f"{suggestion}{there}")
