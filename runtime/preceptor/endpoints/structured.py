"""Answers in JSON: the ways to ask for one, which of them an endpoint accepts, and reading what comes back."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from importlib.resources import files
from itertools import islice
from typing import Any, Literal

from jsonschema import Draft202012Validator
from referencing import Registry

from preceptor.endpoints.messages import Message

Way = Literal["jsonSchema", "jsonObject", "text"]
"""How an answer in JSON is asked for: decoding constrained by the schema, to any JSON, or by the prompt alone."""

WAYS: tuple[Way, ...] = ("jsonSchema", "jsonObject", "text")
"""Strictest first."""

IGNORED = 3
"""Answers that are no JSON, with none before that is, from which an endpoint counts as one that ignores schemas."""

INSTRUCTION = (files("preceptor.endpoints") / "prompts" / "json-answer.txt").read_text(encoding="utf-8").strip()
"""Stands in the prompt, before the schema, where the endpoint does not constrain the answer by it."""

_FENCE = re.compile(r"```[a-zA-Z]*[ \t]*\n(.*?)```", re.DOTALL)
_OPENING = re.compile(r"[{\[]")
_PLACES = 64  # brackets in prose at which a value is looked for
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")


class UnreadableError(ValueError):
    """The text holds no JSON, or JSON that the schema does not allow."""


class Ways:
    """Which way of asking an endpoint takes, learnt from what it refuses and ignores. Once for a model and a schema."""

    def __init__(self, declared: Literal["auto", "jsonSchema", "jsonObject", "text"] = "auto") -> None:
        """``declared`` is the document's choice; all but ``auto`` leave nothing to learn."""
        self._declared = declared
        self._known: dict[tuple[str, str], Way] = {}
        self._model: dict[str, Way] = {}
        self._ignored: Counter[str] = Counter()

    def best(self, model: str, schema: Mapping[str, Any]) -> Way:
        """The way to try first."""
        if self._declared != "auto":
            return self._declared
        return self._known.get((model, _text(schema))) or self._model.get(model, WAYS[0])

    def next(self, model: str, schema: Mapping[str, Any], way: Way) -> Way | None:
        """The way to try when ``way`` was refused; ``None`` when the refusal cannot be about the way."""
        if self._declared != "auto" or way == WAYS[-1] or self._known.get((model, _text(schema))) == way:
            return None
        return WAYS[WAYS.index(way) + 1]

    def answered(self, model: str, schema: Mapping[str, Any], way: Way, *, text: str, good: bool) -> None:
        """The endpoint gave a whole answer when asked this way: ``good`` if it is what the schema allows.

        Some endpoints take a schema and leave it at that. Where the first answers are no JSON at all, the next
        requests say what is wanted in the prompt.
        """
        if good:
            self._known.setdefault((model, _text(schema)), way)
            self._model.setdefault(model, way)
        elif way == WAYS[0] and model not in self._model and not _is_json(text):
            self._ignored[model] += 1
            if self._ignored[model] == IGNORED:
                self._model[model] = WAYS[1]


def response_format(way: Way, schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The ``response_format`` of a request; none where the prompt alone asks for JSON."""
    if way == "jsonSchema":
        return {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": schema, "strict": _strict(_text(schema))},
        }
    return {"type": "json_object"} if way == "jsonObject" else None


def told(way: Way, messages: Iterable[Message], schema: Mapping[str, Any]) -> list[dict[str, str]]:
    """The conversation, with the schema after its last message unless the endpoint constrains the answer by it."""
    turns = [dict(message) for message in messages]
    if way != "jsonSchema":
        turns[-1]["content"] += f"\n\n{INSTRUCTION}\n{_text(schema)}"
    return turns


def read(text: str, schema: Mapping[str, Any]) -> Any:
    """The JSON value in an answer: all of it, what stands in a code fence, or the first whole value that fits.

    What a reasoning model thought aloud before its answer is left out. Raises :class:`UnreadableError` when there is
    no JSON or the schema does not allow it.
    """
    validator = _validator(_text(schema))
    reason = UnreadableError("no JSON")
    for value in _values(text.rpartition("</think>")[2]):
        try:
            broken = next(validator.iter_errors(value), None)
        except RecursionError:
            reason = UnreadableError("nested too deeply")
            continue
        if broken is None:
            return value
        reason = UnreadableError(f"{broken.json_path}: not what the schema allows ({broken.validator})")
    raise reason


def _values(text: str) -> Iterator[Any]:
    """Every JSON value that the text may be meant to be, likeliest first."""
    for candidate in (text.strip(), *(inside.strip() for inside in _FENCE.findall(text))):
        with suppress(ValueError, RecursionError):
            yield _storable(candidate, _DECODER.decode(candidate))
    for opening in islice(_OPENING.finditer(text), _PLACES):
        with suppress(ValueError, RecursionError):
            value, _ = _DECODER.raw_decode(text, opening.start())
            yield _storable(text, value)


def _is_json(text: str) -> bool:
    try:
        _DECODER.decode(text.strip())
    except (ValueError, RecursionError):
        return False
    return True


def _storable(text: str, value: Any) -> Any:
    """The value, when it can be written as UTF-8: half a surrogate pair cannot."""
    if _SURROGATE.search(text):
        json.dumps(value, ensure_ascii=False).encode()  # an error of this kind is a ValueError
    return value


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_constant)


def _text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, sort_keys=True)


@lru_cache(maxsize=256)
def _validator(schema: str) -> Draft202012Validator:
    # With a registry of its own a validator never fetches a schema that another one refers to.
    return Draft202012Validator(json.loads(schema), registry=Registry())


@lru_cache(maxsize=256)
def _strict(schema: str) -> bool:
    return _closed(json.loads(schema))


def _closed(schema: Any) -> bool:
    """Whether every object names all its keys as required and allows no others, as OpenAI's strict mode demands."""
    if isinstance(schema, list | tuple):
        return all(_closed(part) for part in schema)
    if not isinstance(schema, Mapping):
        return True
    if "properties" in schema or schema.get("type") == "object":
        named = set(schema.get("properties", ()))
        if schema.get("additionalProperties") is not False or named != set(schema.get("required", ())):
            return False
    return all(_closed(part) for key, part in schema.items() if key not in {"enum", "const", "default", "examples"})
