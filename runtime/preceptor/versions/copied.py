"""A directory that is one version, copied out of its run."""

from __future__ import annotations

from pydantic import ValidationError

from preceptor.errors import StorageError
from preceptor.storage import layout
from preceptor.storage.datasets import Manifest, parse_name
from preceptor.storage.store import Store


class Copied(Store):
    """Such a directory, read as if it were a run's that holds this version and nothing else."""

    def __init__(self, place: Store, version: str) -> None:
        """``place`` is the version's own directory, ``version`` what it is called in its run."""
        super().__init__(place._backend, place._root, place._uri)
        self._inside = layout.dataset(version)
        self._version = version

    def names(self, prefix: str = "") -> list[str]:
        """See :class:`Store`."""
        if prefix == layout.DATASETS:
            return [self._version]
        return super().names(prefix) if self._is_inside(prefix) else []

    def exists(self, path: str) -> bool:
        """See :class:`Store`."""
        return self._is_inside(path) and super().exists(path)

    def read(self, path: str) -> bytes:
        """See :class:`Store`."""
        if not self._is_inside(path):
            raise FileNotFoundError(path)
        return super().read(path)

    def uri(self, path: str = "") -> str:
        """See :class:`Store`."""
        return super().uri(self._from_here(path))

    def _path(self, path: str) -> str:
        return super()._path(self._from_here(path))

    def _is_inside(self, path: str) -> bool:
        return path == self._inside or path.startswith(f"{self._inside}/")

    def _from_here(self, path: str) -> str:
        return path.removeprefix(self._inside).removeprefix("/") if self._is_inside(path) else path


def copied(place: Store) -> Copied:
    """The version in a directory, by the directory's name, or when that is no version's by what the manifest says.

    Raises:
        StorageError: neither names a version.
    """
    called = place.uri().rstrip("/").rsplit("/", 1)[-1]
    if parse_name(called) is not None:
        return Copied(place, called)
    try:
        said = Manifest.model_validate(place.read_json(layout.MANIFEST)).version
    except ValidationError as error:
        raise _nameless(place) from error
    if parse_name(said) is None:
        raise _nameless(place)
    return Copied(place, said)


def _nameless(place: Store) -> StorageError:
    return StorageError(
        f"{place.uri(layout.MANIFEST)} is not the manifest of a dataset version",
        mend="restore it from a copy, or give the directory the version's name",
    )
