"""Answers that a model of good sense would give, by rule: what a test's server says when nothing goes wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from random import Random
from typing import Any

from preceptor.endpoints.structured import INSTRUCTION

Body = dict[str, Any]


def fingerprint(body: Body) -> str:
    """Names a body, whatever the order of its keys."""
    return sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def tokens(text: str) -> int:
    """What this server's tokenizer makes of a text: four characters to the token."""
    return -(-len(text) // 4)


def prompt_tokens(body: Body) -> int:
    """Tokens of a conversation, with two around each message and what a schema takes."""
    schema = body.get("response_format", {}).get("json_schema")
    extra = tokens(json.dumps(schema)) if schema else 0
    return 3 + extra + sum(2 + tokens(turn["content"]) for turn in body["messages"])


def embedding_tokens(body: Body) -> int:
    """Tokens of the texts that are to be embedded, with two around each."""
    return sum(2 + tokens(text) for text in body["input"])


def embedding(text: str, dimensions: int = 64) -> list[float]:
    """A text as a bag of words: those with the same words in another order have the same vector."""
    vector = [0.0] * dimensions
    for word in re.findall(r"\w+", text.lower()):
        vector[int(sha256(word.encode()).hexdigest()[:8], 16) % dimensions] += 1.0
    return vector


def most_tokens(body: Body) -> int:
    """The longest answer that a body allows."""
    return int(body.get("max_tokens") or body.get("max_completion_tokens") or 16)


_SUM = re.compile(r"(-?\d+) ([-+*]) (-?\d+)")


def sensible(body: Body) -> str:
    """An answer by rule: sums are right, JSON satisfies the schema that was sent or told, all else is words.

    A schema with ``question`` and ``answer`` gets a sum and its result. What is free is drawn by the whole body, so
    another seed in the prompt or another temperature gives another row.
    """
    random = Random(fingerprint({key: body[key] for key in body if key not in {"response_format"}}))
    prompt = body["messages"][-1]["content"]
    prompt, _, told = prompt.partition(INSTRUCTION)
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema") or (
        json.loads(told) if told else None
    )
    asked = _SUM.findall(prompt)
    if schema is None:
        if asked:
            return f"That is \\boxed{{{_result(*asked[-1])}}}."
        return " ".join(random.choices("amber birch cedar delta ember fjord grove heath".split(), k=12))
    return json.dumps(_instance(schema, random, _result(*asked[-1]) if asked else None))


def _result(left: str, operator: str, right: str) -> int:
    one, other = int(left), int(right)
    return {"+": one + other, "-": one - other, "*": one * other}[operator]


def _instance(schema: Any, random: Random, result: int | None, name: str = "") -> Any:
    """A value that the schema allows, for the plain part of JSON Schema that typed rows need."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return random.choice(schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return _instance(schema[key][0], random, result, name)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return _object(schema, random, result)
    if kind == "array":
        least = schema.get("minItems", 1)
        return [_instance(schema.get("items", {}), random, result, name) for _ in range(least)]
    return _scalar(kind, schema, random, result if name == "answer" else None, name)


def _scalar(kind: str, schema: Mapping[str, Any], random: Random, result: int | None, name: str) -> Any:
    if kind in {"integer", "number"}:
        drawn = random.randint(int(schema.get("minimum", 0)), int(schema.get("maximum", 99)))
        return drawn if result is None else result
    if kind == "boolean":
        return random.random() < 0.5
    if kind == "null":
        return None
    if result is not None:
        return str(result)
    text = f"{name or 'text'} {random.randint(1000, 9999)} {random.choice(['amber', 'birch', 'cedar'])}"
    return text.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength")]


def _object(schema: Mapping[str, Any], random: Random, result: int | None) -> dict[str, Any]:
    fields = schema.get("properties", {})
    row = {}
    if {"question", "answer"} <= fields.keys():
        left, right = random.randint(10, 9999), random.randint(10, 9999)
        operator = random.choice("+-*")
        result = _result(str(left), operator, str(right))
        row["question"] = f"What is {left} {operator} {right}?"
    return {key: row[key] if key in row else _instance(part, random, result, key) for key, part in fields.items()}
