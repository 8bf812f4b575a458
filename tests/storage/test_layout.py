"""Paths are spelled once and read back as they were spelled."""

from __future__ import annotations

import pytest

from preceptor.storage import layout


def test_events_and_leases_are_read_back() -> None:
    assert layout.event(42, "student-trained") == "ledger/000042-student-trained.json"
    assert layout.parse_event("000042-student-trained.json") == (42, "student-trained")
    assert layout.parse_event(layout.event(12_345_678, "a").removeprefix("ledger/")) == (12_345_678, "a")
    assert layout.parse_lease(layout.lease(3).removeprefix("leases/")) == 3
    assert layout.parse_lease(layout.heartbeat(3).removeprefix("leases/")) is None


@pytest.mark.parametrize("name", ["notes.txt", "42-a.json", "000042.json", "000042-a.json.bak", "000042-A.json"])
def test_other_names_are_no_events(name: str) -> None:
    assert layout.parse_event(name) is None


def test_events_count_from_one() -> None:
    with pytest.raises(ValueError, match="not an event"):
        layout.event(0, "a")
