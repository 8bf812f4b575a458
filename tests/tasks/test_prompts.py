"""The conversation around a question."""

from __future__ import annotations

from preceptor.tasks.prompts import conversation, render_prompt
from support.tasks import small_task


def test_a_conversation_has_system_examples_and_question() -> None:
    task = small_task(system="Be brief.", fewShot=[{"prompt": "1+1", "answer": "2"}])
    assert conversation(task, "2+2") == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "1+1"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "2+2"},
    ]
    assert conversation(small_task(), "2+2") == [{"role": "user", "content": "2+2"}]


def test_a_question_is_never_rendered_twice() -> None:
    assert render_prompt(small_task(), {"q": " {{ 7 * 7 }} <b> "}) == "{{ 7 * 7 }} <b>"
