"""Checks of what rows say: their ids, their order, their digest, and what their receipts refer to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from preceptor.endpoints.index import LogIndex
from preceptor.errors import StorageError
from preceptor.recipes.sample import sample_id
from preceptor.storage import datasets, layout
from preceptor.storage.datasets import Manifest, Row, parse_name
from preceptor.storage.datasets.rows import RowsDigest, normal
from preceptor.versions.findings import DISTRUST, REMAKE, RESTORE, Finding, some
from preceptor.versions.run import Run, Version

Ids = Mapping[str, frozenset[str]]
"""The rows' ids of each version that others refer to; without those that are not there."""


class Elsewhere:
    """What rows refer to outside their version, read once for all versions of a run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._ids: dict[str, frozenset[str] | None] = {}
        self._logs: dict[int, LogIndex] = {}
        self.findings: dict[int, Finding] = {}
        """Logs that cannot be read, by attempt."""
        self.logged = not run.alone and bool(run.store.names(layout.TEACHER))
        """Whether there is a log of requests."""

    def ids(self, version: str) -> frozenset[str] | None:
        """The ids of a version's rows; ``None`` when there is no such version or it cannot be read."""
        if version not in self._ids:
            try:
                self._ids[version] = frozenset(self._read(version)) if parse_name(version) else None
            except StorageError:  # its own check says what is wrong with it
                self._ids[version] = None
        return self._ids[version]

    def _read(self, version: str) -> Iterator[str]:
        for shard in datasets.read_manifest(self._run.store, version).shards:
            yield from (row["id"] for row in datasets.read_shard(self._run.store, version, shard))

    def requests(self, attempt: int) -> LogIndex | None:
        """The log of an attempt; ``None`` when it cannot be read."""
        if attempt not in self._logs and attempt not in self.findings:
            try:
                self._logs[attempt] = LogIndex.read(self._run.store, attempt)
            except StorageError as error:
                self.findings[attempt] = Finding(layout.teacher_shards(attempt), error.message, RESTORE)
        return self._logs.get(attempt)


@dataclass
class _Kind:
    """Rows with one thing wrong."""

    mend: str
    ids: list[str] = field(default_factory=list)


class Rows:
    """Looks at one row after the other. Collects what it finds, by kind."""

    def __init__(self, run: Run, manifest: Manifest, elsewhere: Elsewhere) -> None:
        self._run, self._manifest, self._elsewhere = run, manifest, elsewhere
        self._digest: RowsDigest | None = RowsDigest()
        self._kinds: dict[str, _Kind] = {}
        self._skills: Counter[str] = Counter()
        self._last = ""
        self._unlogged = 0
        self._parents = self._parents_ids()
        self.count = 0
        """Rows seen so far."""

    def look(self, row: Row) -> None:
        """The next row."""
        self.count += 1
        try:
            self._add(row)
            receipt = row["receipt"]
            if row["id"] != sample_id(row["skill"], row["prompt"], row["answer"]):
                self._wrong(row, "whose id is not the digest of skill, prompt and answer", DISTRUST)
            if self._run.events and receipt["recipe"] not in self._run.recipes:
                self._wrong(row, "whose recipe the ledger does not know", DISTRUST)
            if receipt["carried_from"] is not None:
                self._carried(row, receipt["carried_from"])
            elif receipt.get("source") == "evolve":
                self._evolved(row, receipt["parents"])
            if receipt.get("requests"):
                self._asked(row, receipt)
        except (KeyError, TypeError, ValueError, AttributeError):
            self._digest = None
            self._wrong(row, "with a column that is missing or holds something else", REMAKE)

    def findings(self, *, whole: bool) -> Iterator[Finding]:
        """What is wrong with the rows; those of all shards when ``whole``."""
        for what, kind in self._kinds.items():
            rows = "1 row" if len(kind.ids) == 1 else f"{len(kind.ids):,} rows"
            yield Finding("data-*.parquet", f"hold {rows} {what}: {some(kind.ids)}", kind.mend)
        if whole:
            yield from self._counted()
            yield from self._named()

    def unchecked(self) -> Iterator[str]:
        """What could not be checked."""
        if self._unlogged and not self._elsewhere.logged:
            yield f"requests of {self._unlogged:,} receipts: there is no log of requests here"
        if self._run.alone and any(self._manifest.parents):
            yield "rows carried over: their versions are not here"

    def _add(self, row: Row) -> None:
        self._skills[row["skill"]] += 1
        if row["id"] < self._last:
            self._wrong(row, "that come after rows of higher ids", REMAKE)
            self._digest = None
        elif row["id"] == self._last:
            self._wrong(row, "that are there twice", DISTRUST)
        self._last = row["id"]
        if self._digest is not None:
            self._digest.add(normal(row))

    def _parents_ids(self) -> Ids:
        found = {parent: self._elsewhere.ids(parent) for parent in self._manifest.parents if not self._run.alone}
        return {parent: ids for parent, ids in found.items() if ids is not None}

    def _carried(self, row: Row, version: str) -> None:
        if version not in self._manifest.parents:
            self._wrong(row, f"carried over from {version}, which the manifest does not name as a parent", DISTRUST)
        elif version in self._parents and row["id"] not in self._parents[version]:
            self._wrong(row, f"carried over from {version}, which does not hold them", DISTRUST)

    def _evolved(self, row: Row, parents: Iterable[str]) -> None:
        known = self._parents.values()
        complete = len(known) == len(self._manifest.parents) and not self._run.alone
        if complete and not all(any(parent in ids for ids in known) for parent in parents):
            self._wrong(row, "made from rows that no parent version holds", DISTRUST)

    def _asked(self, row: Row, receipt: Mapping[str, Any]) -> None:
        self._unlogged += 1
        if not self._elsewhere.logged:
            return
        log = self._elsewhere.requests(receipt["attempt"])
        if log is not None and not all(digest in log for digest in receipt["requests"]):
            where = layout.teacher_shards(receipt["attempt"])
            self._wrong(row, f"whose requests are not all in the log {where}", DISTRUST)

    def _counted(self) -> Iterator[Finding]:
        manifest = self._manifest
        skills = dict(sorted(self._skills.items()))
        if (manifest.rows, dict(sorted(manifest.skills.items()))) != (self.count, skills):
            counted = some((f"{skill} {count}" for skill, count in skills.items()), 6)
            yield Finding(layout.MANIFEST, f"miscounts the rows: there are {self.count:,} ({counted})", REMAKE)
        funnel = Version(manifest.version, manifest, None).funnel
        if funnel is not None and any(funnel.skills[skill].rows != skills.get(skill, 0) for skill in funnel.skills):
            yield Finding(layout.MANIFEST, "has a funnel that does not add up to its rows", REMAKE)

    def _named(self) -> Iterator[Finding]:
        manifest = self._manifest
        digest = self._digest.hex() if self._digest else ""
        named = parse_name(manifest.version)
        if not digest or named is None or not digest.startswith(named[1]) or manifest.digest not in ("", digest):
            problem = f"hold rows that are not those of {manifest.version}: their digest differs"
            yield Finding("data-*.parquet", problem, REMAKE)

    def _wrong(self, row: Row, what: str, mend: str) -> None:
        self._kinds.setdefault(what, _Kind(mend)).ids.append(str(row.get("id")))


def missing_parents(run: Run, manifest: Manifest) -> Iterator[Finding]:
    """Versions that rows were carried over from and that are not there."""
    if run.alone:
        return
    for parent in manifest.parents:
        if parse_name(parent) is None or not datasets.exists(run.store, parent):
            problem = f"names a parent that is not here: {parent}"
            yield Finding(layout.MANIFEST, problem, "restore the parent from a copy of the run")
