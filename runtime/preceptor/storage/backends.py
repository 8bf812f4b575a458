"""How each kind of storage root reads, writes and creates: a local disk, memory, buckets.

Two promises hold on all of them. *Atomic*: a reader sees an object whole or not at all, whatever is killed when.
*Create-only*: of several writers that create one path, exactly one succeeds, and its content is what stays.

===========  ========================================  =======================================================
root         ``write``                                 ``create``
===========  ========================================  =======================================================
local disk   temporary file, fsync, ``rename``         temporary file, fsync, ``link`` (fails if the name is taken)
memory       one assignment                            the same under a lock; holds for one process
buckets      one put (or a completed multipart upload) the same with ``If-None-Match: *`` or its like
===========  ========================================  =======================================================
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from preceptor.storage.failures import Failures, passing, server_code
from preceptor.storage.patience import persist


class Backend(Protocol):
    """One kind of root. Paths are whole paths as the backend understands them."""

    failures: Failures
    """What its methods raise when the outside world is at fault; everything else is a bug."""

    def exists(self, path: str) -> bool:
        """Whether there is an object, or something below it."""

    def read(self, path: str) -> bytes:
        """The object's bytes; ``FileNotFoundError`` when there is none."""

    def write(self, path: str, data: bytes) -> None:
        """Create or replace the object."""

    def create(self, path: str, data: bytes) -> None:
        """Create the object; ``FileExistsError`` when there is one."""

    def names(self, path: str) -> list[str]:
        """Names directly below, of objects and directories; none when there is nothing."""

    def find(self, path: str) -> list[str]:
        """Whole paths of all objects below, at any depth."""

    def delete(self, path: str) -> None:
        """Delete the object and all below it; nothing to delete is no error."""

    def put(self, local: Path, path: str) -> None:
        """Create or replace the object from a local file, without holding it in memory."""

    def get(self, path: str, local: Path) -> None:
        """Copy the object to a local file."""


# --- local disk ---


def is_temporary(name: str) -> bool:
    """Whether a file name is that of an unfinished write, as a killed process leaves it."""
    return name.startswith(".") and name.endswith(".tmp")


def _temporary(path: str) -> str:
    directory, name = os.path.split(path)
    return os.path.join(directory, f".{name[:200]}.{secrets.token_hex(6)}.tmp")


def _make_directory(path: str) -> None:
    try:
        os.makedirs(path, exist_ok=True)
    except FileExistsError as error:  # a regular file in the way is no lost race
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path) from error


def _sync_directory(path: str) -> None:
    """Make the directory's entries survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _staged(path: str) -> Iterator[str]:
    """A temporary path beside ``path`` that is gone afterwards, whatever happens."""
    _make_directory(os.path.dirname(path))
    temporary = _temporary(path)
    try:
        yield temporary
    finally:
        Path(temporary).unlink(missing_ok=True)


def _write_through(path: str, data: bytes) -> None:
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


class LocalDisk:
    """A directory on this machine, or on a network mount with POSIX links and renames."""

    failures: Failures = (OSError,)

    def exists(self, path: str) -> bool:
        """See :class:`Backend`."""
        try:
            os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def read(self, path: str) -> bytes:
        """See :class:`Backend`."""
        return Path(path).read_bytes()

    def write(self, path: str, data: bytes) -> None:
        """See :class:`Backend`."""
        with _staged(path) as temporary:
            _write_through(temporary, data)
            os.replace(temporary, path)
        _sync_directory(os.path.dirname(path))

    def create(self, path: str, data: bytes) -> None:
        """See :class:`Backend`. ``link`` is the one call that refuses a taken name and brings the whole content."""
        with _staged(path) as temporary:
            _write_through(temporary, data)
            try:
                os.link(temporary, path)
            except PermissionError as error:  # how FAT and some FUSE mounts say that they have no hard links
                raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP), path) from error
        _sync_directory(os.path.dirname(path))

    def names(self, path: str) -> list[str]:
        """See :class:`Backend`."""
        try:
            return [name for name in os.listdir(path) if not is_temporary(name)]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def find(self, path: str) -> list[str]:
        """See :class:`Backend`."""
        return [
            os.path.join(directory, name)
            for directory, _, names in os.walk(path)
            for name in names
            if not is_temporary(name)
        ]

    def delete(self, path: str) -> None:
        """See :class:`Backend`."""
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            Path(path).unlink(missing_ok=True)

    def put(self, local: Path, path: str) -> None:
        """See :class:`Backend`."""
        with _staged(path) as temporary:
            shutil.copyfile(local, temporary)
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
        _sync_directory(os.path.dirname(path))

    def get(self, path: str, local: Path) -> None:
        """See :class:`Backend`."""
        shutil.copyfile(path, local)


# --- memory and buckets, through fsspec ---

_MEMORY_LOCK = threading.Lock()  # fsspec's memory file system is one for the whole process

_CLIENT_ERRORS = {
    "s3": (
        "botocore.exceptions:BotoCoreError",
        "botocore.exceptions:ClientError",
        "botocore.parsers:ResponseParserError",
        "aiohttp:ClientError",  # s3fs gives the bodies of answers as aiohttp does
    ),
    "gs": ("google.auth.exceptions:GoogleAuthError", "gcsfs.retry:HttpError", "aiohttp:ClientError"),
    "abfs": ("azure.core.exceptions:AzureError",),
    "memory": (),
}


_S3_RETRIES = {"mode": "standard", "total_max_attempts": 3}
"""A second or two at most, so that s3fs, which tries five times around it, and the store, which tries for a minute
around that, stay in charge."""


def client_options(kind: str) -> dict[str, Any]:
    """How the client library of a bucket is opened. What the user configured for botocore or fsspec goes first."""
    if kind != "s3" or {"AWS_RETRY_MODE", "AWS_MAX_ATTEMPTS"} & os.environ.keys():
        return {}
    from fsspec.config import conf  # late: see whoever opens the file system

    chosen = conf.get("s3", {}).get("config_kwargs", {})
    return {"config_kwargs": {"retries": _S3_RETRIES, **chosen}}


def _client_errors(kind: str) -> Failures:
    """The classes a bucket's client library raises beside ``OSError``."""
    located = (name.split(":") for name in _CLIENT_ERRORS[kind])
    return (OSError, *(getattr(import_module(module), cls) for module, cls in located))


class Fsspec:
    """Memory or a bucket behind an fsspec file system that was opened without a listings cache."""

    def __init__(self, fs: Any, kind: str) -> None:
        self._fs = fs
        self._lock: AbstractContextManager[Any] = _MEMORY_LOCK if kind == "memory" else nullcontext()
        self.failures: Failures = _client_errors(kind)

    def exists(self, path: str) -> bool:
        """See :class:`Backend`. Not ``fs.exists``, which takes any trouble for absence."""
        try:
            persist(lambda: self._fs.info(path), passing)
        except FileNotFoundError:
            return False
        return True

    def read(self, path: str) -> bytes:
        """See :class:`Backend`."""
        return bytes(persist(lambda: self._fs.cat_file(path), passing))

    def write(self, path: str, data: bytes) -> None:
        """See :class:`Backend`."""
        persist(lambda: self._fs.pipe_file(path, data), passing)

    def create(self, path: str, data: bytes) -> None:
        """See :class:`Backend`. S3 asks for a retry (409) when two conditional puts meet; one of them then wins."""
        try:
            with self._lock:
                persist(lambda: self._fs.pipe_file(path, data, mode="create"), passing)
        except FileExistsError:
            raise
        except OSError as error:
            if server_code(error) == "PreconditionFailed":  # s3fs knows only AWS's wording of it
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from error
            raise

    def names(self, path: str) -> list[str]:
        """See :class:`Backend`."""
        try:
            entries = persist(lambda: self._fs.ls(path, detail=False), passing)
        except FileNotFoundError:
            return []
        below = path.strip("/") + "/"
        return [name.removeprefix(below) for entry in entries if (name := entry.strip("/")).startswith(below)]

    def find(self, path: str) -> list[str]:
        """See :class:`Backend`."""
        return list(persist(lambda: self._fs.find(path), passing))

    def delete(self, path: str) -> None:
        """See :class:`Backend`. s3fs says nothing of objects that the server refused to delete, so look again."""
        try:
            persist(lambda: self._fs.rm(path, recursive=True), passing)
        except FileNotFoundError:
            return
        if self.find(path):
            raise OSError(errno.EIO, "the server kept what it was asked to delete")

    def put(self, local: Path, path: str) -> None:
        """See :class:`Backend`."""
        persist(lambda: self._fs.put_file(str(local), path), passing)

    def get(self, path: str, local: Path) -> None:
        """See :class:`Backend`."""
        persist(lambda: self._fs.get_file(path, str(local)), passing)
