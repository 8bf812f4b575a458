"""Recomputes every digest of a version and follows everything its rows refer to. Needs no key and no network."""

from __future__ import annotations

from collections.abc import Iterator

from preceptor.storage import datasets, layout
from preceptor.versions.files import Files
from preceptor.versions.findings import REMAKE, RESTORE, Finding, Verified
from preceptor.versions.rows import Elsewhere, Rows, missing_parents
from preceptor.versions.run import Run


def verify(run: Run, version: str | None = None) -> Iterator[Verified]:
    """Check a version, or all there are and all that the ledger says there should be.

    What lies below ``datasets/`` without a manifest is no version but what a killed commit left, unless the ledger
    says otherwise.
    """
    elsewhere = Elsewhere(run)
    if version is not None:
        yield _verified(run, version, elsewhere)
        return
    there = run.names
    for name in [*there, *(name for name in run.committed if name not in there)]:
        yield _verified(run, name, elsewhere)


def ledger_finding(run: Run) -> Finding | None:
    """What is wrong with the ledger itself, if anything."""
    return None if run.trouble is None else Finding(layout.LEDGER, run.trouble.message, run.trouble.mend or RESTORE)


def _verified(run: Run, version: str, elsewhere: Elsewhere) -> Verified:
    if not datasets.exists(run.store, version) and not run.store.names(layout.dataset(version)):
        gone = Finding(layout.dataset(version), "is missing; the ledger says it was committed", REMAKE)
        return Verified(version, 0, 0, (gone,), ())
    files = Files(run, version)
    manifest = files.manifest()
    if manifest is None:
        return Verified(version, 0, files.read, tuple(files.findings), tuple(files.unchecked))
    before = set(elsewhere.findings)
    rows = Rows(run, manifest, elsewhere)
    for row in files.rows(manifest):
        rows.look(row)
    findings = [
        *files.findings,
        *missing_parents(run, manifest),
        *rows.findings(whole=files.whole),
        *(finding for attempt, finding in elsewhere.findings.items() if attempt not in before),
    ]
    unchecked = (*files.unchecked, *rows.unchecked())
    if not files.whole:
        unchecked += ("the digest of all rows: not all of them can be read",)
    return Verified(version, rows.count, files.read, tuple(findings), unchecked)
