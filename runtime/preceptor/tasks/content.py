"""What a question says, without what the task's template says around every question."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from preceptor.spec.task import Task
from preceptor.tasks.prompts import compile_template


class Content:
    """Reads the content of a task's questions: the values of the columns that its prompt template reads.

    Items and samples are compared by it, so that instructions, which all of them share, make none of them alike.
    """

    def __init__(self, task: Task) -> None:
        """Raises ``TaskError`` when the template cannot be read."""
        names = compile_template(task.prompt, "task.prompt").variables
        self._names = tuple(sorted(names, key=lambda name: (task.prompt.find(name), name)))

    def of(self, fields: Mapping[str, Any], prompt: str) -> str:
        """The values in the order in which the template names them, a line each; what is no text as JSON.

        The whole prompt when there are none.
        """
        values = (fields[name] for name in self._names if fields.get(name) is not None)
        text = "\n".join(
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
            for value in values
        )
        return text if text.strip() else prompt

    def holding(self, text: str) -> dict[str, Any]:
        """A record whose content is the text: it stands in the column that the template names first."""
        return dict.fromkeys(self._names[:1], text)
