"""Makes rows a version, holding no more than a shard or two of them in memory."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter

from preceptor.evaluation.diversity import DiversityMeter
from preceptor.storage import layout
from preceptor.storage.card import render_card
from preceptor.storage.croissant import render_croissant
from preceptor.storage.datasets.manifest import FileInfo, Manifest, VersionInfo
from preceptor.storage.datasets.names import named
from preceptor.storage.datasets.reading import exists, read_manifest
from preceptor.storage.datasets.rows import Ordered, Row, normal, ordered, rows_digest
from preceptor.storage.datasets.shards import ShardWriter, cut, write_shards
from preceptor.storage.store import Store


def commit(
    store: Store,
    rows: Sequence[Row] | Ordered,
    info: VersionInfo,
    write: ShardWriter | None = None,
    says: Callable[[Row], str] = itemgetter("prompt"),
) -> Manifest:
    """Make rows a version. When it exists already, do nothing but return its manifest as it stands.

    The rows are gone through twice: for their digest, and for the files. An :class:`Ordered` that reads them from
    somewhere is never held in memory.

    Args:
        store: the run's store.
        rows: at least one row.
        info: what else to write down.
        write: how to write shards; one after the other in this process when absent.
        says: the text of a row that its variety is measured by; best without what all prompts have in common.

    Raises:
        StorageError: the root cannot be written.
        ValueError: a row has other columns than :data:`Row`, there is none, or they are not in order.
    """
    in_order = ordered(rows)
    digest = rows_digest(in_order)
    version = named(info.number, digest)
    if exists(store, version):
        return read_manifest(store, version)
    survey = _Survey(in_order, says)
    shards = tuple((write or write_shards)(store.uri(), version, cut(survey)))
    if sum(shard.rows for shard in shards) != len(in_order):
        raise ValueError(f"{sum(shard.rows for shard in shards)} of {len(in_order)} rows were written")
    _sweep(store, version, {shard.path for shard in shards})
    manifest = Manifest(
        **info.model_dump(),
        version=version,
        digest=digest,
        rows=len(in_order),
        skills=dict(sorted(survey.skills.items())),
        diversity=survey.diversity.result().model_dump(mode="json"),
        shards=shards,
    )
    manifest = manifest.model_copy(update={"files": _describe(store, manifest)})
    try:
        store.create_json(layout.dataset_manifest(version), manifest.model_dump(mode="json"))
    except FileExistsError:
        # Someone committed these rows meanwhile, or this is our own manifest and its reply was lost. What stands
        # stays, and so do the files it lists, which ours may just have replaced.
        manifest = read_manifest(store, version)
        _describe(store, manifest)
    return manifest


def _describe(store: Store, manifest: Manifest) -> tuple[FileInfo, ...]:
    """Write the files beside the rows; what they say depends on the manifest alone."""
    said = manifest.model_copy(update={"files": ()}).model_dump(mode="json")
    files = {layout.CARD: render_card(said), layout.CROISSANT: render_croissant(said)}
    return tuple(_write(store, manifest.version, name, text.encode(errors="replace")) for name, text in files.items())


class _Survey:
    """Rows on their way into files, counted as they pass."""

    def __init__(self, rows: Ordered, says: Callable[[Row], str]) -> None:
        self._rows = rows
        self._says = says
        self.skills: Counter[str] = Counter()
        self.diversity = DiversityMeter()

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            self.skills[row["skill"]] += 1
            self.diversity.add(self._says(row), row["skill"])
            yield normal(row)


def _write(store: Store, version: str, name: str, data: bytes) -> FileInfo:
    store.write(f"{layout.dataset(version)}/{name}", data)
    return FileInfo(path=name, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def _sweep(store: Store, version: str, shards: set[str]) -> None:
    """Delete shards that a killed commit of another release left: who reads ``data-*.parquet`` would read them too."""
    for name in store.names(layout.dataset(version)):
        if name.endswith(".parquet") and name not in shards:
            store.delete(f"{layout.dataset(version)}/{name}")
