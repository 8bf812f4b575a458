"""What people put into a run, in items and words: the sceptic's first question (PAPER.md)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from preceptor.recipes.digests import digest
from preceptor.report.history import Written
from preceptor.report.schema import HumanInput, Reach, Tally
from preceptor.spec.actors import FixedEngineer, PoolTeacher, SamplerGenerator, Teacher
from preceptor.spec.changes import Change, changed_fields
from preceptor.spec.document import Spec
from preceptor.spec.gates import Gates
from preceptor.spec.recipe import Recipe
from preceptor.spec.task import Task
from preceptor.spec.values import CategoryValue, Value
from preceptor.storage.failures import safe
from preceptor.synthesis.context import UnitContext, pool_of
from preceptor.tasks.content import Content
from preceptor.tasks.splits import Split, SplitName

GRANTED = "spec.approval.granted"
_SIGNATURE = "metadata.annotations"
_REACH: Mapping[str, Reach] = {"feedback": "engineer", "selection": "examiner", "private": "examiner"}
_PROMPTS, _RUBRICS = ("template", "instruction"), ("rubric",)
"""Keys of a recipe whose texts a model is asked with."""


def human_input(
    spec: Spec, splits: Mapping[SplitName, Split], context: UnitContext, history: Sequence[Written]
) -> tuple[HumanInput, ...]:
    """Every part of the run that people wrote or decided, in the order of the document; edits come last.

    ``history`` are the documents of the run in order, at least one; all but the first are manual edits.
    """
    parts = [
        *_task(spec.task, splits, context),
        *_teacher(spec.teacher, spec.task, context),
        *(_recipe(spec.engineer.recipe) if isinstance(spec.engineer, FixedEngineer) else ()),
        *_gates(spec.dataset.gates),
    ]
    return (*(part.model_copy(update={"author": history[0].author}) for part in parts), *_later(history))


def totals(entries: Iterable[HumanInput]) -> dict[str, Tally]:
    """Items and words in all, then by who gets to see them."""
    counts: dict[str, tuple[int, int]] = {"all": (0, 0)}
    for entry in entries:
        for name in ("all", entry.reach):
            items, words = counts.get(name, (0, 0))
            counts[name] = (items + entry.items, words + entry.words)
    order = ("all", "student", "teacher", "engineer", "examiner", "rules")
    return {name: Tally(items=counts[name][0], words=counts[name][1]) for name in order if name in counts}


def _task(task: Task, splits: Mapping[SplitName, Split], context: UnitContext) -> Iterator[HumanInput]:
    content = Content(task)
    yield _entry("task description", "spec.task.description", [task.description], "engineer")
    yield _entry("prompt template", "spec.task.prompt", [task.prompt], "student")
    if task.system is not None:
        yield _entry("system message", "spec.task.system", [task.system], "student")
    if task.few_shot:
        texts = [f"{example.prompt} {example.answer}" for example in task.few_shot]
        yield _entry("few-shot examples", "spec.task.fewShot", texts, "student")
    for name, split in splits.items():
        texts = [f"{content.of(item.fields, item.prompt)} {item.reference}" for item in split.items]
        yield _entry(f"labelled items ({name})", _uris(task.items.uri), texts, _REACH[name])
    if task.seeds is not None:
        texts = [content.of(seed.fields, " ".join(map(str, seed.fields.values()))) for seed in context.seeds]
        yield _entry("raw seed questions", _uris(task.seeds.uri), texts, "student")


def _teacher(teacher: Teacher, task: Task, context: UnitContext) -> Iterator[HumanInput]:
    if not isinstance(teacher, PoolTeacher):
        samplers = [one for one in teacher.generators.values() if isinstance(one, SamplerGenerator)]
        forms = [form for sampler in samplers for form in sampler.forms]
        values = list(teacher.values.values())
        values += [value for sampler in samplers for value in sampler.values.values()]
        values += [value for form in forms for value in form.values.values()]
        answers = [template for part in (teacher, *samplers) if (template := part.answer) is not None]
        wordings = [text for form in forms for text in form.input.values()]
        other = [one for one in teacher.generators.values() if not isinstance(one, SamplerGenerator)]
        where = "spec.teacher.generators"
        yield from _some("wordings of generators", where, wordings, "student")
        yield from _some(
            "values of generators", "spec.teacher.values", [t for v in values for t in _value(v)], "student"
        )
        yield from _some("answer templates", "spec.teacher.answer", answers, "student")
        settings = [_leaves(one.model_dump(mode="json", exclude={"kind"}, exclude_defaults=True)) for one in other]
        yield from _some("settings of generators", where, [" ".join(each) for each in settings], "teacher")
    pool = pool_of(teacher)
    if pool is not None:
        content = Content(task)
        rows = [row for part in context.pool.values() for row in part]
        texts = [f"{content.of(row.fields, ' '.join(map(str, row.fields.values())))} {row.answer}" for row in rows]
        yield _entry("rows of the pool", _uris(pool.uri), texts, "student")


def _value(value: Value) -> list[str]:
    """What a person wrote into a sampler: every entry of a list is a text of its own."""
    if isinstance(value, CategoryValue):
        return [str(entry) for entry in value.of]
    return [" ".join(_leaves(value.model_dump(mode="json", exclude={"kind"}, exclude_defaults=True)))]


def _recipe(recipe: Recipe) -> Iterator[HumanInput]:
    """A recipe in the document: its plan, and apart from it what models are asked with."""
    plain = recipe.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    words = (*_PROMPTS, *_RUBRICS)
    skills = [" ".join(_leaves(plan, without=words)) for plan in plain.pop("skills")]
    rest = " ".join(_leaves(plain, without=words))
    where = "spec.engineer.recipe"
    yield _entry("fixed recipe", where, [*skills, rest] if rest else skills, "engineer")
    full = recipe.model_dump(mode="json")
    yield from _some("prompts of the fixed recipe", where, list(_under(full, _PROMPTS)), "teacher")
    yield from _some("rubrics of the fixed recipe", where, list(_under(full, _RUBRICS)), "teacher")


def _gates(gates: Gates) -> Iterator[HumanInput]:
    """Gates that people added, switched off or set otherwise than they come."""
    for change in changed_fields(_at_gates(Gates()), _at_gates(gates.model_copy(update={"custom": ()}))):
        off = change.path.endswith(".enabled") and change.new is False
        yield _change("gate switched off" if off else "gate setting", change)
    for place, gate in enumerate(gates.custom):
        where = f"spec.dataset.gates.custom[{place}]"
        yield _entry("gate of another package", where, [" ".join(_leaves(gate.model_dump(mode="json")))], "rules")


def _at_gates(gates: Gates) -> dict[str, Any]:
    return {"spec": {"dataset": {"gates": gates.model_dump(mode="json", by_alias=True)}}}


def _later(history: Sequence[Written]) -> Iterator[HumanInput]:
    """Approvals, with who granted them first, and every manual edit of the document while the run went on."""
    granted: set[str] = set()
    for number, written in enumerate(history):
        for step in written.granted:
            if step not in granted:
                entry = _entry("approval", GRANTED, [step], "rules")
                yield entry.model_copy(update={"author": written.author, "at": written.when, "detail": (step,)})
        granted |= set(written.granted)
        for change in changed_fields(history[number - 1].document, written.document) if number else ():
            if not change.path.startswith((GRANTED, _SIGNATURE)):
                entry = _change("manual edit", change)
                yield entry.model_copy(update={"author": written.author, "at": written.when})


def _change(kind: str, change: Change) -> HumanInput:
    text = " ".join(_leaves(change.new))
    entry = _entry(kind, change.path, [text], "rules")
    return entry.model_copy(update={"detail": (str(change).removeprefix(f"{change.path}: "),)})


def _some(kind: str, where: str, texts: list[str], reach: Reach) -> Iterator[HumanInput]:
    """An entry when there is something to say."""
    if texts:
        yield _entry(kind, where, texts, reach)


def _entry(kind: str, where: str, texts: list[str], reach: Reach) -> HumanInput:
    return HumanInput(
        kind=kind,
        where=where,
        items=len(texts),
        words=sum(len(text.split()) for text in texts),
        digest=digest(texts),
        reach=reach,
    )


def _uris(uri: str | tuple[str, ...]) -> str:
    return ", ".join(safe(one) for one in ((uri,) if isinstance(uri, str) else uri))


def _leaves(value: Any, without: tuple[str, ...] = ()) -> list[str]:
    """Every scalar below a value as text, keys left out."""
    if isinstance(value, Mapping):
        return [leaf for key, each in value.items() if key not in without for leaf in _leaves(each, without)]
    if isinstance(value, list | tuple):
        return [leaf for each in value for leaf in _leaves(each, without)]
    return [] if value is None else [value if isinstance(value, str) else json.dumps(value)]


def _under(value: Any, keys: tuple[str, ...]) -> Iterator[str]:
    """Every text that stands under one of the keys, however deep; empty ones left out."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key in keys and isinstance(each, str):
                yield from (each,) if each else ()
            else:
                yield from _under(each, keys)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _under(each, keys)
