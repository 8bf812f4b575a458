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


def test_shards_of_the_teacher_log_are_read_back() -> None:
    writer = layout.teacher_writer(12, "worker-3")
    path = layout.teacher_shard(7, writer, 42)
    assert path == "teacher/0007/000012-worker-3-000042.jsonl.zst"
    assert path.startswith(layout.teacher_shards(7))
    assert layout.parse_teacher_shard(path.rsplit("/", 1)[1]) == (writer, 42)
    assert layout.parse_teacher_shard("notes.jsonl.zst") is None


@pytest.mark.parametrize(("attempt", "writer"), [(-1, "000001-a"), (1, "a"), (1, "000001-A"), (1, "000001-a/b")])
def test_a_shard_has_a_plain_name(attempt: int, writer: str) -> None:
    with pytest.raises(ValueError, match="not a shard"):
        layout.teacher_shard(attempt, writer, 0)
