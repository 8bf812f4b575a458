"""Items from records, and the records that are refused."""

from __future__ import annotations

from typing import Any

import pytest

from preceptor.errors import TaskError
from preceptor.tasks.items import build_items, items_of
from support.tasks import small_task

RECORDS = [{"q": "one?", "a": "1", "k": "count", "doc": "D"}, {"q": "two?", "a": "2", "k": "count", "doc": None}]


def test_defaults() -> None:
    first, second = build_items(small_task(), RECORDS, "items.jsonl")
    assert (first.prompt, first.reference, first.skill, first.cluster) == ("one?", "1", "all", first.id)
    assert len(first.id) == 16
    assert first.id != second.id
    assert first.fields == RECORDS[0]
    assert [item.id for item in build_items(small_task(), [dict(reversed(RECORDS[0].items()))], "x")] == [first.id]


def test_mapping() -> None:
    items = {"uri": "x", "answer": "{{ a }}", "id": "i-{{ q }}", "skill": "{{ k }}", "cluster": "{{ doc }}"}
    first, second = build_items(small_task(items=items), RECORDS, "x")
    assert (first.id, first.skill, first.cluster) == ("i-one?", "count", "D")
    assert second.cluster == second.id, "an item without a context is a cluster of its own"
    document = "a long document " * 100
    (long,) = build_items(small_task(items=items), [RECORDS[0] | {"doc": document}], "x")
    assert len(long.cluster) == 16


def test_answers_that_are_data_become_json() -> None:
    items = build_items(
        small_task(scorer={"kind": "json", "fields": {"ok": {}}}), [{"q": "?", "a": {"ok": True, "x": None}}], "x"
    )
    assert items[0].reference == '{"ok": true, "x": null}'


def _records(**change: Any) -> list[dict[str, Any]]:
    return [RECORDS[0], RECORDS[1] | change]


@pytest.mark.parametrize(
    ("changes", "records", "complaint"),
    [
        ({}, [], "f.jsonl: there are no items"),
        ({}, _records(a="  "), "f.jsonl: record 2: `task.items.answer` gives no answer"),
        ({}, _records(a=None), "f.jsonl: record 2: `task.items.answer` gives no answer"),
        ({}, [RECORDS[0], {"q": "x"}], "record 2: task.items.answer: there is no `a`"),
        ({}, [RECORDS[0], {"a": "x"}], "record 2: task.prompt: there is no `q`"),
        ({}, _records(q=" "), "record 2: the question is empty"),
        ({}, [*RECORDS, RECORDS[0]], "records 1 and 3 are the same"),
        (
            {"items": {"uri": "x", "answer": "{{ a }}", "id": "{{ k }}"}},
            RECORDS,
            "records 1 and 2 have the same id `count`",
        ),
        (
            {"items": {"uri": "x", "answer": "{{ a }}", "skill": "{{ doc }}"}},
            RECORDS,
            "record 2: `task.items.skill` is",
        ),
        (
            {"scorer": {"kind": "numeric"}},
            _records(a="many"),
            "record 2: the scorer `numeric` cannot read the answer `many`",
        ),
        ({"scorer": {"kind": "choice"}}, _records(), "record 1: the scorer `choice` cannot read the answer `1`"),
        ({"prompt": "{{ q"}, RECORDS, "task.prompt: unexpected end of template"),
    ],
)
def test_refused(changes: dict[str, Any], records: list[dict[str, Any]], complaint: str) -> None:
    with pytest.raises(TaskError) as caught:
        build_items(small_task(**changes), records, "f.jsonl")
    assert complaint in caught.value.message
    assert caught.value.mend


def test_the_word_null_is_an_answer_where_somebody_wrote_it() -> None:
    assert build_items(small_task(), [{"q": "?", "a": "null"}], "x")[0].reference == "null"


def test_several_files_are_one_examination() -> None:
    first, second = items_of(small_task(), {"a.jsonl": RECORDS[:1], "b.jsonl": RECORDS[1:]})
    assert [first, second] == build_items(small_task(), RECORDS, "both.jsonl"), "ids do not depend on the files"


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"a": RECORDS, "b": []}, "b: there are no items"),
        ({"a": RECORDS, "b": [{"q": "three?"}]}, "b: record 1: task.items.answer: there is no `a`"),
        ({"a": RECORDS, "b": [{"q": "three?", "a": "3"}, RECORDS[1]]}, "a: record 2 and b: record 2 are the same"),
    ],
)
def test_mistakes_in_several_files_name_the_file(files: dict[str, list[dict[str, Any]]], complaint: str) -> None:
    with pytest.raises(TaskError) as caught:
        items_of(small_task(), files)
    assert complaint in caught.value.message


def test_columns_are_made_of_a_record_before_anything_reads_it() -> None:
    items = {"uri": "x", "answer": "{{ a }}", "skill": "{{ long }}", "columns": {"long": "{{ q }} {{ k }}"}}
    task = small_task(items=items, prompt="{{ long | upper }}")
    (item,) = build_items(task, RECORDS[:1], "x")
    assert (item.prompt, item.skill) == ("ONE? COUNT", "one? count")
    assert item.fields == RECORDS[0] | {"long": "one? count"}


def test_columns_do_not_read_each_other() -> None:
    items = {"uri": "x", "answer": "{{ a }}", "columns": {"one": "{{ q }}", "two": "{{ one }}"}}
    with pytest.raises(TaskError, match=r"record 1: task\.items\.columns\.two: there is no `one`"):
        build_items(small_task(items=items), RECORDS, "x")


def test_duplicates_are_left_out_when_the_document_says_so() -> None:
    items = {"uri": "x", "answer": "{{ a }}", "duplicates": "skip"}
    found = items_of(small_task(items=items), {"x": [*RECORDS, RECORDS[0]], "y": RECORDS[1:]})
    assert [item.prompt for item in found] == ["one?", "two?"]


def test_two_records_of_one_id_that_differ_are_no_duplicates() -> None:
    items = {"uri": "x", "answer": "{{ a }}", "id": "{{ k }}", "duplicates": "skip"}
    with pytest.raises(TaskError, match="records 1 and 2 have the same id `count`"):
        build_items(small_task(items=items), RECORDS, "x")
