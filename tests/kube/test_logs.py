"""The log in the storage: whole, in order, in chunks, and never in the way."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from preceptor.errors import StorageError
from preceptor.kube.logs import LogChunks
from preceptor.storage import layout
from preceptor.storage.store import Store


def said(chunks: LogChunks, *words: str) -> None:
    for word in words:
        chunks.handle(logging.LogRecord("preceptor.run", logging.INFO, "", 0, word, None, None))


def messages(store: Store, attempt: int) -> list[str]:
    names = sorted(store.names(layout.logs(attempt)))
    lines = [line for name in names for line in store.read(f"{layout.logs(attempt)}/{name}").decode().splitlines()]
    return [json.loads(line)["message"] for line in lines]


def test_what_was_said_before_there_was_a_store_is_kept_too(tmp_path: Path) -> None:
    store, chunks = Store.open(str(tmp_path)), LogChunks(2, interval=0.01)
    said(chunks, "one")
    chunks.begin(store)
    said(chunks, "two\nlines")
    chunks.close()
    assert messages(store, 2) == ["one", "two\nlines"]


def test_another_driver_of_the_same_attempt_writes_behind_the_first(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    for word in ("first", "second"):
        chunks = LogChunks(1)
        chunks.begin(store)
        said(chunks, word)
        chunks.close()
    assert messages(store, 1) == ["first", "second"]


def test_a_chunk_that_cannot_be_written_waits_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, chunks = Store.open(str(tmp_path)), LogChunks(1, interval=0.01)
    write: Callable[[str, bytes], None] = store.write
    failures = [3]

    def failing(path: str, data: bytes) -> None:
        if failures[0]:
            failures[0] -= 1
            raise StorageError("away")
        write(path, data)

    monkeypatch.setattr(store, "write", failing)
    chunks.begin(store)
    said(chunks, "one", "two")
    while failures[0]:
        pass
    said(chunks, "three")
    chunks.close()
    assert messages(store, 1) == ["one", "two", "three"]
