"""What people put in is listed whole: items and words, who sees it, who wrote it and when."""

from __future__ import annotations

from typing import Any

import pytest

from preceptor.loop.events import DocumentChanged, RunStarted, to_data
from preceptor.recipes.digests import digest
from preceptor.report.history import AUTHOR, Written, documents
from preceptor.report.human import human_input, totals
from preceptor.report.schema import HumanInput, Tally
from preceptor.spec.document import Spec, Specialization
from preceptor.storage.ledger import Record
from preceptor.synthesis.context import Seed, UnitContext
from preceptor.tasks.items import Item
from preceptor.tasks.splits import Split, SplitName
from preceptor.teachers.pool import PoolRow
from support.payments import TEACHER, spec, task

NOON = 1_795_435_200.0


def document(author: str = "", **changes: Any) -> dict[str, Any]:
    """The canonical document around a spec, as the ledger holds it."""
    annotations = {AUTHOR: author} if author else {}
    whole = Specialization.model_validate(
        {
            "apiVersion": "preceptor.dev/v1alpha1",
            "kind": "Specialization",
            "metadata": {"name": "payments", "annotations": annotations},
            "spec": spec(**changes),
        }
    )
    return whole.canonical()


def listed(
    given: Spec | None = None, context: UnitContext | None = None, history: tuple[Written, ...] = ()
) -> dict[str, HumanInput]:
    entries = human_input(given or spec(), splits(), context or UnitContext(), history or (Written(document(), NOON),))
    return {entry.kind if entry.kind != "manual edit" else entry.where: entry for entry in entries}


def splits() -> dict[SplitName, Split]:
    def split(name: SplitName, count: int) -> Split:
        items = tuple(
            Item(f"{name}{n}", {"message": "pay Anna now"}, "Read this: pay Anna now", "Anna", "all", "c")
            for n in range(count)
        )
        return Split(name, items, "digest")

    return {"feedback": split("feedback", 2), "selection": split("selection", 3), "private": split("private", 5)}


def figures(entry: HumanInput) -> tuple[int, int, str]:
    return entry.items, entry.words, entry.reach


def test_the_documents_texts_and_the_labelled_items() -> None:
    found = listed()
    assert figures(found["task description"]) == (1, 2, "engineer")
    assert figures(found["prompt template"]) == (1, 3, "student")
    assert figures(found["labelled items (feedback)"]) == (2, 8, "engineer")
    assert figures(found["labelled items (selection)"]) == (3, 12, "examiner")
    assert figures(found["labelled items (private)"]) == (5, 20, "examiner")
    assert found["task description"].digest == digest(["Read payments."])


def test_a_teacher_by_hand_is_its_wordings_values_and_answers() -> None:
    found = listed()
    forms = [form["input"]["message"] for part in TEACHER["generators"].values() for form in part["forms"]]
    assert figures(found["wordings of generators"]) == (3, sum(len(text.split()) for text in forms), "student")
    # four payees, the range of amounts and its decimals, that of dates, an expression, and one payee of its own
    assert figures(found["values of generators"]) == (8, 4 + 3 + 2 + 8 + 1, "student")
    assert figures(found["answer templates"])[::2] == (1, "student")


def test_few_shot_examples_and_the_system_message_reach_the_student() -> None:
    given = task().model_copy(update={"system": "Be brief and right."})
    shots = ({"prompt": "pay Bo", "answer": "Bo"}, {"prompt": "pay Cy", "answer": "Cy"})
    given = type(given).model_validate({**given.model_dump(by_alias=True), "fewShot": shots})
    found = listed(spec(task=given))
    assert figures(found["system message"]) == (1, 4, "student")
    assert figures(found["few-shot examples"]) == (2, 6, "student")


def test_seeds_and_the_pool_are_counted_by_what_was_read() -> None:
    given = task().model_dump(by_alias=True) | {"seeds": {"uri": "https://me:pass@host/seeds.jsonl?token=t"}}
    context = UnitContext(
        seeds=(Seed({"message": "pay whom", "other": "not read"}), Seed({"message": "pay what and when"})),
        pool={"all": (PoolRow({"message": "pay Dee"}, "Dee", "all"),)},
    )
    pool = {"kind": "pool", "uri": "pool.jsonl", "answer": "{{ a }}"}
    found = listed(spec(task=type(task()).model_validate(given), teacher=pool), context)
    assert figures(found["raw seed questions"]) == (2, 6, "student")
    assert figures(found["rows of the pool"]) == (1, 3, "student")
    assert "pass" not in found["raw seed questions"].where
    assert "token" not in found["raw seed questions"].where


def test_a_fixed_recipe_is_a_plan_its_prompts_and_its_rubrics() -> None:
    sources = [
        {"kind": "prompt", "template": "Write a payment for {{ skill }}."},
        {"kind": "solve", "instruction": "Think first."},
        {"kind": "pool"},
    ]
    plan = {
        "skills": [{"skill": "letter", "quota": 20, "sources": sources}],
        "validators": [{"kind": "judge", "rubric": "Exactly one right answer."}],
        "method": "by hand",
    }
    found = listed(spec(engineer={"kind": "fixed", "recipe": plan}))
    assert figures(found["prompts of the fixed recipe"]) == (2, 9, "teacher")
    assert figures(found["rubrics of the fixed recipe"]) == (1, 4, "teacher")
    # letter, 20, prompt, solve, pool; judge, by, hand
    assert figures(found["fixed recipe"]) == (2, 5 + 3, "engineer")


def test_gates_that_people_changed_are_input() -> None:
    gates = {
        "contamination": {"enabled": False},
        "duplicates": {"threshold": 0.7},
        "custom": [{"name": "polite", "options": {"words": "please"}}],
    }
    given = spec(dataset={"size": 20, "gates": gates})
    found = listed(given)
    off = found["gate switched off"]
    assert (off.where, off.detail) == ("spec.dataset.gates.contamination.enabled", ("true → false",))
    assert found["gate setting"].where == "spec.dataset.gates.duplicates.threshold"
    assert figures(found["gate of another package"]) == (1, 2, "rules")
    assert not {"gate switched off", "gate setting", "gate of another package"} & listed().keys()


def test_authors_and_times_come_from_the_documents_of_the_run() -> None:
    first = document("Ada", budget={"iterations": 2}, approval={"required": ["train", "publish"], "granted": ["train"]})
    second = document(
        "Grace", budget={"iterations": 4}, approval={"required": ["train", "publish"], "granted": ["train", "publish"]}
    )
    entries = human_input(spec(), splits(), UnitContext(), (Written(first, NOON), Written(second, NOON + 60)))
    assert {entry.author for entry in entries if entry.kind == "prompt template"} == {"Ada"}
    train, publish = (entry for entry in entries if entry.kind == "approval")
    assert (train.detail, train.author, train.at) == (("train",), "Ada", "2026-11-23T12:00:00+00:00")
    assert (publish.detail, publish.author, publish.at) == (("publish",), "Grace", "2026-11-23T12:01:00+00:00")
    (edit,) = (entry for entry in entries if entry.kind == "manual edit")
    assert (edit.where, edit.detail, edit.author) == ("spec.budget.iterations", ("2 → 4",), "Grace")
    assert edit.at == "2026-11-23T12:01:00+00:00"
    assert figures(edit) == (1, 1, "rules")


def test_the_history_is_read_from_the_ledger() -> None:
    started = RunStarted(document=document("Ada"), document_digest="d", splits={}, items={}, versions={})
    changed = DocumentChanged(document=document("Grace"), changes=("x",))

    def record(number: int, event: RunStarted | DocumentChanged) -> Record:
        return Record(number, event.type, NOON + number, 1, to_data(event), "", "")

    other = Record(3, "of-a-later-release", NOON, 1, {}, "", "")
    found = documents([record(1, started), record(2, changed), other])
    assert [(one.author, one.at) for one in found] == [("Ada", NOON + 1), ("Grace", NOON + 2)]


@pytest.mark.parametrize("metadata", [{}, {"annotations": None}, {"annotations": {"other": "x"}}])
def test_a_document_without_an_author_has_none(metadata: dict[str, Any]) -> None:
    assert Written({"metadata": metadata}, NOON).author == ""
    assert Written({}, NOON).granted == ()


def test_the_totals_add_up() -> None:
    entries = human_input(spec(), splits(), UnitContext(), (Written(document(), NOON),))
    found = totals(entries)
    assert list(found) == ["all", "student", "engineer", "examiner"]
    assert found["all"] == Tally(items=sum(e.items for e in entries), words=sum(e.words for e in entries))
    assert found["examiner"] == Tally(items=8, words=32)
    assert found["all"].words == sum(found[name].words for name in found if name != "all")
    assert totals([]) == {"all": Tally(items=0, words=0)}
