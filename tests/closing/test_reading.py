"""Who has read a private split is noted beside the runs, on every kind of storage."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from preceptor.closing.reading import Readings
from preceptor.storage import layout
from preceptor.storage.store import Store
from support.s3 import s3_root, s3_server

__all__ = ["s3_root", "s3_server"]

DIGEST, OTHER = "a" * 64, "b" * 64


@pytest.mark.parametrize("kind", ["disk", "memory", "s3_root"])
def test_a_second_run_over_the_same_items_names_the_first(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    uri = {"disk": str(tmp_path), "memory": f"memory://{uuid.uuid4().hex}"}.get(kind)
    root = Store.open(uri or str(request.getfixturevalue(kind)))
    assert Readings(root, DIGEST, "first").open(1).others == ()
    second = Readings(root, DIGEST, "second-2").open(1)
    assert (second.reading, second.others) == (1, ("first",))
    assert Readings(root, OTHER, "third").open(1).others == ()
    # Noted by a driver that was killed before the ledger knew, and read once more later: neither is another run.
    assert Readings(root, DIGEST, "first").open(1).others == ("second-2",)
    assert Readings(root, DIGEST, "first").open(2).others == ("second-2",)
    assert root.names(layout.readings(DIGEST)) == ["first-1.json", "first-2.json", "second-2-1.json"]


def test_a_comparisons_own_reading_is_that_of_its_run_and_is_not_noted(tmp_path: Path) -> None:
    root = Store.open(str(tmp_path))
    Readings(root, DIGEST, "first").open(1)
    event = Readings(None, DIGEST, "first", within=2).open(1)
    assert (event.reading, event.others) == (2, ())
    assert root.names(layout.readings(DIGEST)) == ["first-1.json"]
