"""A store keeps its promises on a disk, in memory and in a bucket behind HTTP."""

from __future__ import annotations

import errno
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest

from preceptor.errors import StorageError
from preceptor.storage import backends
from preceptor.storage.store import Store


def test_what_is_written_is_read_and_replaced(store: Store) -> None:
    assert not store.exists("a/b.txt")
    store.write("a/b.txt", b"one")
    store.write("a/b.txt", b"two")
    assert store.read("a/b.txt") == b"two"
    assert store.exists("a/b.txt")
    assert store.exists("a")


def test_empty_and_large_objects_survive(store: Store) -> None:
    large = os.urandom(3_000_000)
    store.write("empty", b"")
    store.create("large", large)
    assert store.read("empty") == b""
    assert store.read("large") == large


def test_reading_nothing_is_a_file_not_found(store: Store) -> None:
    with pytest.raises(FileNotFoundError):
        store.read("a/b.txt")
    with pytest.raises(FileNotFoundError):
        store.read_json("a.json")


def test_create_never_replaces(store: Store) -> None:
    store.create("a", b"first")
    with pytest.raises(FileExistsError):
        store.create("a", b"second")
    assert store.read("a") == b"first"


def test_of_racing_creators_one_wins_and_its_content_stays(root: str) -> None:
    writers = 8
    start = threading.Barrier(writers)
    won: list[bytes] = []

    def create(number: int) -> None:
        mine = Store.open(root)
        content = str(number).encode() * 10_000
        start.wait()
        try:
            mine.create("claim", content)
        except FileExistsError:
            return
        won.append(content)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert Store.open(root).read("claim") == won[0]


def test_two_processes_race_on_a_disk(tmp_path: Path) -> None:
    code = (
        "import sys; from preceptor.storage.store import Store\n"
        "store = Store.open(sys.argv[1]); sys.stdin.readline(); wins = 0\n"
        "for number in range(60):\n"
        "    try: store.create(f'claims/{number}', sys.argv[2].encode()); wins += 1\n"
        "    except FileExistsError: pass\n"
        "print(wins)"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in ("a", "b")
    ]
    wins = [int(racer.communicate("go\n")[0]) for racer in racers]
    assert sum(wins) == 60


def test_names_are_direct_children_in_order(store: Store) -> None:
    for path in ("x/b.json", "x/a.json", "x/deep/er.json", "xy.json"):
        store.write(path, b"{}")
    assert store.names("x") == ["a.json", "b.json", "deep"]
    assert store.names() == ["x", "xy.json"]
    assert store.names("nothing") == []
    assert store.names("xy.json") == []


def test_another_writer_is_seen_at_once(root: str) -> None:
    here, there = Store.open(root), Store.open(root)
    assert here.names("a") == []
    there.create("a/1", b"")
    assert here.names("a") == ["1"]
    assert here.exists("a/1")


def test_delete_takes_everything_below(store: Store) -> None:
    store.write("a/b/c", b"1")
    store.write("a/d", b"2")
    store.write("ab", b"3")
    store.delete("a")
    store.delete("a")
    store.delete("never/was")
    assert store.names() == ["ab"]
    store.delete("ab")
    assert not store.exists("ab")
    with pytest.raises(ValueError, match="root"):
        store.delete("")


def test_children_and_uris_lead_to_the_same_place(store: Store) -> None:
    child = store.child("runs", "one")
    child.write("spec.yaml", b"x")
    assert store.read("runs/one/spec.yaml") == b"x"
    assert Store.open(store.uri("runs/one")).read("spec.yaml") == b"x"
    assert pickle.loads(pickle.dumps(child)).read("spec.yaml") == b"x"
    assert child.uri("spec.yaml") == store.uri("runs/one/spec.yaml")


def test_directories_go_up_and_come_down(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "a.bin").write_bytes(b"a" * 100_000)
    (source / "deep" / "b.txt").write_text("b")
    store.upload(source, "checkpoints/one")
    target = tmp_path / "target"
    store.download("checkpoints/one", target)
    assert sorted(path.relative_to(target).as_posix() for path in target.rglob("*.*")) == ["a.bin", "deep/b.txt"]
    assert (target / "a.bin").read_bytes() == b"a" * 100_000
    with pytest.raises(FileNotFoundError):
        store.download("checkpoints/two", target)


def test_json_round_trips_and_torn_json_is_explained(store: Store) -> None:
    store.write_json("a.json", {"b": [1, None, "ü"]})
    assert store.read_json("a.json") == {"b": [1, None, "ü"]}
    with pytest.raises(FileExistsError):
        store.create_json("a.json", {})
    store.write("a.json", b'{"b": [1')
    with pytest.raises(StorageError, match=r"a\.json is not JSON"):
        store.read_json("a.json")
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.write_json("a.json", float("nan"))


@pytest.mark.parametrize("path", ["../a", "a/../b", "/a", "a//b", "a/", "./a", "a\\b", "a*", "a[1]", "a\n"])
def test_paths_are_plain(store: Store, path: str) -> None:
    with pytest.raises(ValueError, match="plain"):
        store.write(path, b"")


def test_probe_leaves_nothing_behind(root: str) -> None:
    assert Store.open(root, probe=True).names() == []


def test_plain_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store.open("runs")
    assert store.uri() == str(tmp_path / "runs")
    assert store.local("a") == tmp_path / "runs" / "a"
    assert Store.open(f"file://{tmp_path}/runs/").uri() == str(tmp_path / "runs")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Store.open("~/runs").uri() == str(tmp_path / "runs")
    assert Store.open("memory://x").local() is None


# --- a local disk and its accidents ---


def test_a_writer_killed_at_any_moment_leaves_old_or_new(tmp_path: Path) -> None:
    code = (
        "import sys; from preceptor.storage.store import Store\n"
        "store = Store.open(sys.argv[1]); number = 0\n"
        "while True:\n"
        "    store.write('state', bytes([65 + number % 26]) * 500_000)\n"
        "    store.create(f'events/{number}', b'x' * 100_000)\n"
        "    number += 1\n"
        "    print(number, flush=True)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    for _ in range(5):
        writer.stdout.readline()
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    store = Store.open(str(tmp_path))
    state = store.read("state")
    assert len(state) == 500_000
    assert len(set(state)) == 1
    assert all(len(store.read(f"events/{name}")) == 100_000 for name in store.names("events"))


def test_leftovers_of_a_killed_writer_are_no_names(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    store.write("a/b", b"")
    (tmp_path / "a" / ".b.0123456789ab.tmp").write_bytes(b"half")
    store.upload(tmp_path / "a", "c")
    assert store.names("a") == ["b"]
    store.download("a", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b"]


def test_a_file_in_the_way_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for action in (
        lambda store: store.write("a/b", b""),
        lambda store: store.create("a/b", b""),
        lambda store: store.read("a"),
    ):
        with pytest.raises(StorageError, match="is a file, not a directory") as caught:
            action(Store.open(str(tmp_path / "file" / "root")))
        assert str(tmp_path / "file" / "root") in caught.value.message
        assert caught.value.mend


def test_a_root_that_refuses_writes_is_found_by_the_probe() -> None:
    with pytest.raises(StorageError, match="cannot create /proc/"):
        Store.open("/proc/preceptor", probe=True)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "permission denied"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_a_full_or_closed_disk_is_explained_and_cleaned_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    store = Store.open(str(tmp_path))
    store.write("a", b"old")

    def fail(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(backends.os, "fsync", fail)
    with pytest.raises(StorageError, match=words) as caught:
        store.write("a", b"new")
    assert caught.value.mend
    assert isinstance(caught.value.__cause__, OSError)
    assert store.read("a") == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_disk_without_hard_links_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: str, target: str) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(backends.os, "link", refuse)
    with pytest.raises(StorageError, match="no hard links"):
        Store.open(str(tmp_path)).create("a", b"")
    assert os.listdir(tmp_path) == []


# --- buckets and their accidents ---


def test_a_missing_bucket_is_explained(s3_root: str) -> None:
    store = Store.open("s3://no-such-bucket/x")
    actions: list[Callable[[], object]] = [
        lambda: Store.open("s3://no-such-bucket/x", probe=True),
        lambda: store.write("a", b""),
        lambda: store.read("a"),
    ]
    for action in actions:
        with pytest.raises(StorageError, match="bucket or container does not exist"):
            action()


def test_missing_credentials_are_explained(s3_root: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    fsspec.filesystem("s3").clear_instance_cache()
    with pytest.raises(StorageError, match="no usable credentials"):
        Store.open(s3_root, probe=True)
    fsspec.filesystem("s3").clear_instance_cache()


def test_a_refused_key_is_explained_without_secrets(s3_root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open(s3_root)

    def refuse(path: str, data: bytes) -> None:
        raise PermissionError("Access Denied")

    monkeypatch.setattr(store._backend._fs, "pipe_file", refuse)  # type: ignore[attr-defined]
    with pytest.raises(StorageError, match=f"cannot write {s3_root}/a: permission denied"):
        store.write("a", b"")


def test_an_absent_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(uri: str, **options: object) -> object:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", absent)
    with pytest.raises(StorageError, match="is not installed") as caught:
        Store.open("s3://bucket/x")
    assert caught.value.mend == "pip install 'preceptor[s3]'"


@pytest.mark.parametrize(("uri", "package", "extra"), [("gs://b/x", "gcsfs", "gcs"), ("abfs://c/x", "adlfs", "azure")])
def test_other_clouds_name_their_extra_where_it_is_absent(
    monkeypatch: pytest.MonkeyPatch, uri: str, package: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(StorageError) as caught:
        Store.open(uri)
    assert caught.value.mend == f"pip install 'preceptor[{extra}]'"


def test_a_server_that_ignores_conditions_is_found_by_the_probe(s3_root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = backends.Fsspec.write
    monkeypatch.setattr(backends.Fsspec, "create", plain)
    with pytest.raises(StorageError, match="ignores conditional writes"):
        Store.open(s3_root, probe=True)


class ServerError(Exception):
    """What botocore raises: an error with the server's code in its response."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code}}


def test_a_conflict_is_tried_again_and_a_failed_condition_is_a_lost_race(
    s3_root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(s3_root)
    codes = ["ConditionalRequestConflict", "ConditionalRequestConflict", "PreconditionFailed"]
    pauses: list[float] = []

    def answer(path: str, data: bytes, mode: str) -> None:
        raise OSError(errno.EIO, "server") from ServerError(codes.pop(0))

    monkeypatch.setattr(store._backend._fs, "pipe_file", answer)  # type: ignore[attr-defined]
    monkeypatch.setattr(time, "sleep", pauses.append)
    with pytest.raises(FileExistsError):
        store.create("a", b"")
    assert codes == []
    assert len(pauses) == 2


def test_a_conflict_that_does_not_end_is_explained(s3_root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open(s3_root)

    def answer(path: str, data: bytes, mode: str) -> None:
        raise OSError(errno.EIO, "try again") from ServerError("ConditionalRequestConflict")

    monkeypatch.setattr(store._backend._fs, "pipe_file", answer)  # type: ignore[attr-defined]
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with pytest.raises(StorageError, match="other writers kept creating"):
        store.create("a", b"")


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("https://example.org/x", "cannot be a storage root"),
        ("s3://", "names no bucket"),
        ("s3://bucket/a*", "wildcard"),
        ("sftp://user:hunter2@host/x?sig=hunter2", "cannot be a storage root"),
    ],
)
def test_roots_that_cannot_be_are_refused(uri: str, words: str) -> None:
    with pytest.raises(StorageError, match=words) as caught:
        Store.open(uri)
    assert caught.value.mend
    assert "hunter2" not in str(caught.value)
