"""The cards that the package carries, and who may use which."""

from __future__ import annotations

from importlib.resources import files
from typing import get_args

import pytest

from preceptor.engineers.llm.cards import STALE_AFTER, choice, load_cards, parse
from preceptor.engineers.observation import SourceKind, ValidatorKind
from support.observations import TEACHER, fresh, improving

SURE = {
    "2212.10560",  # Self-Instruct
    "2304.12244",  # WizardLM, Evol-Instruct
    "2406.20094",  # PersonaHub
    "2203.14465",  # STaR
    "2308.01825",  # rejection sampling fine-tuning
    "2203.11171",  # self-consistency
    "2605.30407",  # the paper whose protocol this is
}
FOLDER = files("preceptor.engineers.llm") / "cards"


def test_there_are_the_eight_methods() -> None:
    assert [card.id for card in load_cards()] == [
        "curriculum",
        "evol-instruct",
        "persona-diversity",
        "rejection-sampling",
        "seed-bootstrapping",
        "self-instruct",
        "solution-distillation",
        "weakness-targeting",
    ]


@pytest.mark.parametrize("name", [card.id for card in load_cards()])
def test_a_card_is_short_says_when_and_how_and_cites_what_we_are_sure_of(name: str) -> None:
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    card = parse(text)
    assert card.id == name
    assert len(text.splitlines()) <= 25
    assert all(len(line) <= 130 for line in text.splitlines())
    assert {"Helps when", "How:", "Mind:"} <= {part for part in ("Helps when", "How:", "Mind:") if part in card.text}
    assert {cite.arxiv for cite in card.cites} - {None} <= SURE
    assert card.needs.sources


def test_every_kind_of_source_and_of_checking_answers_has_a_card() -> None:
    needs = [card.needs for card in load_cards()]
    assert {kind for need in needs for kind in need.sources} == set(get_args(SourceKind))
    assert {kind for need in needs for kind in need.validators} == set(get_args(ValidatorKind)) - {"length"}


def test_a_card_is_usable_when_the_teacher_has_what_it_needs() -> None:
    def usable(**teacher: object) -> set[str]:
        return {card.id for card in choice(fresh(teacher=TEACHER.model_copy(update=teacher)))}

    assert "evol-instruct" not in usable()
    assert "evol-instruct" in usable(sources=("evolve",))
    assert "seed-bootstrapping" in usable(sources=("solve",))
    assert usable(sources=("procedural",), validators=("length",)) == {"curriculum", "weakness-targeting"}


def test_the_choice_narrows_once_the_search_is_stale() -> None:
    used = ("self-instruct", "persona-diversity")
    before = choice(improving(since_best=STALE_AFTER - 1, cards_used=used))
    after = choice(improving(since_best=STALE_AFTER, cards_used=used))
    assert {card.id for card in before} - {card.id for card in after} == set(used)


def test_after_all_cards_they_come_again_in_the_order_of_their_last_use() -> None:
    usable = [card.id for card in choice(improving())]
    for expected in usable:
        (card,) = choice(improving(since_best=9, cards_used=tuple(usable)))
        assert card.id == expected
        usable = [*usable, expected]
