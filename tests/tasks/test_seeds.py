"""Raw questions: what the prompt reads of a record, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from preceptor.errors import TaskError
from preceptor.tasks.seeds import read_seeds
from support.tasks import small_task

ITEMS = {"uri": "x", "answer": "{{ a }}", "skill": "{{ k }}"}


def test_only_what_the_prompt_and_the_skill_read() -> None:
    task = small_task(prompt="{{ q }} {{ hint | default('') }}", items=ITEMS)
    records = [{"q": "one?", "a": "1", "k": "count", "solution": "1 is one"}, {"q": "two?", "hint": "2", "a": "2"}]
    assert read_seeds(task, {"s.jsonl": records}) == [{"q": "one?", "k": "count"}, {"q": "two?", "hint": "2"}]


def test_a_question_counts_once_over_all_files() -> None:
    files = {"a": [{"q": "one?", "a": "1"}, {"q": "two?"}], "b": [{"q": " one? "}, {"q": "three?"}]}
    assert read_seeds(small_task(), files) == [{"q": "one?"}, {"q": "two?"}, {"q": "three?"}]


@pytest.mark.parametrize(
    ("files", "complaint", "mend"),
    [
        (
            {"a": [{"q": "1"}], "b": [{"q": "2"}, {"Q": "3"}]},
            "b: record 2: task.prompt: there is no `q`",
            "There is: Q",
        ),
        ({"a": [{"q": " "}]}, "a: record 1: the question is empty", "remove"),
        ({"a": [], "b": []}, "a, b: there are no seeds", "task.seeds.uri"),
    ],
)
def test_refused(files: dict[str, list[dict[str, Any]]], complaint: str, mend: str) -> None:
    with pytest.raises(TaskError) as caught:
        read_seeds(small_task(), files)
    assert complaint in caught.value.message
    assert mend in caught.value.mend
