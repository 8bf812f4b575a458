"""A rooted store: every path is relative to one root on a local disk, in memory or in a bucket.

Paths are POSIX, relative and plain (``ledger/000001-run-started.json``): no ``..``, no leading ``/``, no wildcard.
Methods raise :class:`StorageError` when the outside world is at fault, ``FileNotFoundError`` for reading what is
not there, ``FileExistsError`` for creating what is, and ``ValueError`` for a path that is not plain (a bug).
"""

from __future__ import annotations

import json
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from preceptor.errors import StorageError
from preceptor.storage.backends import Backend, Fsspec, LocalDisk, client_options
from preceptor.storage.failures import explained, safe

_SCHEME = re.compile(r"^([a-z][a-z0-9+.]*)://", re.IGNORECASE)
_PLAIN = re.compile(r"[^/\\*?\[\]\x00-\x1f]+")

_KINDS = {
    "memory": "memory",
    "s3": "s3",
    "s3a": "s3",
    "gs": "gs",
    "gcs": "gs",
    "abfs": "abfs",
    "abfss": "abfs",
    "az": "abfs",
}
_EXTRAS = {"s3": "s3", "gs": "gcs", "abfs": "azure"}


class Store:
    """One root. Cheap to make, safe to use from several threads, and picklable: a copy opens the same root."""

    def __init__(self, backend: Backend, root: str, uri: str) -> None:
        """Use :meth:`open`. ``root`` is the backend's own path, ``uri`` what a user would write for it."""
        self._backend = backend
        self._root = root
        self._uri = uri

    @classmethod
    def open(cls, uri: str, *, probe: bool = False) -> Store:
        """Open a root: a plain path (made absolute), ``file://``, ``memory://``, ``s3://``, ``gs://``, ``abfs://``.

        Credentials and endpoints come from the environment. With ``probe``, make sure that the root can be
        written and honours create-only writes, by creating and deleting one small object.

        Raises:
            StorageError: unknown kind of root, missing package, or (when probed) not writable.
        """
        scheme = _SCHEME.match(uri)
        if scheme is None or scheme[1].lower() in {"file", "local"}:
            path = os.path.abspath(os.path.expanduser(uri[scheme.end() :] if scheme else uri))
            store = cls(LocalDisk(), path.rstrip("/"), path)
        else:
            store = cls(*_open_remote(scheme[1].lower(), uri))
        if probe:
            store._probe()
        return store

    def __reduce__(self) -> tuple[Any, ...]:
        return (Store.open, (self._uri,))

    def __repr__(self) -> str:
        return f"Store({safe(self._uri)!r})"

    def child(self, *parts: str) -> Store:
        """The store rooted at a path below this one."""
        path = "/".join(parts)
        return Store(self._backend, self._path(path), self.uri(path))

    def uri(self, path: str = "") -> str:
        """What names the path outside: an absolute path on a local disk, else a URI; without a path, the root."""
        return f"{self._uri.rstrip('/')}/{_plain(path)}" if path else self._uri

    def local(self, path: str = "") -> Path | None:
        """The path as a local file or directory; ``None`` when the root is not on a local disk."""
        return Path(self._path(path)) if isinstance(self._backend, LocalDisk) else None

    def exists(self, path: str) -> bool:
        """Whether there is an object at the path, or something below it."""
        with explained("look for", self.uri(path), self._backend.failures):
            return self._backend.exists(self._path(path))

    def read(self, path: str) -> bytes:
        """The object's bytes. Raises ``FileNotFoundError`` when there is none."""
        with explained("read", self.uri(path), self._backend.failures, passes=(FileNotFoundError,)):
            return self._backend.read(self._path(path))

    def write(self, path: str, data: bytes) -> None:
        """Create or replace an object; a reader sees the old or the new content, never a part."""
        with explained("write", self.uri(path), self._backend.failures):
            self._backend.write(self._path(path), data)

    def create(self, path: str, data: bytes) -> None:
        """Create an object that must not exist yet; exactly one of several writers succeeds.

        Raises:
            FileExistsError: there is one. After a lost connection it may be this very one: who must know, puts
                something unique into ``data`` and compares.
        """
        with explained("create", self.uri(path), self._backend.failures, passes=(FileExistsError,)):
            self._backend.create(self._path(path), data)

    def names(self, prefix: str = "") -> list[str]:
        """Sorted names directly below a prefix, of objects and directories; what a killed write left is no name."""
        with explained("list", self.uri(prefix), self._backend.failures):
            return sorted(self._backend.names(self._path(prefix)))

    def delete(self, path: str) -> None:
        """Delete an object or everything below a prefix; nothing to delete is no error."""
        if not path:
            raise ValueError("the root itself is never deleted")
        with explained("delete", self.uri(path), self._backend.failures):
            self._backend.delete(self._path(path))

    def upload(self, directory: Path, prefix: str) -> None:
        """Copy all files of a local directory below a prefix, in order of name; each becomes visible whole."""
        for file in sorted(path for path in directory.rglob("*") if path.is_file()):
            path = f"{prefix}/{file.relative_to(directory).as_posix()}"
            with explained("write", self.uri(path), self._backend.failures):
                self._backend.put(file, self._path(path))

    def download(self, prefix: str, directory: Path) -> None:
        """Copy everything below a prefix into a local directory. Raises ``FileNotFoundError`` when that is nothing."""
        root = self._path(prefix)
        with explained("read", self.uri(prefix), self._backend.failures, passes=(FileNotFoundError,)):
            paths = sorted(self._backend.find(root))
            if not paths:
                raise FileNotFoundError(self.uri(prefix))
            for path in paths:
                target = directory / _plain(path.strip("/").removeprefix(root.strip("/") + "/"))
                target.parent.mkdir(parents=True, exist_ok=True)
                self._backend.get(path, target)

    def read_json(self, path: str) -> Any:
        """The object parsed as JSON. Raises ``FileNotFoundError``, or :class:`StorageError` when it is not JSON."""
        data = self.read(path)
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            raise StorageError(
                f"{safe(self.uri(path))} is not JSON: it was cut short or changed from outside",
                mend="restore it from a copy; nothing in Preceptor writes a part of an object",
            ) from error

    def write_json(self, path: str, value: Any) -> None:
        """:meth:`write` a value as JSON, indented, keys in their order."""
        self.write(path, to_json(value))

    def create_json(self, path: str, value: Any) -> None:
        """:meth:`create` a value as JSON, indented, keys in their order."""
        self.create(path, to_json(value))

    def _path(self, path: str) -> str:
        return f"{self._root}/{_plain(path)}" if path else self._root

    def _probe(self) -> None:
        name = f".probe-{secrets.token_hex(8)}.tmp"
        with suppress(FileExistsError):  # nobody else has this name: the reply to our own write was lost
            self.create(name, b"")
        try:
            self.create(name, b"")
        except FileExistsError:
            return
        finally:
            self.delete(name)
        raise StorageError(
            f"{safe(self._uri)} ignores conditional writes, so two drivers could overwrite each other",
            mend="use a server that honours If-None-Match on put (AWS S3 and current MinIO, Ceph and GCS do)",
        )


def to_json(value: Any) -> bytes:
    """Strict JSON as bytes, ASCII only, ending in a newline. Raises ``ValueError`` for NaN and infinity."""
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()


def _plain(path: str) -> str:
    """The path itself, when it is plain; ``ValueError`` otherwise."""
    parts = path.split("/")
    if any(part in {".", ".."} or not _PLAIN.fullmatch(part) for part in parts):
        raise ValueError(f"not a plain relative path: {path!r}")
    return path


def _open_remote(scheme: str, uri: str) -> tuple[Backend, str, str]:
    """Backend, its own root path and the URI, for everything that is not a local disk."""
    kind = _KINDS.get(scheme)
    if kind is None:
        raise StorageError(
            f"cannot open {safe(uri)}: `{scheme}://` cannot be a storage root",
            mend="use a path, file://, s3://, gs://, abfs:// or memory://",
        )
    from fsspec.core import url_to_fs  # late: importing fsspec reads the user's configuration

    try:
        with explained("open", uri, (OSError, ValueError)):
            # Others write too: a cached listing would be stale.
            fs, root = url_to_fs(uri, use_listings_cache=False, **client_options(kind))
        backend = Fsspec(fs, kind)
    except ImportError as error:
        extra = _EXTRAS[kind]
        raise StorageError(
            f"cannot open {safe(uri)}: the package for `{scheme}://` is not installed",
            mend=f"pip install 'preceptor[{extra}]'",
        ) from error
    root = root.rstrip("/")
    if kind != "memory" and not root:
        raise StorageError(f"cannot open {safe(uri)}: it names no bucket", mend=f"write {scheme}://BUCKET/PREFIX")
    if set(root) & set("*?[]"):
        raise StorageError(f"cannot open {safe(uri)}: it holds a wildcard", mend="use a prefix without * ? [ ]")
    return backend, root, uri.rstrip("/") if root else uri
