"""All versions of a run, one line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from preceptor.errors import StorageError
from preceptor.versions.run import Run, Version


@dataclass(frozen=True)
class Listed:
    """One version in few words."""

    name: str
    """What it is called."""
    number: int | None = None
    """Which of the run's versions it is, from 1."""
    rows: int = 0
    """Rows in it."""
    skills: Mapping[str, int] = field(default_factory=dict)
    """Rows of each skill."""
    made: int | None = None
    """Rows the teacher made for it; ``None`` when the manifest does not tell."""
    accepted: int | None = None
    """Rows of those that are in it."""
    parents: tuple[str, ...] = ()
    """Versions that rows were carried over from, by number where it is known."""
    bytes: int = 0
    """Size of its shards."""
    best: bool = False
    """Whether it did best in the search so far."""
    published: bool = False
    """Whether it was published."""
    trouble: str = ""
    """Why nothing else is known of it."""


def listing(run: Run) -> list[Listed]:
    """Every committed version, oldest first; one whose manifest cannot be read says so."""
    found = list(_versions(run))
    numbers = {version.name: version.number for version in found if isinstance(version, Version)}
    return [_listed(run, version, numbers) if isinstance(version, Version) else version for version in found]


def _versions(run: Run) -> Iterator[Version | Listed]:
    for name in run.names:
        try:
            yield run.version(name)
        except StorageError:
            yield Listed(name, trouble="damaged: `preceptor datasets verify` says how")


def _listed(run: Run, version: Version, numbers: Mapping[str, int | None]) -> Listed:
    manifest, funnel = version.manifest, version.funnel
    return Listed(
        name=version.name,
        number=version.number,
        rows=manifest.rows,
        skills=manifest.skills,
        made=funnel.made if funnel else None,
        accepted=funnel.accepted if funnel else None,
        parents=tuple(f"v{numbers[parent]}" if numbers.get(parent) else parent for parent in manifest.parents),
        bytes=version.bytes,
        best=version.name == run.best,
        published=version.name == run.published,
    )
