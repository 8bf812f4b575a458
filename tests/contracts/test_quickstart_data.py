"""The quickstart's examination: well-formed, decidable, and unknown to the generators that make its training rows."""

from __future__ import annotations

import datetime
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from preceptor.spec.load import load
from preceptor.tasks.items import Item, build_items
from preceptor.tasks.prompts import render_prompt
from preceptor.tasks.scorers import build_scorer
from preceptor.tasks.splits import cut
from preceptor.teachers.procedural import ProceduralTeacher

SPECS = Path(__file__).parents[2] / "specs"
DOCUMENT = load(SPECS / "quickstart.yaml")
SPEC = DOCUMENT.spec.spec
RECORDS: list[dict[str, Any]] = [
    json.loads(line) for line in (SPECS / "quickstart/items.jsonl").read_text(encoding="utf-8").splitlines()
]
SKILLS = ("invoice-mail", "chat", "letter", "receipt", "reminder", "notice")
KEYS = ["vendor", "amount", "currency", "date", "kind"]
SHINGLE = 6
"""No item shares so many words in a row with a generated row; five occur ("dear sir or madam we")."""
ROWS_A_SKILL = 250


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def shingles(text: str) -> Iterator[str]:
    found = words(text)
    return (" ".join(found[start : start + SHINGLE]) for start in range(len(found) - SHINGLE + 1))


def amounts(text: str) -> set[float]:
    """Every number in the text, whatever its notation for thousands and decimals."""
    found = set()
    for match in re.finditer(r"\d[\d.,' ]*", text):
        for piece in {match.group(), *match.group().split()}:
            whole, _, cents = re.sub(r"[^\d.,]", "", piece).rstrip(".,").replace(",", ".").rpartition(".")
            digits = re.sub(r"\D", "", piece) or "0"
            found.add(float(digits))
            if whole and len(cents) == 2:
                found.add(float(digits) / 100)
    return found


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return build_items(SPEC.task, RECORDS, "items.jsonl")


@pytest.fixture(scope="module")
def generated() -> list[str]:
    """Messages of many rows, and the answers' vendors, of every generator and level."""
    assert SPEC.teacher.kind == "procedural"
    teacher = ProceduralTeacher(SPEC.teacher)
    return [
        str(draft.fields["message"])
        for name in teacher.skills()
        for draft in teacher.make(name, levels={}, count=ROWS_A_SKILL, seed=3)
    ]


def test_enough_items_of_every_skill() -> None:
    counts = Counter(record["skill"] for record in RECORDS)
    assert set(counts) == set(SKILLS)
    assert len(RECORDS) >= 200
    assert max(counts.values()) - min(counts.values()) <= 4


def test_ids_and_messages_are_unique() -> None:
    assert len({record["id"] for record in RECORDS}) == len(RECORDS)
    assert len({" ".join(words(record["message"])) for record in RECORDS}) == len(RECORDS)


def test_every_generator_has_its_skill_and_three_levels() -> None:
    assert SPEC.teacher.kind == "procedural"
    teacher = ProceduralTeacher(SPEC.teacher)
    assert set(teacher.skills().values()) == set(SKILLS)
    assert {teacher.levels(name) for name in teacher.skills()} == {(1, 2, 3)}
    assert teacher.check(SPEC.task) == []


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["id"])
def test_an_answer_follows_from_its_message(record: dict[str, Any]) -> None:
    answer = json.loads(record["answer"])
    message = record["message"]
    assert list(answer) == KEYS
    assert answer["kind"] in {"invoice", "receipt", "reminder", "refund"}
    assert answer["vendor"] is None or answer["vendor"] in message
    assert answer["currency"] in {None, "EUR", "GBP", "USD", "CHF", "SEK", "NOK", "DKK", "PLN", "JPY"}
    assert answer["amount"] in amounts(message)
    if answer["date"] is not None:
        day = datetime.date.fromisoformat(answer["date"])
        assert {str(day.year), f"{day.year % 100:02d}"} & set(re.findall(r"\d+", message))
        assert any(int(number) == day.day for number in re.findall(r"\d+", message)) or "first of" in message


def test_the_reference_scores_full_marks(items: list[Item]) -> None:
    scorer = build_scorer(SPEC.task.scorer)
    assert [item.id for item in items if not scorer.score(item, item.reference).correct] == []


def test_splits_hold_every_skill(items: list[Item]) -> None:
    for split in cut(SPEC.task, items).values():
        assert {item.skill for item in split.items} == set(SKILLS)


def test_generated_rows_look_like_items(items: list[Item], generated: list[str]) -> None:
    assert items[0].prompt == render_prompt(SPEC.task, {"message": RECORDS[0]["message"]})
    assert len(set(generated)) > 0.95 * len(generated)


def test_a_wording_that_leaves_a_date_out_does_not_print_it() -> None:
    assert SPEC.teacher.kind == "procedural"
    for generator in SPEC.teacher.generators.values():
        assert generator.kind == "sampler"
        for form in generator.forms:
            told = " ".join(form.input.values())
            assert not ("date" in form.without and re.search(r"\bwhen\b", told.replace("when you", ""))), told
            assert not ("vendor" in form.without and "vendor" in told), told
            assert not ("currency" in form.without and re.search(r"\b(money|extra|sign|word)\b", told)), told


def test_no_vendor_of_an_item_is_ever_generated(generated: list[str]) -> None:
    text = " | ".join(" ".join(words(message)) for message in generated)
    vendors = [json.loads(record["answer"])["vendor"] for record in RECORDS]
    assert [vendor for vendor in vendors if vendor and re.search(rf"\b{' '.join(words(vendor))}\b", text)] == []


def test_no_phrase_of_an_item_is_ever_generated(generated: list[str]) -> None:
    known = {shingle for message in generated for shingle in shingles(message)}
    shared = {shingle for record in RECORDS for shingle in shingles(record["message"]) if shingle in known}
    assert shared == set()
