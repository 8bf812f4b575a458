"""From a file to a checked document: read, parse, type, refuse what is not there yet, check across sections."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from preceptor.errors import DocumentError, Problem
from preceptor.spec.checks import contradictions
from preceptor.spec.document import Specialization
from preceptor.spec.explain import explain, nearest_line
from preceptor.spec.recipe import Recipe
from preceptor.spec.refusals import refuse_unimplemented
from preceptor.spec.source import MAX_BYTES, Source, parse

_Typed = TypeVar("_Typed", bound=BaseModel)


@dataclass(frozen=True)
class Document:
    """A document that describes a run, and where each of its keys is written."""

    spec: Specialization
    """What it says."""
    source: str
    """What messages call it: the path as the user gave it."""
    base_dir: Path
    """Folder that relative inputs (items, a student) count from: the document's own."""
    text: str
    """The document as written."""
    lines: Mapping[str, int] = field(repr=False)
    """Line, from 1, of each key and list entry by its dotted path."""

    def problem(self, path: str, message: str, mend: str) -> Problem:
        """Return a problem at ``path``, with the line of the nearest part of the document that is there."""
        return Problem(path, nearest_line(path, self.lines), message, mend)

    def error(self, path: str, message: str, mend: str) -> DocumentError:
        """Return an error with one problem at ``path``."""
        return DocumentError(self.source, [self.problem(path, message, mend)])


def load(path: Path) -> Document:
    """Read and check the document at ``path``.

    Raises :class:`DocumentError` with every problem found, in order of line.
    """
    return loads(_read(path), source=str(path), base_dir=path.resolve().parent)


def load_recipe(path: Path) -> Recipe:
    """Read a recipe from a YAML or JSON file of its own. Raises :class:`DocumentError` as :func:`load` does."""
    return _typed(Recipe, parse(_read(path), str(path)), str(path))


def loads(text: str, *, source: str, base_dir: Path) -> Document:
    """Check a document's text; ``source`` is what messages call it, relative inputs count from ``base_dir``.

    Raises :class:`DocumentError` with every problem found, in order of line.
    """
    parsed = parse(text, source)
    spec = _typed(Specialization, parsed, source)
    document = Document(spec, source, base_dir, text, parsed.lines)
    _raise_any(source, _located([*refuse_unimplemented(spec), *contradictions(spec)], parsed))
    return document


def _read(path: Path) -> str:
    def unreadable(message: str, mend: str) -> DocumentError:
        return DocumentError(str(path), [Problem("", None, message, mend)])

    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise unreadable("there is no such file", "check the path") from error
    except IsADirectoryError as error:
        raise unreadable("this is a folder", "give the YAML file in it") from error
    except OSError as error:
        raise unreadable(f"the file cannot be read ({error.strerror})", "check its permissions") from error
    except ValueError as error:
        raise unreadable("this is not a path", "remove the NUL character from it") from error
    if len(raw) > MAX_BYTES:
        raise unreadable(f"the document is longer than {MAX_BYTES // 1024} KiB", "move long lists into a file")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise unreadable(f"the file is not UTF-8 (line {line})", "save it as UTF-8") from error


def _typed(type_: type[_Typed], parsed: Source, source: str) -> _Typed:
    """Return what was written as a type; raise with the problems of its text and its types together."""
    try:
        # Strict JSON is what the Kubernetes API server checks too: 1 is no text, "1" is no number.
        spec = type_.model_validate_json(json.dumps(parsed.data), strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        known = {problem.path for problem in parsed.problems}
        typed = [problem for problem in explain(error, parsed.data, parsed.lines) if problem.path not in known]
        raise DocumentError(source, _in_order([*parsed.problems, *typed])) from error
    _raise_any(source, parsed.problems)
    return spec


def _located(problems: Iterable[Problem], parsed: Source) -> list[Problem]:
    return [replace(problem, line=nearest_line(problem.path, parsed.lines)) for problem in problems]


def _raise_any(source: str, problems: Iterable[Problem]) -> None:
    ordered = _in_order(problems)
    if ordered:
        raise DocumentError(source, ordered)


def _in_order(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: (problem.line or 0, problem.path))
