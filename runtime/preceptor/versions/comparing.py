"""What changed from one version to another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from preceptor.recipes import digests
from preceptor.storage import datasets
from preceptor.storage.datasets import Row
from preceptor.versions.run import Run, Version
from preceptor.versions.showing import DROPPED

_AMOUNTS = ("rows", "measured", "skills")


@dataclass(frozen=True)
class Skill:
    """One skill's rows."""

    before: int
    """In the first version."""
    gone: int
    """Only there."""
    both: int
    """In both."""
    new: int
    """Only in the second version."""
    after: int
    """In the second version."""


@dataclass(frozen=True)
class Change:
    """One value that differs."""

    name: str
    """Dotted path of what it is."""
    before: Any
    """In the first version; ``None`` when it is not there."""
    after: Any
    """In the second."""


@dataclass(frozen=True)
class Difference:
    """What changed from version ``before`` to version ``after``. Rows are the same when their ids are."""

    before: Version
    """The first version."""
    after: Version
    """The second."""
    skills: Mapping[str, Skill]
    """Rows by skill, sorted."""
    carried: int
    """Rows of both that the second says it took over from the first."""
    recipe: tuple[str, ...] | None
    """What changed in the recipe, a sentence each; ``None`` when no ledger here knows both recipes."""
    gates: tuple[Change, ...]
    """What changed in the gates' settings."""
    diversity: tuple[Change, ...]
    """Figures of diversity that differ."""
    funnel: tuple[Change, ...]
    """Rows made, accepted and dropped by reason, as far as they differ."""
    gone: tuple[Row, ...]
    """Some rows that only the first has."""
    new: tuple[Row, ...]
    """Some rows that only the second has."""

    @property
    def total(self) -> Skill:
        """All skills together."""
        parts = self.skills.values()
        return Skill(
            before=sum(part.before for part in parts),
            gone=sum(part.gone for part in parts),
            both=sum(part.both for part in parts),
            new=sum(part.new for part in parts),
            after=sum(part.after for part in parts),
        )


def compare(run: Run, before: str, after: str, rows: int) -> Difference:
    """Compare two versions, with up to ``rows`` rows that are gone and as many that are new.

    In memory are the ids of both. Raises :class:`StorageError` when one of the versions is damaged.
    """
    first, second = run.version(before), run.version(after)
    old = {row["id"]: row["skill"] for row in datasets.iter_rows(run.store, before)}
    new, carried = dict[str, str](), 0
    for row in datasets.iter_rows(run.store, after):
        new[row["id"]] = row["skill"]
        carried += row["id"] in old and row["receipt"]["carried_from"] == before
    return Difference(
        before=first,
        after=second,
        skills=_skills(old, new),
        carried=carried,
        recipe=_recipe(run, first, second),
        gates=tuple(_changes(_settings(first), _settings(second))),
        diversity=tuple(_changes(_figures(first), _figures(second))),
        funnel=tuple(_changes(_counts(first), _counts(second))),
        gone=tuple(_absent(run, before, new, rows)),
        new=tuple(_absent(run, after, old, rows)),
    )


def _skills(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, Skill]:
    before, after = Counter(old.values()), Counter(new.values())
    both = Counter(skill for id, skill in new.items() if id in old)
    return {
        skill: Skill(
            before=before[skill],
            gone=before[skill] - both[skill],
            both=both[skill],
            new=after[skill] - both[skill],
            after=after[skill],
        )
        for skill in sorted(before | after)
    }


def _recipe(run: Run, first: Version, second: Version) -> tuple[str, ...] | None:
    before, after = first.manifest.recipe, second.manifest.recipe
    if before == after:
        return ()
    if before not in run.recipes or after not in run.recipes:
        return None
    return tuple(digests.diff(run.recipes[before], run.recipes[after]))


def _settings(version: Version) -> dict[str, Any]:
    flat = _flat(version.manifest.gates)
    return {name: value for name, value in flat.items() if DROPPED not in name.split(".")}


def _figures(version: Version) -> dict[str, Any]:
    """Diversity, without the amounts it was measured on."""
    return {name: value for name, value in _flat(version.manifest.diversity).items() if name not in _AMOUNTS}


def _counts(version: Version) -> dict[str, Any]:
    funnel = version.funnel
    if funnel is None:
        return {}
    dropped = {f"dropped: {reason}": count for reason, count in funnel.dropped.items()}
    return {"made": funnel.made, "accepted": funnel.accepted, "carried over": funnel.carried, **dropped}


def _flat(part: Any, name: str = "") -> dict[str, Any]:
    """Nested values by their dotted paths."""
    if not isinstance(part, Mapping):
        return {name: part}
    found: dict[str, Any] = {}
    for key, value in part.items():
        found |= _flat(value, f"{name}.{key}" if name else str(key))
    return found


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            yield Change(name, before.get(name), after.get(name))


def _absent(run: Run, version: str, other: Mapping[str, str], rows: int) -> Iterator[Row]:
    """The first rows of a version that the other one does not have."""
    if not rows:
        return
    yield from islice((row for row in datasets.iter_rows(run.store, version) if row["id"] not in other), rows)
