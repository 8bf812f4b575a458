from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.gates.balance import within_share


@pytest.mark.parametrize(
    ("rows", "share", "kept"),
    [
        ({"a": 60, "b": 20, "c": 20}, 1.0, {"a": 60, "b": 20, "c": 20}),
        ({"a": 60, "b": 20, "c": 20}, 0.5, {"a": 40, "b": 20, "c": 20}),
        ({"a": 50, "b": 50}, 0.5, {"a": 50, "b": 50}),
        ({"a": 51, "b": 49}, 0.5, {"a": 49, "b": 49}),
        ({"a": 10, "b": 10, "c": 1}, 0.4, {"a": 2, "b": 2, "c": 1}),
        ({"a": 10}, 0.5, {"a": 0}),
        ({"a": 10, "b": 0}, 0.9, {"a": 0, "b": 0}),
        ({}, 0.5, {}),
    ],
)
def test_skills_are_cut_to_their_share(rows: dict[str, int], share: float, kept: dict[str, int]) -> None:
    assert within_share(rows, share) == kept


@given(st.dictionaries(st.text("abcdef", min_size=1), st.integers(0, 300), max_size=6), st.floats(0.05, 1))
def test_as_many_rows_stay_as_the_share_allows(rows: dict[str, int], share: float) -> None:
    kept = within_share(rows, share)
    cap, total = max(kept.values(), default=0), sum(kept.values())
    assert all(kept[skill] == min(count, cap) for skill, count in rows.items())
    assert cap <= share * total + 1e-6
    if kept != rows:  # cutting less would break the rule
        assert cap + 1 > share * sum(min(count, cap + 1) for count in rows.values()) + 1e-9
