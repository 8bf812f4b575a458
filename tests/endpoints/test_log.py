"""What was written stays, is read back as it was, and a writer in trouble tells everyone who waits for it."""

from __future__ import annotations

import asyncio
import random
import threading
import tracemalloc
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.endpoints.index import LogIndex
from preceptor.endpoints.log import AT_ONCE, LogWriter
from preceptor.endpoints.messages import Answer, Usage
from preceptor.endpoints.records import Record, pack, unpack
from preceptor.errors import StorageError
from preceptor.recipes.amount import Amount
from preceptor.storage import layout
from preceptor.storage.store import Store
from support.logs import Troubled, answer, at_once, request, shards, stored
from support.s3 import s3_root, s3_server

__all__ = ["s3_root", "s3_server"]

WRITER = layout.teacher_writer(3, "worker-1")
WORST = Amount(requests=1, tokens=1000, picodollars=2000)
COST = Amount(requests=1, tokens=15, picodollars=30)


@pytest.fixture(params=["file", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "s3":
        return Store.open(str(request.getfixturevalue("s3_root")))
    return Store.open(str(tmp_path / "root") if request.param == "file" else f"memory://{uuid.uuid4().hex}")


@pytest.fixture
def memory() -> Store:
    return Store.open(f"memory://{uuid.uuid4().hex}")


def write(store: Store, *records: Record, writer: str = WRITER, attempt: int = 1) -> None:
    async def main() -> None:
        async with LogWriter(store, attempt, writer, sleep=at_once) as log:
            for record in records:
                await log.write(record)

    asyncio.run(main())


def intent(number: int) -> Record:
    return Record.intent(request(number), WORST)


def outcome(number: int, text: str = "42", charged: Amount = COST) -> Record:
    return Record.outcome(request(number), answer(text), charged)


def edited(data: bytes, old: bytes, new: bytes) -> bytes:
    """A shard with other content under the same compression."""
    import pyarrow as pa

    text = pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()
    assert old in text
    changed: bytes = pa.compress(text.replace(old, new), "zstd", asbytes=True)
    return changed


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3),
    max_leaves=8,
)
ANSWERS = st.builds(
    Answer,
    text=st.text(st.characters()),
    failure=st.sampled_from([None, "cut-off", "timeout", "budget"]),
    usage=st.builds(Usage, st.integers(0, 10**6), st.integers(0, 10**6)),
    model=st.text(),
    value=JSON,
)


@given(ANSWERS, st.integers(0, 2**80))
def test_a_record_is_read_back_as_it_was_whatever_a_model_wrote(answered: Answer, money: int) -> None:
    record = Record.outcome(request(1), answered, Amount(requests=1, tokens=7, picodollars=money))
    line = record.to_line()
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert Record.from_line(line) == record


def test_a_written_record_is_in_the_store_before_write_returns(store: Store) -> None:
    async def main() -> None:
        async with LogWriter(store, 1, WRITER, sleep=at_once) as log:
            await log.write(intent(1))
            assert stored(store) == [intent(1)]
            await log.write(outcome(1))
            assert stored(store) == [intent(1), outcome(1)]

    asyncio.run(main())
    index = LogIndex.read(store, 1)
    found = index.outcome(request(1).digest)
    assert found is not None
    assert (found.answer, found.charged) == (answer(), COST)
    assert (index.charged, index.lost, index.answers) == (COST, Amount(), 1)


def test_what_comes_together_lies_together(memory: Store) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def main() -> None:
        log = LogWriter(memory, 1, WRITER, delay=0.5, sleep=sleep)
        await asyncio.gather(*(log.write(intent(number)) for number in range(100)))
        await log.close()

    asyncio.run(main())
    assert len(shards(memory)) == 1
    assert stored(memory) == [intent(number) for number in range(100)]
    assert slept == [0.0]


def test_groups_keep_their_distance_and_what_follows_a_pause_need_not_wait(memory: Store) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def main() -> None:
        async with LogWriter(memory, 1, WRITER, delay=30.0, sleep=sleep) as log:
            await log.write(intent(1))
            await log.write(intent(2))

    asyncio.run(main())
    assert slept == [0.0, pytest.approx(30.0, abs=5.0)]
    assert len(shards(memory)) == 2


def test_those_who_waited_for_a_group_go_on_a_few_at_a_time(memory: Store) -> None:
    gone: list[int] = []
    steps: list[int] = []

    async def main() -> None:
        async with LogWriter(memory, 1, WRITER, sleep=at_once) as log:

            async def one(number: int) -> None:
                await log.write(intent(number))
                gone.append(number)

            writing = asyncio.gather(*map(one, range(100)))
            while not writing.done():
                before = len(gone)
                await asyncio.sleep(0)
                steps.append(len(gone) - before)

    asyncio.run(main())
    assert gone == list(range(100))
    assert max(steps) == AT_ONCE


def test_a_writer_that_is_cancelled_keeps_nobody_waiting_for_what_is_written(memory: Store) -> None:
    async def main() -> None:
        log = LogWriter(memory, 1, WRITER, sleep=at_once)
        writing = [asyncio.create_task(log.write(intent(number))) for number in range(100)]
        await asyncio.wait(writing, return_when=asyncio.FIRST_COMPLETED)
        [flusher] = [task for task in asyncio.all_tasks() if task.get_name() == "log-of-requests"]
        flusher.cancel()
        await asyncio.gather(*writing)

    asyncio.run(main())
    assert stored(memory) == [intent(number) for number in range(100)]


def test_a_shard_is_bounded(memory: Store) -> None:
    async def main() -> None:
        async with LogWriter(memory, 1, WRITER, shard_bytes=2000, sleep=at_once) as log:
            await asyncio.gather(*(log.write(intent(number)) for number in range(100)))

    asyncio.run(main())
    sizes = [sum(map(len, unpack(memory.read(path)))) for path in shards(memory)]
    longest = len(intent(99).to_line())
    assert max(sizes) < 2000 + longest
    assert len(stored(memory)) == 100


def test_the_loop_goes_on_while_the_store_takes_its_time(memory: Store) -> None:
    entered, released = threading.Event(), threading.Event()

    def slowly(create: Callable[[str, bytes], None], path: str, data: bytes) -> None:
        entered.set()
        assert released.wait(30)
        create(path, data)

    async def main() -> None:
        slow = Troubled(memory, slowly)
        async with LogWriter(slow, 1, WRITER, sleep=at_once) as log:
            first = asyncio.create_task(log.write(intent(1)))
            while not entered.is_set():
                await asyncio.sleep(0)
            second = asyncio.create_task(log.write(intent(2)))  # comes while the first is being written
            for _ in range(10):
                await asyncio.sleep(0)
            assert not first.done()
            released.set()
            await asyncio.gather(first, second)
        assert threading.main_thread().name not in slow.threads

    asyncio.run(main())
    assert [record.digest for record in stored(memory)] == [request(1).digest, request(2).digest]
    assert len(shards(memory)) == 2


def test_a_failing_store_is_told_to_everyone_who_waits_and_everyone_after(memory: Store) -> None:
    def full(create: Callable[[str, bytes], None], path: str, data: bytes) -> None:
        raise StorageError("no space left", mend="free some")

    async def main() -> list[BaseException | object]:
        log = LogWriter(Troubled(memory, full), 1, WRITER, sleep=at_once)
        results = await asyncio.gather(*(log.write(intent(number)) for number in range(5)), return_exceptions=True)
        with pytest.raises(StorageError, match="no space left"):
            await log.write(intent(6))
        await log.close()
        return list(results)

    results = asyncio.run(main())
    assert all(isinstance(result, StorageError) and result.mend == "free some" for result in results)
    assert len(set(map(id, results))) == 5


def test_an_interrupted_write_is_never_taken_for_a_written_one(memory: Store) -> None:
    asked = asyncio.Event()

    async def forever(seconds: float) -> None:
        asked.set()
        await asyncio.Event().wait()

    async def main() -> None:
        log = LogWriter(memory, 1, WRITER, sleep=forever)
        waiting = asyncio.create_task(log.write(intent(1)))
        await asked.wait()
        (flusher,) = (task for task in asyncio.all_tasks() if task.get_name() == "log-of-requests")
        flusher.cancel()
        with pytest.raises(StorageError, match="interrupted"):
            await waiting

    asyncio.run(main())
    assert stored(memory) == []


def test_a_closed_log_takes_no_more(memory: Store) -> None:
    async def main() -> None:
        log = LogWriter(memory, 1, WRITER, sleep=at_once)
        await log.close()
        await log.close()
        with pytest.raises(StorageError, match="closed"):
            await log.write(intent(1))

    asyncio.run(main())


def test_a_lost_reply_to_our_own_write_is_no_conflict(memory: Store) -> None:
    def twice(create: Callable[[str, bytes], None], path: str, data: bytes) -> None:
        create(path, data)
        create(path, data)

    write(Troubled(memory, twice), intent(1), outcome(1))
    assert stored(memory) == [intent(1), outcome(1)]


def test_a_process_of_the_same_name_continues_the_numbers(store: Store) -> None:
    write(store, intent(1), outcome(1))
    write(store, intent(1), outcome(1, "again"))
    assert [layout.parse_teacher_shard(path.rsplit("/", 1)[1]) for path in shards(store)] == [
        (WRITER, number) for number in range(4)
    ]
    index = LogIndex.read(store, 1)
    first = index.outcome(request(1).digest)
    assert first is not None
    assert first.answer == answer("42")
    assert index.charged == COST * 2


def test_attempts_have_logs_of_their_own(memory: Store) -> None:
    write(memory, intent(1), outcome(1), attempt=0)
    assert request(1).digest in LogIndex.read(memory, 0)
    assert request(1).digest not in LogIndex.read(memory, 1)
    with pytest.raises(ValueError, match="not a shard"):
        LogWriter(memory, 1, "Worker")


def test_what_was_begun_and_not_finished_is_lost_at_its_worst(memory: Store) -> None:
    other = layout.teacher_writer(2, "engineer")
    write(memory, intent(1), intent(2), outcome(1), intent(3), Record.returned(request(3)))
    write(memory, intent(2), intent(4), Record.outcome(request(4), answer(failure="lost"), WORST), writer=other)
    index = LogIndex.read(memory, 1)
    assert index.lost == WORST * 2
    assert index.lost_by(WRITER) == index.lost_by(other) == WORST
    assert index.charged == COST + WORST
    assert index.spent == COST + WORST * 3
    assert (index.answers, index.failures) == (1, {"lost": 1})
    assert (request(2).digest in index, request(3).digest in index, len(index)) == (False, False, 2)
    assert index.charged_for(request(4).digest) == WORST
    assert index.charged_for(request(2).digest) is None


def test_a_refusal_counts_only_when_there_is_nothing_else(memory: Store) -> None:
    refusal = Record.outcome(request(1), answer("", failure="budget", usage=(0, 0)), Amount())
    write(memory, refusal)
    index = LogIndex.read(memory, 1)
    found = index.outcome(request(1).digest)
    assert found is not None
    assert found.answer.failure == "budget"
    assert index.charged_for(request(1).digest) is None
    write(memory, intent(1), outcome(1), writer=layout.teacher_writer(4, "worker-1"))
    found = LogIndex.read(memory, 1).outcome(request(1).digest)
    assert found is not None
    assert found.answer == answer()
    write(memory, refusal, writer=layout.teacher_writer(5, "worker-1"))
    assert LogIndex.read(memory, 1).outcome(request(1).digest) == found


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda data: data[:-9], "not a whole shard"),
        (lambda data: b"", "not a whole shard"),
        (lambda data: pack(WRITER, "0", [b"{}\n"]), "no record"),
        (lambda data: pack(WRITER, "0", [b"[1]\n"]), "no record"),
        (lambda data: edited(data, b'"tokens":15', b'"tokens":14'), "not a whole shard"),
        (lambda data: edited(data, b'"sha256"', b'"sha257"'), "not a whole shard"),
    ],
)
def test_a_damaged_shard_is_named(memory: Store, damage: Callable[[bytes], bytes], what: str) -> None:
    write(memory, intent(1), outcome(1), intent(2))
    path = shards(memory)[1]
    memory.write(path, damage(memory.read(path)))
    with pytest.raises(StorageError, match=what) as caught:
        LogIndex.read(memory, 1)
    assert path in str(caught.value)


@pytest.mark.parametrize("lines", [[], [outcome(2).to_line()], [intent(1).to_line()]])
def test_a_shard_that_was_exchanged_after_it_was_indexed_is_named(memory: Store, lines: list[bytes]) -> None:
    write(memory, intent(1), outcome(1))
    index = LogIndex.read(memory, 1)
    path = shards(memory)[1]
    memory.write(path, pack(WRITER, "0", lines))
    with pytest.raises(StorageError, match="was changed") as caught:
        index.outcome(request(1).digest)
    assert path in str(caught.value)


def test_a_shard_missing_between_others_is_noticed(memory: Store) -> None:
    write(memory, intent(1), outcome(1), intent(2))
    memory.delete(shards(memory)[1])
    with pytest.raises(StorageError, match="lacks a shard"):
        LogIndex.read(memory, 1)


def test_a_shard_that_goes_after_it_was_indexed_is_named(memory: Store) -> None:
    write(memory, intent(1), outcome(1))
    index = LogIndex.read(memory, 1)
    path = shards(memory)[1]
    memory.delete(path)
    with pytest.raises(StorageError, match="is missing") as caught:
        index.outcome(request(1).digest)
    assert path in str(caught.value)


def test_other_files_in_the_directory_are_left_alone(memory: Store) -> None:
    write(memory, intent(1), outcome(1))
    memory.write(f"{layout.teacher_shards(1)}/notes.txt", b"mine")
    assert len(LogIndex.read(memory, 1)) == 1


def test_an_index_keeps_no_answers(memory: Store) -> None:
    texts = random.Random(0)
    numbers = range(2000)
    long = {number: texts.randbytes(1000).hex() for number in numbers}

    async def main() -> None:
        async with LogWriter(memory, 1, WRITER, sleep=at_once) as log:
            await asyncio.gather(*(log.write(outcome(number, long[number])) for number in numbers))

    asyncio.run(main())
    LogIndex.read(memory, 1)  # what is imported late is no part of the index
    tracemalloc.start()
    try:
        index = LogIndex.read(memory, 1)
        assert tracemalloc.get_traced_memory()[0] < 400 * len(numbers)
    finally:
        tracemalloc.stop()
    assert all(
        (found := index.outcome(request(number).digest)) is not None and found.answer.text == long[number]
        for number in numbers
    )
