"""Templates and expressions of generators; their errors know where in the document they stand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any, Self

from preceptor.errors import Problem, TaskError
from preceptor.spec.source import join
from preceptor.tasks.prompts import Evaluator, Renderer, compile_expression, compile_template
from preceptor.teachers.filters import FILTERS


@dataclass(frozen=True)
class Place:
    """Where something stands in the document."""

    path: str
    """Dotted path, as in ``spec.teacher.generators.pay.forms[0].input.message``."""
    words: str
    """The same for a reader, as in ``generator `pay`, form 1, column `message```."""

    def down(self, *keys: str | int, words: str) -> Self:
        """A place below this one."""
        path = self.path
        for key in keys:
            path = join(path, key)
        return type(self)(path, f"{self.words}, {words}")


def generator_place(name: str) -> Place:
    """Where a generator stands."""
    return Place(join("spec.teacher.generators", name), f"generator `{name}`")


class GeneratorError(TaskError):
    """A generator of the teacher's cannot make a row."""

    def __init__(self, message: str, *, mend: str = "", path: str = "spec.teacher") -> None:
        super().__init__(message, mend=mend)
        self.path = path
        """Dotted path of the place in the document."""

    def __reduce__(self) -> tuple[Callable[..., GeneratorError], tuple[str]]:
        """Errors cross process boundaries with their mend and place."""
        return partial(type(self), mend=self.mend, path=self.path), (self.message,)

    def problem(self) -> Problem:
        """The error as an entry of a list of problems; the caller finds the line."""
        return Problem(path=self.path, line=None, message=self.message, mend=self.mend)


class _Compiled:
    """A template or an expression, compiled, that knows where it stands."""

    def __init__(self, compiled: Renderer | Evaluator, place: Place) -> None:
        self._compiled = compiled
        self._place = place
        self.reads = compiled.variables
        """Names of the values it reads."""

    def check(self, known: Collection[str]) -> None:
        """Raise ``GeneratorError`` when it cannot do without a value that is not ``known``."""
        missing = sorted(self._compiled.required - set(known))
        if missing:
            close = get_close_matches(missing[0], known, n=1)
            hint = f"did you mean `{close[0]}`? " if close else ""
            raise GeneratorError(
                f"{self._place.words}: there is no {', '.join(f'`{name}`' for name in missing)} here",
                mend=f"{hint}There is: {', '.join(sorted(known)) or 'nothing'}",
                path=self._place.path,
            )


class Text(_Compiled):
    """A template that gives text, with the filters of :mod:`preceptor.teachers.filters`."""

    def __init__(self, source: str, place: Place) -> None:
        super().__init__(_placed(place, compile_template, source, place.words, filters=FILTERS), place)

    def render(self, scope: Mapping[str, Any]) -> str:
        """The text for some values. Raises ``GeneratorError`` that names the place and what is wrong."""
        return str(_placed(self._place, self._compiled, scope))


class Expression(_Compiled):
    """An expression that gives a value of any plain type."""

    def __init__(self, source: str, place: Place) -> None:
        super().__init__(_placed(place, compile_expression, source, place.words, filters=FILTERS), place)

    def evaluate(self, scope: Mapping[str, Any]) -> Any:
        """The value. Raises ``GeneratorError`` that names the place and what is wrong."""
        return _placed(self._place, self._compiled, scope)


def _placed(place: Place, work: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """What ``work`` returns; its ``TaskError`` becomes one that knows its place."""
    try:
        return work(*args, **options)
    except TaskError as error:
        raise GeneratorError(error.message, mend=error.mend, path=place.path) from error
