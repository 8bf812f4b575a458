"""The spool: what the plain keeper keeps, on disk; what is on disk is gone with the process."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.errors import StorageError
from preceptor.gates.labels import verification
from preceptor.recipes.sample import Receipt, Sample
from preceptor.storage import datasets, spool
from preceptor.storage.spool import Spool
from preceptor.storage.store import Store
from preceptor.synthesis.keeping import InMemory, Keeper
from support.version_rows import INFO


def sample(question: str, skill: str, *, carried: bool = False, checked: bool = False, unit: int = 0) -> Sample:
    receipt = Receipt(
        recipe="r" * 64,
        attempt=1,
        generator="g",
        difficulty=1,
        unit=unit,
        index=0,
        teacher="t",
        carried_from="v000000000000" if carried else None,
        validators=("judge",) if checked else (),
        usd=0.1,
        tokens=3,
    )
    return Sample.create(skill=skill, fields={"q": question, "n": 1}, prompt=question, answer="a", receipt=receipt)


SAMPLES = st.builds(
    sample,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.sampled_from(["addition", "größe", "😀"]),
    carried=st.booleans(),
    checked=st.booleans(),
    unit=st.integers(0, 3),
)
STEPS = st.lists(
    st.one_of(
        SAMPLES,
        st.tuples(st.just("remove"), st.integers(0, 30)),
        st.tuples(st.sampled_from(["addition", "größe", "unknown"]), st.integers(0, 5)),
    ),
    max_size=40,
)


@given(STEPS)
def test_it_keeps_what_the_plain_keeper_keeps(steps: list[Sample | tuple[str, int]]) -> None:
    plain: Keeper = InMemory()
    with Spool() as kept:
        known = ["none"]
        for step in steps:
            if isinstance(step, Sample):
                known.append(step.id)
                for keeper in (plain, kept):
                    keeper.add(step, verification(step))
            elif step[0] == "remove":
                for keeper in (plain, kept):
                    keeper.remove(known[step[1] % len(known)])
            else:
                assert kept.trim(*step) == plain.trim(*step)
            assert len(kept) == len(plain)
        lines = sorted(datasets.rows.canonical(datasets.rows.normal(one.to_row())) for one in plain)
        assert sorted(map(datasets.rows.canonical, kept.rows())) == lines
        assert [one.id for one in kept] == [one.id for one in plain]
        assert list(kept) == list(kept) == [Sample.from_row(row) for row in kept.rows()]


def test_its_rows_are_committed_as_those_of_a_list(tmp_path: Path) -> None:
    samples = [sample(f"What is {number} + 1?", "addition", unit=number) for number in range(30)]
    twins = [sample("What is 3 + 1?", "addition", unit=unit) for unit in (9, 2, 40)]
    with Spool() as kept:
        for one in random.Random(5).sample([*samples, *twins], 33):
            kept.add(one, 0)
        manifest = datasets.commit(Store.open(str(tmp_path)), kept.rows(), INFO)
    rows = [one.to_row() for one in (*samples, *twins)]
    assert manifest.version == datasets.version_name(1, rows)
    assert {one["id"] for one in datasets.iter_rows(Store.open(str(tmp_path)), manifest.version)} == {
        one.id for one in samples
    }
    assert manifest.rows == 33


def test_text_that_is_no_unicode_stays_what_it_is() -> None:
    receipt = sample("whole", "s").receipt
    half = Sample("\udc00", "s\ud83d", {"q": "\ud83d"}, "\ud83d", "\udc00", receipt)
    with Spool() as kept:
        kept.add(half, 0)
        assert list(kept) == [half]
        assert kept.trim("s\ud83d", 1) == 1
        assert len(kept) == 0


def test_its_file_has_no_name_that_could_outlive_the_process() -> None:
    with Spool() as kept:
        for number in range(3_000):  # more than SQLite keeps in memory
            kept.add(sample(f"{number} " + "x" * 1_000, "s"), 0)
        held = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert any("etilqs_" in path and path.endswith("(deleted)") for path in held)


def test_a_full_disk_is_a_storage_error_with_a_mend() -> None:
    with Spool() as kept:
        kept.add(sample("first", "s"), 0)
        kept._database.execute("pragma max_page_count = 1")  # never below what is in use: no page can be added
        with pytest.raises(StorageError, match="database or disk is full") as caught:
            kept.add(sample("x" * 100_000, "s"), 0)
        assert "TMPDIR" in caught.value.mend
        assert [one.prompt for one in kept] == ["first"]


def test_a_directory_that_cannot_be_written_is_a_storage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> sqlite3.Connection:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(spool.sqlite3, "connect", refuse)
    with pytest.raises(StorageError, match="unable to open database file"):
        Spool()


def test_a_closed_spool_is_not_used() -> None:
    kept = Spool()
    kept.close()
    with pytest.raises(sqlite3.ProgrammingError):
        kept.add(sample("late", "s"), 0)
