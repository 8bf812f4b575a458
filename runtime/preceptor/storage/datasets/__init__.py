"""Dataset versions: immutable, named by their content, readable by anything that reads Parquet.

A version is a directory of ``data-00000.parquet`` …, ``README.md``, ``croissant.json`` and, written last,
``manifest.json``. Without a manifest there is no version: what a killed driver left is written again, byte for byte
the same, by the next commit of the same rows. The digest of a version is that of its rows in the order of their ids,
receipts included, so the same rows always have the same digest, whoever commits them and in whatever order.

Its name is ``v3-9f2c0d1e2f3a``: the number counts the run's versions from 1 and is for people, the 12 hex digits begin
the rows' digest. Versions of releases before 0.3 are named ``v`` and 12 hex digits; they are read as before.

Writing
    ``commit(store, rows, info, write=None, says=...) -> Manifest``; rows are a sequence or, for a memory that stays
    flat, an :class:`Ordered` such as :meth:`preceptor.storage.spool.Spool.rows`
    ``version_name(number, rows)``, ``rows_digest(rows)``: what these rows are called, without writing anything

Finding
    ``versions(store)``: names of all committed versions, by number; ``exists(store, version)``
    ``resolve(store, name)``: the version a person means by ``v3``, a full name or the first digits of a digest
    ``parse_name(version)``: its number and its 12 digits

Reading; each raises :class:`~preceptor.errors.StorageError` with a mend for what is missing or damaged
    ``read_manifest(store, version) -> Manifest``; ``manifest_digest(store, version)``: sha256 of ``manifest.json``
    ``iter_rows(store, version)``: the rows in order of id, a shard in memory at a time, every digest checked
    ``read_rows(store, version)``: the same as a list
    ``read_file(store, version, file)``: bytes of one listed file (:class:`FileInfo`, :class:`ShardInfo`), checked
    ``read_shard(store, version, shard)``: rows of one listed shard, checked

Shards may be written by workers: :func:`write_shard` needs only the store's URI and its rows.
"""

from preceptor.storage.datasets.committing import commit
from preceptor.storage.datasets.manifest import FileInfo, Manifest, ShardInfo, VersionInfo
from preceptor.storage.datasets.names import parse_name, version_name
from preceptor.storage.datasets.reading import (
    exists,
    iter_rows,
    manifest_digest,
    read_file,
    read_manifest,
    read_rows,
    read_shard,
    resolve,
    versions,
)
from preceptor.storage.datasets.rows import Ordered, Row, rows_digest
from preceptor.storage.datasets.shards import ShardWriter, write_shard, write_shards

__all__ = [
    "FileInfo",
    "Manifest",
    "Ordered",
    "Row",
    "ShardInfo",
    "ShardWriter",
    "VersionInfo",
    "commit",
    "exists",
    "iter_rows",
    "manifest_digest",
    "parse_name",
    "read_file",
    "read_manifest",
    "read_rows",
    "read_shard",
    "resolve",
    "rows_digest",
    "version_name",
    "versions",
    "write_shard",
    "write_shards",
]
