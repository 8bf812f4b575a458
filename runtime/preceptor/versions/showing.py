"""One version in detail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from preceptor.storage import datasets
from preceptor.storage.datasets import Manifest, Row
from preceptor.versions.run import Run, Version

DROPPED = "dropped"
"""Where a gate's part of the manifest counts the rows it dropped, by reason."""


@dataclass(frozen=True)
class GateShown:
    """One gate."""

    name: str
    """Its key in the document."""
    enabled: bool
    """Whether it ran."""
    settings: Mapping[str, Any]
    """What it was set to."""
    dropped: Mapping[str, int] | None
    """Rows it dropped, by reason; ``None`` when its release did not count them by gate."""


@dataclass(frozen=True)
class Shown:
    """One version."""

    version: Version
    """The version."""
    roles: tuple[str, ...]
    """``best``, ``published``: what the ledger says it is."""
    gates: tuple[GateShown, ...]
    """The gates, in order."""
    dropped: Mapping[str, int]
    """Rows that were dropped for reasons that no gate counts as its own."""
    sample: tuple[Row, ...]
    """Some rows, the first by id: ids are digests, so these are as good as drawn at random, and always the same."""

    @property
    def manifest(self) -> Manifest:
        """What the version's manifest says."""
        return self.version.manifest

    def to_data(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "version": self.version.name,
            "roles": list(self.roles),
            "manifest": self.manifest.model_dump(mode="json"),
            "sample": list(self.sample),
        }


def show(run: Run, name: str, rows: int) -> Shown:
    """A version and ``rows`` of its rows. Raises :class:`StorageError` when what it needs is damaged or missing."""
    version = run.version(name)
    roles = (("best", run.best), ("published", run.published))
    gates = gates_of(version.manifest)
    told = {reason for gate in gates for reason in gate.dropped or ()}
    dropped = version.funnel.dropped if version.funnel else {}
    return Shown(
        version=version,
        roles=tuple(role for role, holder in roles if holder == name),
        gates=gates,
        dropped={reason: count for reason, count in dropped.items() if reason not in told},
        sample=tuple(islice(datasets.iter_rows(run.store, name), rows)) if rows else (),
    )


def gates_of(manifest: Manifest) -> tuple[GateShown, ...]:
    """The gates that a manifest names; a list of gates of one kind counts as one each, by their own names."""
    found: list[GateShown] = []
    for name, part in manifest.gates.items():
        if isinstance(part, Mapping):
            found.append(_gate(name, part))
        elif isinstance(part, list):
            found += [_gate(str(each.get("name", name)), each) for each in part if isinstance(each, Mapping)]
    return tuple(found)


def _gate(name: str, part: Mapping[str, Any]) -> GateShown:
    dropped = part.get(DROPPED)
    counted = dropped if isinstance(dropped, Mapping) else None
    settings = {key: value for key, value in part.items() if key not in ("enabled", "name", DROPPED)}
    return GateShown(name, part.get("enabled") is not False, settings, counted)
