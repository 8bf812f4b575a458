"""What is asked of the teacher's model, word by word. Pure: the same unit gives the same requests in every process.

The runtime's own words are the files in ``prompts/``; the task, the recipe and rows are only ever values in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from typing import Any

from preceptor.endpoints.messages import Message, Request
from preceptor.recipes.digests import digest
from preceptor.recipes.sample import Sample
from preceptor.spec.actors import OpenAITeacher
from preceptor.spec.recipe import EvolveSource, JudgeValidator, PromptSource
from preceptor.spec.task import Task
from preceptor.synthesis.units import Unit
from preceptor.tasks.prompts import Renderer, compile_template, conversation

_FILES = ("answer", "evolve", "judge", "row", "solve", "write")


class Asking:
    """Builds requests for one document."""

    def __init__(self, task: Task, teacher: OpenAITeacher) -> None:
        self._task = task
        self._teacher = teacher
        variables = compile_template(task.prompt, "task.prompt").variables
        self.columns = tuple(sorted(variables, key=lambda name: (task.prompt.find(name), name)))
        """The columns a row needs, in the order in which the task's prompt reads them."""
        self.answer = "answer" if "answer" not in self.columns else "row_answer"
        """The key of a row's answer."""
        self._form = prompt("answer")({"scorer": task.scorer.model_dump(mode="json", by_alias=True)}).strip()
        told = {"description": task.description, "system": task.system, "form": self._form}
        self._solving = prompt("solve")(told).strip()
        self._writings: dict[int, str] = {}

    def write(self, source: PromptSource, wish: str, rows: int) -> Request:
        """Ask for new rows. ``wish`` is the recipe's prompt, rendered."""
        return self._request(
            [_turn("system", self._writing(rows)), _turn("user", wish)],
            temperature=source.temperature,
            schema=rows_schema((*self.columns, self.answer), rows),
        )

    def evolve(self, source: EvolveSource, parent: Sample) -> Request:
        """Ask for a row made from another."""
        wish = prompt("evolve")(
            {
                "change": source.change,
                "instruction": source.instruction,
                "columns": [[name, parent.fields.get(name, "")] for name in self.columns],
                "answer": parent.answer,
                "mark": _mark(parent),
            }
        )
        return self._request(
            [_turn("system", self._writing(1)), _turn("user", wish.strip())],
            temperature=source.temperature,
            schema=rows_schema((*self.columns, self.answer), 1),
        )

    def solve(self, question: str, *, instruction: str = "", temperature: float | None = None) -> Request:
        """Ask for the answer of a question, in free text."""
        shown = f"{instruction}\n\n{question}" if instruction else question
        turns = conversation(self._task, shown)[self._task.system is not None :]
        return self._request([_turn("system", self._solving), *turns], temperature=temperature)

    def judge(self, validator: JudgeValidator, sample: Sample) -> Request:
        """Ask for a row's rating."""
        mark = _mark(sample)
        system = prompt("judge")({"description": self._task.description, "rubric": validator.rubric, "mark": mark})
        row = prompt("row")({"question": sample.prompt, "answer": sample.answer, "mark": mark})
        request = self._request(
            [_turn("system", system.strip()), _turn("user", row.strip())], temperature=0.0, schema=RATING_SCHEMA
        )
        return request if validator.model is None else replace(request, model=validator.model)

    def _writing(self, rows: int) -> str:
        """The words before a wish for rows: the same in every request, so that servers can cache them."""
        if rows not in self._writings:
            told = {
                "description": self._task.description,
                "system": self._task.system,
                "rows": rows,
                "columns": list(self.columns),
                "answer": self.answer,
                "prompt": self._task.prompt,
                "form": self._form,
                "examples": [example.model_dump(mode="json") for example in self._task.few_shot],
            }
            self._writings[rows] = prompt("write")(told).strip()
        return self._writings[rows]

    def _request(
        self, messages: Sequence[Message], *, temperature: float | None, schema: Mapping[str, Any] | None = None
    ) -> Request:
        sampling = self._teacher.sampling
        return Request(
            model=self._teacher.model,
            messages=tuple(messages),
            max_tokens=sampling.max_tokens,
            temperature=sampling.temperature if temperature is None else temperature,
            top_p=sampling.top_p,
            schema=schema,
        )


def placed(request: Request, unit: Unit, row: int, role: str, turn: int) -> Request:
    """The request with its place in the run: unit, row, what it is for, and how often it was asked before."""
    return replace(request, place=f"{unit.seed:x}/{row}/{role}/{turn}")


def rows_schema(columns: Sequence[str], rows: int) -> dict[str, Any]:
    """JSON schema of an answer that holds rows."""
    row = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in columns},
        "required": list(columns),
        "additionalProperties": False,
    }
    listed = {"type": "array", "items": row, "minItems": 1, "maxItems": rows}
    return {"type": "object", "properties": {"rows": listed}, "required": ["rows"], "additionalProperties": False}


RATING_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"reason": {"type": "string"}, "rating": {"type": "integer", "minimum": 1, "maximum": 5}},
    "required": ["reason", "rating"],
    "additionalProperties": False,
}
"""JSON schema of a judge's answer: the reason first, so that the rating follows from it."""


@lru_cache(maxsize=1)
def prompts_digest() -> str:
    """Digest of the runtime's own words, for receipts."""
    return digest([_text(name) for name in _FILES])[:16]


@lru_cache(maxsize=len(_FILES))
def prompt(name: str) -> Renderer:
    """One of the files in ``prompts/``, compiled in the sandbox."""
    return compile_template(_text(name), f"prompts/{name}.md")


def _text(name: str) -> str:
    return (files("preceptor.synthesis") / "prompts" / f"{name}.md").read_text(encoding="utf-8")


def _mark(sample: Sample) -> str:
    """A mark around a row that the row cannot hold: it is made from the digest of all of it."""
    return f"row-{sample.id}"


def _turn(role: str, content: str) -> Message:
    return {"role": role, "content": content}
