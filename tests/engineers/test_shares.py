from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from preceptor.engineers.shares import divide, water_fill
from preceptor.recipes.pricing import cap_rows

WEIGHTS = st.dictionaries(
    st.sampled_from("abcdefgh"), st.floats(min_value=0.001, max_value=1000), min_size=1, max_size=8
)
ROOM = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(min_value=0, max_value=200), max_size=8)


def test_rows_follow_weights_by_largest_remainder() -> None:
    assert water_fill({"a": 1, "b": 1, "c": 1}, 100, {"a": 100, "b": 100, "c": 100}) == {"a": 34, "b": 33, "c": 33}
    assert water_fill({"a": 7, "b": 2, "c": 1}, 10, {"a": 10, "b": 10, "c": 10}) == {"a": 7, "b": 2, "c": 1}


def test_what_one_skill_may_not_have_goes_to_the_others_by_weight() -> None:
    assert water_fill({"a": 8, "b": 1, "c": 1}, 100, {"a": 50, "b": 100, "c": 100}) == {"a": 50, "b": 25, "c": 25}
    assert water_fill({"a": 8, "b": 2, "c": 1}, 100, {"a": 50, "b": 30, "c": 100}) == {"a": 50, "b": 30, "c": 20}


def test_a_tiny_weight_still_gets_a_row() -> None:
    assert water_fill({"a": 1000, "b": 0.001}, 10, {"a": 10, "b": 10}) == {"a": 9, "b": 1}


def test_a_skill_without_room_gets_nothing() -> None:
    assert divide({"a": 1, "b": 1}, 10, cap=0.5, room={"b": 0}) == {"a": 10}
    assert divide({"a": 1}, 10, cap=0.5, room={"a": 0}) == {}


def test_when_room_is_short_the_cap_is_of_what_is_reached() -> None:
    assert divide({"a": 1, "b": 1}, 100, cap=0.5, room={"a": 10}) == {"a": 10, "b": 11}
    assert divide({"a": 1, "b": 1}, 100, cap=1.0, room={"a": 10}) == {"a": 10, "b": 90}


@given(WEIGHTS, st.integers(min_value=1, max_value=3000), st.floats(min_value=0.05, max_value=1), ROOM)
def test_caps_and_room_always_hold(weights: dict[str, float], total: int, cap: float, room: dict[str, int]) -> None:
    rows = divide(weights, total, cap=cap, room=room)
    reached = sum(rows.values())
    assert reached <= total
    assert all(0 < count <= room.get(skill, total) for skill, count in rows.items())
    if rows:
        assert max(rows.values()) <= cap_rows(cap, reached, len(rows))
    if not room:
        assert reached == total
    assert rows == divide(dict(reversed(list(weights.items()))), total, cap=cap, room=room)
