"""Splits: in proportion, whole, the same whatever the order."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preceptor.errors import TaskError
from preceptor.tasks.items import Item
from preceptor.tasks.splits import Split, cut, digest
from support.tasks import SHARES, small_task


def _item(number: int, *, skill: str = "all", cluster: str | None = None, prompt: str | None = None) -> Item:
    identity = f"i{number:04d}"
    return Item(identity, {}, prompt or f"question {number}", "answer", skill, cluster or identity)


def _sizes(splits: dict[str, Split]) -> dict[str, int]:
    return {name: len(split.items) for name, split in splits.items()}


def test_small_skills_get_the_declared_totals() -> None:
    items = [_item(n, skill=f"s{n % 10}") for n in range(30)]
    splits = cut(small_task(splits={"feedback": 0.125, "selection": 0.125, "private": 0.75}), items)
    assert _sizes(splits) == {"feedback": 4, "selection": 4, "private": 22}


def test_skills_are_in_proportion() -> None:
    items = [_item(n, skill="rare" if n % 5 == 0 else "common") for n in range(200)]
    splits = cut(small_task(), items)
    assert _sizes(splits) == {"feedback": 50, "selection": 50, "private": 100}
    counts = {name: Counter(item.skill for item in split.items) for name, split in splits.items()}
    assert counts["feedback"] == counts["selection"] == {"rare": 10, "common": 40}


def test_shares_below_one_leave_items_unused() -> None:
    splits = cut(small_task(splits={"feedback": 0.1, "selection": 0.1, "private": 0.3}), [_item(n) for n in range(100)])
    assert _sizes(splits) == {"feedback": 10, "selection": 10, "private": 30}


def test_rounded_thirds_use_every_item() -> None:
    splits = cut(
        small_task(splits={"feedback": 0.333333333, "selection": 0.333333333, "private": 0.333333334}),
        [_item(n) for n in range(10)],
    )
    assert sum(_sizes(splits).values()) == 10


def test_a_large_cluster_goes_where_it_fits() -> None:
    items = [_item(n, cluster="big" if n < 40 else None) for n in range(100)]
    splits = cut(small_task(), items)
    assert {item.id for item in items[:40]} <= {item.id for item in splits["private"].items}
    assert _sizes(splits) == {"feedback": 25, "selection": 25, "private": 50}


def test_the_seed_decides() -> None:
    items = [_item(n) for n in range(100)]
    cuts = [cut(small_task(splits=SHARES | {"seed": seed}), items)["private"].digest for seed in (1, 1, 2)]
    assert cuts[0] == cuts[1] != cuts[2]


@st.composite
def _populations(draw: st.DrawFn) -> list[Item]:
    size = draw(st.integers(12, 80))
    rng = random.Random(draw(st.integers(0, 2**32)))
    clusters, prompts, skills = draw(st.integers(6, 80)), draw(st.integers(6, 160)), draw(st.integers(1, 9))
    return [
        _item(
            n,
            skill=f"s{rng.randrange(skills)}",
            cluster=f"c{rng.randrange(clusters)}",
            prompt=f"{' ' * rng.randrange(3)}{rng.choice(['What', 'WHAT'])} {rng.randrange(prompts)}?",
        )
        for n in range(size)
    ]


@settings(max_examples=150, deadline=None)
@given(_populations(), st.randoms(use_true_random=False))
def test_properties_of_any_cut(items: list[Item], rng: random.Random) -> None:
    task = small_task()
    try:
        splits = cut(task, items)
    except TaskError as error:
        assert "would be empty" in error.message  # noqa: PT017 (few clusters may leave nothing for a split)
        return
    placed = {item.id: name for name, split in splits.items() for item in split.items}
    assert len(placed) == sum(_sizes(splits).values()) == len(items), "every item once"
    for key in (lambda item: item.cluster, lambda item: " ".join(item.prompt.casefold().split())):
        homes: dict[str, set[str]] = {}
        for item in items:
            homes.setdefault(key(item), set()).add(placed[item.id])
        assert all(len(names) == 1 for names in homes.values()), "nothing is torn"
    shuffled = list(items)
    rng.shuffle(shuffled)
    assert cut(task, shuffled) == splits, "whatever the order"


@settings(max_examples=60, deadline=None)
@given(st.integers(12, 300), st.integers(1, 12), st.integers(0, 1000))
def test_single_items_meet_the_quotas_exactly(size: int, skills: int, seed: int) -> None:
    shares = {"feedback": 0.2, "selection": 0.3, "private": 0.5}
    items = [_item(n, skill=f"s{n % skills}") for n in range(size)]
    splits = cut(small_task(splits=shares | {"seed": seed}), items)
    for name, split in splits.items():
        assert abs(len(split.items) - size * shares[name]) < 1
        for skill, n in Counter(item.skill for item in items).items():
            here = sum(item.skill == skill for item in split.items)
            assert abs(here - n * shares[name]) <= 1


def test_an_empty_split_says_what_to_do() -> None:
    with pytest.raises(TaskError, match="`feedback` would be empty: there are 3 items in 1 clusters") as caught:
        cut(small_task(), [_item(n, cluster="c") for n in range(3)])
    assert "finer clusters" in caught.value.mend


def test_repeated_ids_are_refused() -> None:
    with pytest.raises(TaskError, match="more than once: i0001"):
        cut(small_task(), [_item(1), _item(1), _item(2)])


def _declared(rows: list[tuple[str, str, str]]) -> list[Item]:
    return [Item(i, {"s": name}, prompt, "a", "all", i) for i, name, prompt in rows]


def test_a_column_decides() -> None:
    items = _declared([("a", "private", "p"), ("b", "feedback", "q"), ("c", " selection ", "r"), ("d", "private", "s")])
    splits = cut(small_task(splits={"column": "{{ s }}"}), items)
    assert {name: [item.id for item in split.items] for name, split in splits.items()} == {
        "feedback": ["b"],
        "selection": ["c"],
        "private": ["a", "d"],
    }


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([("a", "private", "p"), ("b", "test", "q")], r"something else than .* for b \(test\)"),
        (
            [("a", "private", "Same  p"), ("b", "feedback", "same P"), ("c", "selection", "r")],
            "a in private / b in feedback",
        ),
        ([("a", "private", "p"), ("b", "feedback", "q")], "`selection` would be empty"),
    ],
)
def test_a_column_that_does_not_fit_is_refused(rows: list[tuple[str, str, str]], complaint: str) -> None:
    with pytest.raises(TaskError, match=complaint):
        cut(small_task(splits={"column": "{{ s }}"}), _declared(rows))


def test_the_digest_knows_ids_questions_and_references_but_no_order() -> None:
    items = _declared([("a", "", "p"), ("b", "", "q")])
    assert digest(items) == digest(items[::-1])
    assert digest(items) != digest(items[:1])
    assert digest(items) != digest(_declared([("a", "", "p"), ("b", "", "Q")]))
