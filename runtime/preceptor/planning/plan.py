"""The plan: what a run does at most, what it costs, what it writes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from preceptor.loop.budget import share
from preceptor.loop.decide import tries
from preceptor.loop.inspection import usual_embedding
from preceptor.loop.safeguards import protected
from preceptor.loop.state import RunState
from preceptor.loop.verdicts import NEAREST
from preceptor.planning.comparisons import Comparison, comparisons, left_out, together
from preceptor.planning.estimate import Estimate, Workload, estimate, parameters, tokens, training_tokens
from preceptor.planning.inputs import Inputs, read_inputs
from preceptor.recipes.amount import Amount, Limit
from preceptor.recipes.catalogue import GeneratorFacts, catalogue
from preceptor.spec.actors import FixedEngineer, LLMEngineer, OpenAITeacher
from preceptor.spec.document import Spec
from preceptor.spec.load import Document
from preceptor.synthesis.costs import TYPICAL_ANSWER
from preceptor.synthesis.costs import estimate as estimate_recipe
from preceptor.tasks.prompts import conversation, render_prompt
from preceptor.teachers.build import build_teacher

SAMPLED_ROWS = 8
"""Rows made of every generator to see how long rows are."""


@dataclass(frozen=True)
class Plan:
    """What a run would do, at most."""

    name: str
    """The run."""
    description: str
    """The task, in the document's words."""
    splits: Mapping[str, Mapping[str, int]]
    """Items by split and skill."""
    generators: Mapping[str, GeneratorFacts]
    """What the teacher can make."""
    iterations: int
    """Versions trained on and examined."""
    attempts: int
    """Recipes carried out, valid or not."""
    rows_made: int | None
    """Rows the teacher may make for the search in all; ``None`` without a limit."""
    work: Workload
    """Trainings, examinations, rows, prompts and tokens."""
    training_tokens: int
    """Tokens that one training learns from."""
    student: str
    """The student and its size, in words."""
    time: Estimate | None
    """Time on this machine; ``None`` where nothing was measured, as on GPUs."""
    wall_clock: float | None
    """Seconds the document allows; ``None`` without a limit."""
    asked: Amount | None
    """What asking models uses up as a rule; ``None`` when it depends on recipes that are not written yet."""
    limit: Limit
    """What the search may use up: the budget, or its share beside comparisons that search too."""
    writes: Mapping[str, str]
    """Where what is written, by URI."""
    comparisons: tuple[Comparison, ...]
    """What the outcome is compared with; their trainings and examinations are part of ``work``."""
    notes: tuple[str, ...]
    """What is allowed and probably not meant."""


def plan(document: Document, *, storage: str | None = None) -> Plan:
    """Check a document's inputs and count what its run would do.

    ``storage`` is used instead of the document's. Nothing is written, loaded or downloaded. Raises as
    :func:`preceptor.planning.check_inputs` does.
    """
    spec = document.spec.spec
    inputs = read_inputs(document, storage=storage)
    others = {other.document: len(other.paper.items) for other in inputs.others}
    compared = comparisons(spec, inputs.splits, others, inputs.context, _iterations(spec))
    work = _workload(spec, inputs, together(compared))
    weights = _parameters(spec, inputs)
    time = None
    if weights is not None and spec.student.training.gpus_per_worker == 0:
        time = estimate(work, spec.student, parameters=weights, cores=len(os.sched_getaffinity(0)))
    return Plan(
        name=document.spec.name,
        description=spec.task.description,
        splits={name: Counter(item.skill for item in split.items) for name, split in inputs.splits.items()},
        generators=catalogue(spec.teacher),
        iterations=_iterations(spec),
        attempts=tries(spec),
        rows_made=share(spec, RunState()).rows,
        work=work,
        training_tokens=training_tokens(work, spec.student.training),
        student=_student(spec, weights),
        time=time,
        wall_clock=spec.budget.wall_clock,
        asked=_asked(spec, inputs),
        limit=share(spec, RunState()),
        writes=_writes(inputs),
        comparisons=compared,
        notes=(*inputs.notes, *_notes(spec, work, time), *left_out(spec, inputs.context)),
    )


def _iterations(spec: Spec) -> int:
    one_recipe = isinstance(spec.engineer, FixedEngineer) or spec.engineer.strategy == "oneShot"
    return 1 if one_recipe else min(spec.budget.iterations, tries(spec))


def _asked(spec: Spec, inputs: Inputs) -> Amount | None:
    if isinstance(spec.engineer, LLMEngineer):
        return None
    asked = _asked_for_rows(spec, inputs)
    if spec.dataset.gates.contamination.neighbours is None:
        return asked
    rows = spec.engineer.recipe.rows if isinstance(spec.engineer, FixedEngineer) else spec.dataset.size
    papers = [other.paper for other in inputs.others]
    questions = [one.text for one in protected(spec, inputs.splits, inputs.context.seeds, papers)]
    return asked + usual_embedding(spec, questions, rows * _iterations(spec))


def _asked_for_rows(spec: Spec, inputs: Inputs) -> Amount:
    if not isinstance(spec.teacher, OpenAITeacher):
        return Amount()
    # The heuristic engineer plans with generators alone, and they ask nobody.
    recipe = spec.engineer.recipe if isinstance(spec.engineer, FixedEngineer) else None
    return estimate_recipe(recipe, spec, {}, inputs.context).expected if recipe else Amount()


def _workload(spec: Spec, inputs: Inputs, compared: Comparison) -> Workload:
    iterations, finalists = _iterations(spec), spec.evaluation.seeds
    sizes = {name: len(split.items) for name, split in inputs.splits.items()}
    seen = sizes["feedback"] + sizes["selection"]
    prompt_tokens, answer_tokens = _lengths(spec, inputs)
    rows = spec.engineer.recipe.rows if isinstance(spec.engineer, FixedEngineer) else spec.dataset.size
    return Workload(
        trainings=iterations + finalists + compared.trainings,
        rows=rows,
        row_tokens=prompt_tokens + answer_tokens,
        examinations=1 + iterations + 1 + finalists + compared.examinations,
        answers=(1 + iterations) * seen + (1 + finalists) * sizes["private"] + compared.answers,
        untrained_answers=seen + sizes["private"] + compared.untrained_answers,
        prompt_tokens=prompt_tokens,
        answer_tokens=answer_tokens,
    )


def _lengths(spec: Spec, inputs: Inputs) -> tuple[int, int]:
    """Return the mean tokens of a prompt and of an answer, over a few rows of every generator.

    Without generators, prompts are taken to be as long as the items', and answers as a model's usually are.
    """
    teacher = build_teacher(spec.teacher)
    drafts = [draft for name in teacher.skills() for draft in teacher.make(name, levels={}, count=SAMPLED_ROWS, seed=0)]
    if not drafts:
        asked = [item.prompt for item in inputs.splits["feedback"].items]
        asked_tokens = round(tokens(asked) / len(asked))
        longest = spec.teacher.sampling.max_tokens if isinstance(spec.teacher, OpenAITeacher) else TYPICAL_ANSWER
        return asked_tokens, max(0, min(TYPICAL_ANSWER, longest, spec.student.training.max_tokens - asked_tokens))
    prompts = [conversation(spec.task, render_prompt(spec.task, draft.fields)) for draft in drafts]
    prompt = sum(tokens([turn["content"] for turn in turns]) for turns in prompts) / len(drafts)
    answer = sum(tokens([draft.answer]) for draft in drafts) / len(drafts)
    return round(prompt), round(answer)


def _parameters(spec: Spec, inputs: Inputs) -> int | None:
    size = inputs.student.size
    return parameters(size, gguf=spec.student.model.endswith(".gguf")) if size else None


def _student(spec: Spec, weights: int | None) -> str:
    size = "" if weights is None else f", about {weights / 1e6:,.0f} million parameters"
    return f"{spec.student.model}{size}"


def _writes(inputs: Inputs) -> dict[str, str]:
    what = {
        "ledger": "what happened, one object per event",
        "datasets": "every version, with its card and the receipt of each row",
        "checkpoints": "every trained student",
        "evaluations": "every answer and its score",
        "report": "the outcome, as page and as JSON",
    }
    return {inputs.storage.uri(path): words for path, words in what.items()}


def _notes(spec: Spec, work: Workload, time: Estimate | None) -> list[str]:
    notes = []
    longest = spec.student.training.max_tokens
    if work.row_tokens > longest:
        notes.append(f"rows of about {work.row_tokens} tokens are longer than `maxTokens` ({longest}) and left out")
    limit = spec.budget.wall_clock
    if time is not None and limit is not None and time.total > limit:
        notes.append("the estimated time is longer than `wallClock`; the search will end early")
    priced = [actor.price for actor in (spec.teacher, spec.engineer) if isinstance(actor, OpenAITeacher | LLMEngineer)]
    if (neighbours := spec.dataset.gates.contamination.neighbours) is not None:
        priced += [neighbours.price, neighbours.checker.price]
        notes.append(
            f"rows near the examination are shown to {neighbours.checker.model}, each up to {NEAREST} times; how many "
            "are near is not known before, so that what this costs is not in the estimate"
        )
    costs = any(price.input or price.output for price in priced)
    if costs and spec.budget.usd is None:
        notes.append("models cost money and `budget.usd` sets no limit")
    if spec.budget.usd is not None and not costs:
        notes.append("`budget.usd` limits nothing: no `price` is declared")
    return notes
