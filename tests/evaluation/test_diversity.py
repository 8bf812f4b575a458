"""Variety in figures that can be checked by hand, comparable over sizes, and alarms that mean something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from random import Random

import numpy as np
import pytest

from preceptor.evaluation.diversity import (
    MAX_ROWS,
    Diversity,
    DiversityMeter,
    collapse,
    distinct_n,
    entropy,
    evenness,
    rarefied,
)


def measure(texts: Sequence[str], skills: Sequence[str] = ("warm", "cold")) -> Diversity:
    meter = DiversityMeter()
    for place, text in enumerate(texts):
        meter.add(text, skills[place % len(skills)])
    return meter.result()


def teacher(seed: int, *, words: int = 4000, length: int = 25) -> Iterator[str]:
    """Questions of words that are rare and frequent as in a language."""
    random = Random(seed)
    while True:
        yield " ".join(f"w{int(words * random.random() ** 3)}" for _ in range(length))


def lazy(seed: int, stock: int) -> Iterator[str]:
    """A teacher that says one of ``stock`` questions again, with a word changed."""
    questions = list(islice(teacher(seed), stock))
    random = Random(seed)
    while True:
        words = random.choice(questions).split()
        words[random.randrange(len(words))] = f"new{random.randrange(1000)}"
        yield " ".join(words)


def test_a_version_that_can_be_counted_by_hand() -> None:
    found = measure(["a b c", "A b d", "e"], ["warm", "warm", "cold"])
    assert (found.rows, found.measured, found.skills) == (3, 3, 2)
    assert found.mean_words == pytest.approx(7 / 3)
    assert found.distinct1 == pytest.approx(5 / 7)  # a b c d e of a b c a b d e
    assert found.distinct2 == pytest.approx(3 / 4)  # ab bc bd of ab bc ab bd
    assert found.distinct3 == 1.0
    assert found.clusters == 3
    assert found.skill_entropy == pytest.approx(0.918296, abs=1e-6)
    assert found.skill_evenness == pytest.approx(0.918296, abs=1e-6)


def test_it_counts_as_the_plain_definition_does() -> None:
    texts = list(islice(teacher(3, words=50), 200))
    found = measure(texts)
    assert found.distinct1 == pytest.approx(distinct_n(texts, 1))
    assert found.distinct2 == pytest.approx(distinct_n(texts, 2))
    assert found.distinct3 == pytest.approx(distinct_n(texts, 3))


def test_nothing_and_empty_questions_are_measured_too() -> None:
    nothing = DiversityMeter().result()
    assert (nothing.rows, nothing.clusters, nothing.distinct2, nothing.pairs, nothing.groups) == (0, 0, 0.0, {}, {})
    assert measure(["", "", "one"]).clusters == 2


@pytest.mark.parametrize(
    ("counts", "bits", "even"), [({"a": 1, "b": 1}, 1.0, 1.0), ({"a": 5}, 0.0, 1.0), ({}, 0.0, 1.0)]
)
def test_entropy_and_evenness(counts: dict[str, int], bits: float, even: float) -> None:
    assert entropy(counts) == bits
    assert evenness(counts) == even


def test_near_duplicates_form_clusters_and_others_do_not() -> None:
    plain = list(islice(teacher(5), 300))
    edited = [" ".join(["new", *text.split()[:-1]]) for text in plain[:100]]
    again = [" ".join([*text.split()[:-1], "other"]) for text in edited[:50]]
    found = measure([*plain, *edited, *again])
    assert found.clusters == 300
    assert found.clusters_per_row == pytest.approx(300 / 450)


def test_short_questions_are_alike_only_when_they_are_equal() -> None:
    assert measure(["a b", "a b", "b a", "a", "c"]).clusters == 4


def test_boilerplate_below_half_of_a_question_makes_no_clusters() -> None:
    common = " ".join(f"common{place}" for place in range(10))
    assert measure([f"{common} {text}" for text in islice(teacher(6), 500)]).clusters == 500


def test_expected_shares_are_those_of_many_draws() -> None:
    kinds = np.array([50, 20, 20, 5, 3, 1, 1])
    entries = np.repeat(np.arange(len(kinds)), kinds)
    random = np.random.default_rng(7)
    drawn = [len(np.unique(random.choice(entries, 20, replace=False))) for _ in range(4000)]
    expected = rarefied(kinds, 20)
    assert list(expected) == [20, 50, 100]
    assert expected[20] == pytest.approx(np.mean(drawn) / 20, abs=0.003)
    assert expected[100] == pytest.approx(7 / 100)


def test_text_is_measured_up_to_a_bound_and_skills_are_counted_beyond_it() -> None:
    found = measure(["the same question"] * (MAX_ROWS + 2), ["warm"] * MAX_ROWS + ["cold"] * 2)
    assert (found.rows, found.measured) == (MAX_ROWS + 2, MAX_ROWS)
    assert (found.clusters, found.skills) == (1, 2)


def test_words_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("preceptor.evaluation.diversity.MAX_WORDS", 10)
    found = measure(["one two three four five six"] * 5)
    assert (found.rows, found.measured, found.mean_words) == (5, 2, 5.0)


def test_equal_variety_in_a_larger_version_is_no_collapse() -> None:
    small, large = (measure(list(islice(teacher(rows, words=400), rows))) for rows in (300, 6000))
    assert large.distinct2 < 0.8 * small.distinct2  # what a comparison of unequal amounts would take for one
    assert max(small.pairs.keys() & large.pairs.keys()) == 5000
    assert large.pairs[5000] == pytest.approx(small.pairs[5000], rel=0.02)
    assert collapse([small], large) == []
    assert collapse([large], small) == []


def test_few_wordings_said_over_and_over_are_no_collapse_while_they_stay_the_same() -> None:
    small, large = measure(list(islice(lazy(1, 400), 200))), measure(list(islice(lazy(1, 400), 2000)))
    assert large.clusters_per_row < 0.5 * small.clusters_per_row
    assert collapse([small], large) == []


def test_a_teacher_that_repeats_itself_more_and_more_alarms() -> None:
    versions = [
        measure(list(islice(source, 1000)))
        for source in (teacher(1), lazy(2, 900), lazy(3, 500), lazy(4, 200), lazy(5, 50), lazy(6, 10))
    ]
    alarms = [collapse(versions[:place], version) for place, version in enumerate(versions)]
    assert [bool(found) for found in alarms] == [False, True, True, True, True, True]
    assert any("clusters" in alarm for alarm in alarms[1])
    assert any("word pairs" in alarm for alarm in alarms[-1])


def test_a_poorer_wording_alarms_even_when_no_two_rows_are_alike() -> None:
    rich, poor = measure(list(islice(teacher(1), 500))), measure(list(islice(teacher(2, words=60), 500)))
    assert poor.clusters == 500
    (alarm,) = collapse([rich], poor)
    assert alarm.startswith("the wording repeats itself: of 10,000 word pairs ")


def test_it_is_measured_against_the_best_version_before_not_the_last() -> None:
    rich, poor = measure(list(islice(teacher(1), 500))), measure(list(islice(teacher(2, words=60), 500)))
    assert collapse([rich, poor], poor) == collapse([rich], poor) != []
    assert collapse([poor], rich) == []


def test_rows_that_gather_on_few_skills_alarm() -> None:
    texts = list(islice(teacher(1), 400))
    four, two, one = (measure(texts, skills) for skills in (("a", "b", "c", "d"), ("a", "b"), ("a",)))
    assert collapse([four], two) == []
    (alarm,) = collapse([four, two], one)
    assert "1.0 skills" in alarm
    assert "4.0" in alarm


def test_too_little_text_says_nothing() -> None:
    rich, tiny = measure(list(islice(teacher(1), 500))), measure(["one and the same said over and over and over"] * 18)
    assert (list(tiny.pairs), list(tiny.groups)) == ([100], [10])
    assert collapse([rich], tiny) == []
    assert collapse([Diversity()], rich) == []


def test_it_survives_being_stored() -> None:
    found = measure(list(islice(teacher(1), 100)))
    assert Diversity.model_validate_json(found.model_dump_json(by_alias=True)) == found
    assert Diversity.model_validate({**found.model_dump(mode="json"), "later": 1}) == found
