from __future__ import annotations

from typing import Any

import pytest

from preceptor.gates.duplicates import Seen
from preceptor.gates.format import FormatGate
from preceptor.gates.gate import Safeguards, Screen, label_gates
from preceptor.gates.text import normalise
from preceptor.recipes.sample import Receipt, Sample
from preceptor.spec.gates import DuplicatesGate
from preceptor.spec.gates import FormatGate as Settings
from preceptor.tasks.content import Content
from preceptor.tasks.scorers import build_scorer
from support.payments import spec, task

RECEIPT = Receipt(recipe="", attempt=1, generator="", difficulty=1, unit=0, index=0, teacher="")
SCORER = build_scorer(task(scorer={"kind": "numeric"}).scorer)


def sample(prompt: str, answer: str = "4", fields: dict[str, Any] | None = None) -> Sample:
    return Sample.create(skill="sums", fields=fields or {}, prompt=prompt, answer=answer, receipt=RECEIPT)


@pytest.mark.parametrize(
    ("prompt", "answer", "reason"),
    [
        ("2 + 2?", "4", None),
        ("  \n", "4", "empty"),
        ("2 + 2?", " ", "empty"),
        ("2 + 2?", "I do not know", "unreadable"),
        ("2 + {{ b }}?", "4", "template-residue"),
        ("2 + {{b}}?", "4", "template-residue"),
        ("{% if x %}2?", "4", "template-residue"),
        ("2?", "{{ a }} is 4", "template-residue"),
        (r"What is \frac{{1}}{2} of {8}?", "4", None),
        ("x" * 1200, "4", "too-long"),
        ("x" * 1199, "4", None),
    ],
)
def test_the_format_gate_gives_the_reason(prompt: str, answer: str, reason: str | None) -> None:
    assert FormatGate(SCORER, Settings(), max_tokens=100).check(sample(prompt, answer)) == reason


def test_the_same_question_passes_once_however_it_is_written() -> None:
    seen, verdicts = Seen(DuplicatesGate(), Content(task("{{ message }}"))), []
    for message in ("Ein Maß?", "EIN  MASS? ", "Ein\nma\u017fs?", "Ein Maß!"):
        row = sample(message, fields={"message": message})
        verdicts.append(seen.twin(row) is None)
        seen.remember(row)
    assert verdicts == [True, False, False, True]


def test_compatibility_forms_are_folded() -> None:
    assert normalise("\uff21\u00a0\u2160") == "a i"


def gates(**sections: Any) -> dict[str, Any]:
    return {"dataset": {"size": 10, "gates": sections}}


def test_gates_can_be_switched_off() -> None:
    off = spec(**gates(format={"enabled": False}, secrets={"enabled": False}, labels={"enabled": False}))
    assert Screen(off, SCORER, Safeguards()).names == ()
    assert label_gates(off) == ()
    assert Screen(spec(), SCORER, Safeguards()).names == ("format", "secrets")
