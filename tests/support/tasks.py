"""Small tasks for tests."""

from __future__ import annotations

from typing import Any

from preceptor.spec.task import Task

SHARES = {"feedback": 0.25, "selection": 0.25, "private": 0.5}


def small_task(**changes: Any) -> Task:
    """A task whose records have ``q`` and ``a``; keyword arguments replace whole sections, named in camelCase."""
    sections: dict[str, Any] = {
        "description": "A test.",
        "prompt": "{{ q }}",
        "scorer": {"kind": "exact"},
        "items": {"uri": "items.jsonl", "answer": "{{ a }}"},
        "splits": SHARES,
    }
    return Task.model_validate(sections | changes)
