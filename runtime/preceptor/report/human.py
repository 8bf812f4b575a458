"""What people put into a run, in items and words: the sceptic's first question (PAPER.md)."""

from __future__ import annotations

from collections.abc import Mapping

from preceptor.recipes.digests import digest
from preceptor.report.schema import HumanInput
from preceptor.spec.actors import FixedEngineer, ProceduralTeacher, SamplerGenerator
from preceptor.spec.document import Spec
from preceptor.synthesis.context import UnitContext, pool_of
from preceptor.tasks.splits import Split, SplitName


def human_input(spec: Spec, splits: Mapping[SplitName, Split], context: UnitContext) -> tuple[HumanInput, ...]:
    """Every part of the run that people wrote: the document's texts, the labelled items, seeds, pool, generators."""
    task = spec.task
    found = [
        _entry("task description", "spec.task.description", [task.description]),
        _entry("prompt template", "spec.task.prompt", [task.prompt]),
    ]
    if task.system is not None:
        found.append(_entry("system message", "spec.task.system", [task.system]))
    if task.few_shot:
        texts = [f"{example.prompt} {example.answer}" for example in task.few_shot]
        found.append(_entry("few-shot examples", "spec.task.fewShot", texts))
    uris = (task.items.uri,) if isinstance(task.items.uri, str) else task.items.uri
    for name, split in splits.items():
        texts = [f"{item.prompt} {item.reference}" for item in split.items]
        found.append(_entry(f"labelled items ({name})", ", ".join(uris), texts))
    if isinstance(spec.teacher, ProceduralTeacher):
        forms = [
            text
            for generator in spec.teacher.generators.values()
            if isinstance(generator, SamplerGenerator)
            for form in generator.forms
            for text in form.input.values()
        ]
        if forms:
            found.append(_entry("wordings of generators", "spec.teacher.generators", forms))
    if spec.task.seeds is not None:
        texts = [" ".join(map(str, seed.fields.values())) for seed in context.seeds]
        found.append(_entry("raw seed questions", str(spec.task.seeds.uri), texts))
    pool = pool_of(spec.teacher)
    if pool is not None:
        rows = [row for part in context.pool.values() for row in part]
        texts = [f"{' '.join(map(str, row.fields.values()))} {row.answer}" for row in rows]
        found.append(_entry("rows of the pool", str(pool.uri), texts))
    if isinstance(spec.engineer, FixedEngineer):
        found.append(_entry("fixed recipe", "spec.engineer.recipe", [spec.engineer.recipe.model_dump_json()]))
    return tuple(found)


def _entry(kind: str, where: str, texts: list[str]) -> HumanInput:
    return HumanInput(
        kind=kind,
        where=where,
        items=len(texts),
        words=sum(len(text.split()) for text in texts),
        digest=digest(texts),
    )
