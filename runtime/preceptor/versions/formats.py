"""Rows in the layouts that training tools read. Pure.

=============  =====================================================================================================
``alpaca``     Stanford Alpaca's ``instruction``, ``input`` (empty: a question is one text), ``output``; where the
               task has them, ``system`` and the worked examples as ``history``, the columns LLaMA-Factory added
``sharegpt``   ``conversations`` of ``from`` (``system``, ``human``, ``gpt``) and ``value``, as FastChat, Axolotl and
               LLaMA-Factory take them
``openai``     ``messages`` of ``role`` and ``content``, as OpenAI's fine-tuning and chat templates take them; answers
               of worked examples have ``weight`` 0, so that nobody learns them once for every row
=============  =====================================================================================================

Axolotl trains the last turn alone with ``roles_to_train``; LLaMA-Factory with ``mask_history``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

from preceptor.spec.task import Task
from preceptor.tasks.prompts import conversation

Format = Literal["alpaca", "sharegpt", "openai", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)
"""What a version can be exported as; ``parquet`` is the version itself in one file."""
EXTENSIONS: Mapping[Format, str] = {
    "alpaca": "alpaca.json",
    "sharegpt": "sharegpt.json",
    "openai": "jsonl",
    "parquet": "parquet",
}
"""How the names of exported files end."""

_SHAREGPT = {"system": "system", "user": "human", "assistant": "gpt"}
_LINE_BREAKS = {ord(mark): f"\\u{ord(mark):04x}" for mark in "\x85\u2028\u2029"}
"""Characters that some readers of lines take for the end of one; inside JSON text they may be escaped."""

Layout = Callable[[str, str, Task | None], dict[str, Any]]
"""Question, answer and, when known, the task in; the row as a tool reads it out."""


def to_line(row: Mapping[str, Any]) -> str:
    """A row as one line of JSON, without its end."""
    return json.dumps(row, ensure_ascii=False, allow_nan=False).translate(_LINE_BREAKS)


def _alpaca(prompt: str, answer: str, task: Task | None) -> dict[str, Any]:
    row: dict[str, Any] = {"instruction": prompt, "input": "", "output": answer}
    if task is not None and task.system is not None:
        row["system"] = task.system
    if task is not None and task.few_shot:
        row["history"] = [[example.prompt, example.answer] for example in task.few_shot]
    return row


def _sharegpt(prompt: str, answer: str, task: Task | None) -> dict[str, Any]:
    turns = [*_turns(prompt, task), {"role": "assistant", "content": answer}]
    return {"conversations": [{"from": _SHAREGPT[turn["role"]], "value": turn["content"]} for turn in turns]}


def _openai(prompt: str, answer: str, task: Task | None) -> dict[str, Any]:
    before = [turn | ({"weight": 0} if turn["role"] == "assistant" else {}) for turn in _turns(prompt, task)]
    return {"messages": [*before, {"role": "assistant", "content": answer}]}


def _turns(prompt: str, task: Task | None) -> list[dict[str, Any]]:
    return [*conversation(task, prompt)] if task is not None else [{"role": "user", "content": prompt}]


LAYOUTS: Mapping[Format, Layout] = {"alpaca": _alpaca, "sharegpt": _sharegpt, "openai": _openai}
"""The layouts that are text."""
