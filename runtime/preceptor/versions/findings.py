"""What a check of a version gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was committed."""

    file: str
    """The file, relative to the version's directory, or to the run's when it begins with its folder's name."""
    problem: str
    """What is wrong with it."""
    mend: str
    """What to do about it."""


@dataclass(frozen=True)
class Verified:
    """What became of checking one version."""

    version: str
    """What it is called."""
    rows: int
    """Rows that were read."""
    files: int
    """Files that were read."""
    findings: tuple[Finding, ...]
    """What is wrong; nothing when the version is whole."""
    unchecked: tuple[str, ...]
    """What could not be checked, and why."""

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


RESTORE = "restore it from a copy"
REMAKE = "restore it from a copy, or delete the version's directory and run again to make it anew"
DISTRUST = "take the version from a copy whose origin you know; these rows are not what the run made"


def some(names: Iterable[str], limit: int = 3) -> str:
    """The first few of several names."""
    listed = list(names)
    return ", ".join(listed[:limit]) + (f" and {len(listed) - limit} more" if len(listed) > limit else "")
