"""Every reason in the code belongs to a gate, so that counts by gate leave nothing out."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import get_args

import pytest

import preceptor
from preceptor.endpoints.messages import Failure
from preceptor.gates.gate import COPIES, OTHER, REASONS, gate_of
from preceptor.recipes.funnel import SURPLUS
from preceptor.spec.gates import Gates

PACKAGE = Path(preceptor.__file__).parent
GIVERS = ("check", "_unlike", "verdict", "_judge", "_agreement", "_length", "_draft", "_admit")
"""Functions that return reasons as plain texts."""


def reasons() -> Iterator[str]:
    """The reasons that modules name and those that functions return."""
    for path in chain((PACKAGE / "gates").glob("*.py"), (PACKAGE / "synthesis").glob("*.py")):
        tree = ast.parse(path.read_text())
        docs = zip(tree.body, tree.body[1:], strict=False)
        for node, after in docs:
            said = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
            if isinstance(node, ast.Assign) and str(said).startswith(("Reason given", "Reasons given")):
                yield from _texts(node.value)
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name in GIVERS:
                for found in ast.walk(function):
                    if isinstance(found, ast.Return) and found.value is not None:
                        yield from _texts(found.value)


def _texts(node: ast.expr) -> list[str]:
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    return [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]


FOUND = sorted(set(reasons()))


def test_reasons_are_found_in_the_code() -> None:
    """Otherwise the test below would see nothing."""
    assert {"duplicate", "too-long", "judge-unreadable", "over-share", "unverified-label", "secret"} <= set(FOUND)
    assert {"empty", "unreadable", "refusal", "changed-answer", "too-long-answer", "missing"} <= set(FOUND)


@pytest.mark.parametrize("reason", [*FOUND, *get_args(Failure)])
def test_every_reason_belongs_to_a_gate(reason: str) -> None:
    assert gate_of(reason) in REASONS


def test_every_reason_belongs_to_one_gate_alone() -> None:
    known = list(chain.from_iterable(REASONS.values()))
    assert len(known) == len(set(known))


@pytest.mark.parametrize(
    ("reason", "gate"),
    [
        *[(f"{copy}of-a-later-kind", "contamination") for copy in COPIES],
        ("my-gate:too-rude", "my-gate"),
        ("my-gate:duplicate", "my-gate"),
        (SURPLUS, OTHER),
        ("of-a-later-release", OTHER),
    ],
)
def test_reasons_without_a_fixed_name(reason: str, gate: str) -> None:
    assert gate_of(reason) == gate


def test_the_document_s_gates_come_first_in_its_order() -> None:
    document = [name for name in Gates.model_fields if name != "custom"]
    assert list(REASONS)[: len(document)] == document
