"""Checks of a version's files: each is what the manifest says, the manifest what the ledger says, and no more."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from preceptor import __version__
from preceptor.loop.events import DatasetCommitted
from preceptor.storage import layout
from preceptor.storage.card import render_card
from preceptor.storage.datasets import FileInfo, Manifest, Row, parse_name
from preceptor.storage.datasets.shards import from_parquet
from preceptor.storage.store import Store, to_json
from preceptor.versions.findings import DISTRUST, REMAKE, RESTORE, Finding, some
from preceptor.versions.run import Run

_UNREADABLE = (ArithmeticError, LookupError, NotImplementedError, OSError, TypeError, ValueError)
"""What pyarrow raises for a file that is no table, or one of other columns."""


class Files:
    """One version's files, checked as they are read. Collects what it finds."""

    def __init__(self, run: Run, version: str) -> None:
        self._run, self._version = run, version
        self._store: Store = run.store
        self.findings: list[Finding] = []
        self.unchecked: list[str] = []
        self.read = 0
        """Files read so far."""
        self.whole = True
        """Whether every shard so far was the one that was committed."""
        self._proven = False  # whether the ledger says that the manifest is the one

    def manifest(self) -> Manifest | None:
        """The manifest; ``None`` when there is nothing that could be checked any further."""
        try:
            data = self._store.read(layout.dataset_manifest(self._version))
        except FileNotFoundError:
            self._found(layout.MANIFEST, "is missing, so there is no version here", REMAKE)
            return None
        self.read += 1
        self._against_ledger(data)
        try:
            said = json.loads(data)
            manifest = Manifest.model_validate(said)
        except (ValueError, RecursionError):  # pydantic's ValidationError is a ValueError
            self._found(layout.MANIFEST, "is not a manifest: it was cut short or changed", REMAKE)
            return None
        if to_json(said) != data:
            self._found(layout.MANIFEST, "was changed after it was written: nothing here writes JSON like this", REMAKE)
        self._named(manifest)
        self._listed(manifest)
        self._texts(manifest)
        return manifest

    def rows(self, manifest: Manifest) -> Iterator[Row]:
        """The rows of every shard that can be read, in order, one shard in memory at a time."""
        for shard in manifest.shards:
            data = self._file(shard)
            if data is None:
                self.whole = False
                continue
            try:
                rows = from_parquet(data)
            except _UNREADABLE:
                self.whole = False
                self._found(shard.path, "is not a table of rows", REMAKE)
                continue
            if len(rows) != shard.rows:
                self._found(shard.path, f"holds {len(rows)} rows; the manifest says {shard.rows}", REMAKE)
            yield from rows

    def _against_ledger(self, data: bytes) -> None:
        event = self._run.committed.get(self._version)
        if event is None:
            self._not_in_ledger()
        elif not event.manifest:
            self.unchecked.append("manifest.json against the ledger: the release that made the run did not note it")
        elif event.manifest == hashlib.sha256(data).hexdigest():
            self._proven = True
        else:
            self._found(layout.MANIFEST, "is not the one that the ledger says was committed", REMAKE)

    def _not_in_ledger(self) -> None:
        run = self._run
        if run.alone:
            self.unchecked.append(
                "manifest.json, recipes and parents against the run: this is one version without its run"
            )
        elif run.trouble is not None:
            self.unchecked.append("manifest.json, recipes and parents against the ledger: the ledger cannot be read")
        elif run.state is None:
            self.unchecked.append("manifest.json, recipes and parents against the ledger: there is none here")
        elif run.state.published is not None:
            self._found(layout.MANIFEST, "is of a version that the ledger of the finished run does not know", DISTRUST)
        else:
            self.unchecked.append("manifest.json against the ledger: it does not know the version yet; run again first")

    def _named(self, manifest: Manifest) -> None:
        if manifest.version != self._version:
            problem = f"is the manifest of another version, {manifest.version}"
            self._found(layout.MANIFEST, problem, REMAKE)
            return
        parsed = parse_name(self._version)
        number, digits = parsed or (None, "")
        if parsed is None or (number is not None and manifest.number != number):
            self._found(layout.MANIFEST, f"has number {manifest.number} for version {self._version}", REMAKE)
        if manifest.digest and not manifest.digest.startswith(digits):
            self._found(layout.MANIFEST, f"has digest {manifest.digest[:16]}… for version {self._version}", REMAKE)
        event = self._run.committed.get(self._version)
        if event is not None:
            self._told(manifest, event)

    def _told(self, manifest: Manifest, event: DatasetCommitted) -> None:
        """What the ledger says of the version beside its manifest's digest."""
        if (manifest.rows, manifest.skills) != (event.rows, event.skills):
            problem = f"says {manifest.rows} rows; the ledger says {event.rows}, or skills differ"
            self._found(layout.MANIFEST, problem, REMAKE)
        if manifest.recipe and manifest.recipe not in self._run.recipes:
            problem = f"names recipe {manifest.recipe[:12]}…, which the ledger does not know"
            self._found(layout.MANIFEST, problem, DISTRUST)

    def _listed(self, manifest: Manifest) -> None:
        """What lies there beside what is listed. Names that begin with a dot are not ours, and nobody's rows."""
        listed = {layout.MANIFEST, *(file.path for file in (*manifest.shards, *manifest.files))}
        if not manifest.files:
            listed.add(layout.CARD)
            self.unchecked.append("README.md: the manifest is of a release that did not note its digest")
        for name in self._store.names(layout.dataset(self._version)):
            if name in listed or name.startswith("."):
                continue
            if name.endswith(".parquet"):
                problem = "is a shard that the manifest does not list; whoever reads data-*.parquet reads its rows too"
            else:
                problem = "is a file that the manifest does not list"
            self._found(name, problem, "move it out of the version's directory")
        twice = sorted({file.path for file in manifest.shards if manifest.shards.count(file) > 1})
        if twice:
            self._found(layout.MANIFEST, f"lists {some(twice)} more than once", REMAKE)

    def _texts(self, manifest: Manifest) -> None:
        """The card and its like. A release knows how it wrote its cards, so that they vouch for a lone manifest."""
        for file in manifest.files:
            data = self._file(file)
            if data is None or file.path != layout.CARD or self._proven:
                continue
            if manifest.created_by.get("preceptor") != __version__:
                self.unchecked.append(f"manifest.json against {layout.CARD}: another release of Preceptor wrote them")
            elif data != _card(manifest):
                self._found(layout.MANIFEST, f"and {layout.CARD} do not say the same", REMAKE)

    def _file(self, file: FileInfo) -> bytes | None:
        """A listed file's bytes; ``None`` when they are not what was committed."""
        if not layout.is_dataset_file(file.path):
            self._found(layout.MANIFEST, f"lists a file that no version has: {file.path}", REMAKE)
            return None
        try:
            data = self._store.read(f"{layout.dataset(self._version)}/{file.path}")
        except FileNotFoundError:
            self._found(file.path, "is missing", REMAKE)
            return None
        self.read += 1
        digest = hashlib.sha256(data).hexdigest()
        if digest != file.sha256:
            size = f"{len(data):,} bytes instead of {file.bytes:,}, " if len(data) != file.bytes else ""
            problem = f"is not the file that was committed: {size}sha256 {digest[:12]}…, not {file.sha256[:12]}…"
            self._found(file.path, problem, REMAKE)
            return None
        if len(data) != file.bytes:
            self._found(layout.MANIFEST, f"says {file.bytes:,} bytes for {file.path}, which has {len(data):,}", RESTORE)
        return data

    def _found(self, file: str, problem: str, mend: str) -> None:
        self.findings.append(Finding(file, problem, mend))


def _card(manifest: Manifest) -> bytes:
    """The card that this release writes for a manifest; nothing for one that it cannot have written."""
    try:
        return render_card(manifest.model_copy(update={"files": ()}).model_dump(mode="json")).encode()
    except _UNREADABLE:
        return b""
