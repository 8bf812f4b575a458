from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.gates.duplicates import Seen, Twin
from preceptor.gates.neighbours import PERMUTATIONS, Neighbours, signature
from preceptor.recipes.sample import Receipt, Sample
from preceptor.spec.gates import DuplicatesGate
from preceptor.tasks.content import Content
from support.payments import task

CONTENT = Content(task("Read: {{ message }}"))
WORDS = [f"word{letter}{other}" for letter in "abcdefghijklmnopqrst" for other in "abcdefghijklmnopqrst"]
STORY = (
    "Josie received {money} dollars as a gift from her aunt. She plans to buy two cassette tapes that cost nine "
    "dollars each and a headphone set that costs as much as both. How much money will she have left in the end?"
)


def row(message: str, *, id: str = "", source: str = "prompt", validators: tuple[str, ...] = ()) -> Sample:
    receipt = Receipt("", 1, "", 1, 0, 0, "", source=source, validators=validators)
    made = Sample.create(skill="sums", fields={"message": message}, prompt=message, answer="4", receipt=receipt)
    return Sample(id or made.id, made.skill, made.fields, made.prompt, made.answer, receipt)


def seen(*messages: str, threshold: float | None = 0.8) -> Seen:
    found = Seen(DuplicatesGate(threshold=threshold), CONTENT)
    for place, message in enumerate(messages):
        found.remember(row(message, id=f"{place}"))
    return found


@pytest.mark.parametrize(
    ("first", "second", "twins"),
    [
        ("Ein Maß, bitte sehr!", "EIN  MASS, bitte \n \u017fehr!", True),
        ("Ein Maß?", "Ein Maß!", False),
        (STORY.format(money=50), STORY.format(money=50), True),
        (STORY.format(money=50), STORY.format(money=50).replace("Josie", "Amanda"), True),
        (STORY.format(money=50), STORY.format(money=50).replace(".", " —"), True),
        (STORY.format(money=50), STORY.format(money=60), False),
        (STORY.format(money=5.5), STORY.format(money=55), False),
        (STORY.format(money=50), STORY.format(money=50).upper() + " Think of the tax and of the tram fare too.", False),
        ("what do you get for 12 + 3 * 4 in all", "what do you get for 12 * 3 + 4 in all", False),
        ("what do you get for (2 + 3) * 4 in all", "what do you get for 2 + (3 * 4) in all", False),
        ("what do you get for 7 = x - 3 in all", "what do you get for 7 = x + 3 in all", False),
        (
            "The well-known town (it is old) has how many gates?",
            "The well known town, it is old, has how many gates?",
            True,
        ),
        ("Was ist das für ein großes Haus?", "was ist das \u2013 für ein GROSSES Haus", True),
        ("one two three four", "one two three. four", False),
    ],
)
def test_what_is_the_same_question(first: str, second: str, twins: bool) -> None:
    assert (seen(first).twin(row(second)) is not None) == twins
    assert (seen(second).twin(row(first)) is not None) == twins


def test_without_a_threshold_only_equal_questions_are_the_same() -> None:
    exact = seen(STORY, threshold=None)
    assert exact.twin(row(STORY.upper())) is not None
    assert exact.twin(row(STORY.replace("Josie", "Amanda"))) is None


def test_a_twin_says_what_the_assembly_has_to_know() -> None:
    found = Seen(DuplicatesGate(), CONTENT)
    found.remember(row(STORY, id="a", validators=("agreement",)).carried("v1"))
    twin = found.twin(row(STORY.replace("Josie", "Amanda")))
    assert twin is not None
    assert (twin.id, twin.skill, twin.verification, twin.carried) == ("a", "sums", 2, True)


def test_an_equal_row_is_found_before_a_near_one_and_of_near_ones_the_nearest_and_then_the_first_by_id() -> None:
    words = WORDS[:100]
    far, near, same = (" ".join(["changed"] * count + words[count:]) for count in (8, 2, 0))
    assert _id(seen(far, near).twin(row(same))) == "1"
    assert _id(seen(near, far).twin(row(same))) == "0"
    assert _id(seen(far, near, same).twin(row(same))) == "2"
    assert _id(seen(*[f"{same}{mark}" for mark in "!?.;"]).twin(row(same))) == "0"


def test_what_is_forgotten_is_no_twin_any_more() -> None:
    found = seen(STORY, "another question of more than five words")
    for message in (STORY, STORY.replace("Josie", "Amanda")):
        twin = found.twin(row(message))
        assert twin is not None
    found.forget(twin)
    assert found.twin(row(STORY)) is found.twin(row(STORY.replace("Josie", "Amanda"))) is None
    assert _id(found.twin(row("another question of more than FIVE words"))) == "1"


def test_rows_are_found_however_many_there_are() -> None:
    """Past the size at which buckets are made anew, twice."""
    draw = random.Random(7)
    texts = [" ".join(draw.choices(WORDS, k=40)) for _ in range(2500)]
    found = seen(*texts)
    for place in range(0, 2500, 50):
        edited = texts[place].split()
        edited[draw.choice((0, -1))] = "changed"
        assert _id(found.twin(row(" ".join(edited)))) == f"{place}"
    assert all(found.twin(row(" ".join(draw.choices(WORDS, k=40)))) is None for _ in range(100))


@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.5, 0.8, 0.95, 1.0])
def test_similarities_above_the_threshold_are_found_and_estimated_well(threshold: float) -> None:
    draw = np.random.default_rng(3)
    shared = draw.integers(0, 1 << 63, 400, dtype=np.uint64)
    index, exact = Neighbours(threshold), []
    for kept in range(0, 401, 4):
        own = draw.integers(0, 1 << 63, 400 - kept, dtype=np.uint64)
        index.add(signature(np.concatenate([shared[:kept], own])), 0)
        exact.append(kept / (800 - kept))
    found = {number: agreeing / PERMUTATIONS for agreeing, number in index.near(signature(shared), 0)}
    assert all(abs(estimate - exact[number]) < 0.15 for number, estimate in found.items())
    assert found.keys() >= {number for number, similarity in enumerate(exact) if similarity >= threshold + 0.12}
    assert 100 in found
    assert index.near(signature(shared), 1) == []


@given(st.lists(st.sampled_from([STORY, STORY.replace("Josie", "Eve"), *WORDS[:4]]), max_size=8), st.randoms())
def test_the_outcome_depends_on_the_order_of_rows_alone(messages: list[str], draw: random.Random) -> None:
    """Looking for other rows in between changes nothing."""
    plain, disturbed = seen(*messages), seen()
    for place, message in enumerate(messages):
        disturbed.twin(row(draw.choice([*messages, "something else"])))
        disturbed.remember(row(message, id=f"{place}"))
    for message in messages:
        assert plain.twin(row(message)) == disturbed.twin(row(message))


def test_signatures_are_those_of_earlier_releases() -> None:
    """Otherwise the rows of a version could not be made again."""
    assert signature(np.arange(1, 20, dtype=np.uint64))[:6].tolist() == [49127, 19866, 62607, 13849, 16817, 43327]


def _id(twin: Twin | None) -> str:
    assert twin is not None
    return twin.id


def test_near_rows_are_found_as_often_among_many_as_among_few() -> None:
    """Bands of one row are no obstacle to those of another."""
    draw = np.random.default_rng(5)
    index, looked_for = Neighbours(0.8), []
    for _ in range(2000):
        shared = draw.integers(0, 1 << 63, 90, dtype=np.uint64)
        text, other = (signature(np.concatenate([shared, draw.integers(0, 1 << 63, 8, np.uint64)])) for _ in range(2))
        if (text == other).sum() >= 0.8 * PERMUTATIONS:
            looked_for.append((index.add(text, 0), other))
    found = sum(number in (near for _, near in index.near(other, 0)) for number, other in looked_for)
    assert len(looked_for) > 1000
    assert found / len(looked_for) > 0.99
