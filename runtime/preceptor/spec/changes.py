"""Which fields differ between two documents, and whether a run begun under one may go on under the other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from preceptor.errors import Problem
from preceptor.spec.base import parse_duration
from preceptor.spec.document import Specialization
from preceptor.spec.source import join

Canonical = Mapping[str, Any]
"""What :meth:`Specialization.canonical` returns."""

FREE = (
    "metadata.namespace",
    "metadata.labels",
    "metadata.annotations",
    "spec.compute",
    "spec.suspend",
    "spec.approval.granted",
    "spec.storage",
    "spec.teacher.concurrency",
    "spec.dataset.gates.contamination.neighbours.concurrency",
)
"""Fields that change nothing of what a run makes."""
BUDGET = "spec.budget"
"""Limits: they may grow while a run goes on."""


@dataclass(frozen=True)
class Change:
    """One field that differs."""

    path: str
    """Dotted path as the user spells it."""
    old: Any
    """Value in the first document; ``None`` when absent there."""
    new: Any
    """Value in the second."""

    def __str__(self) -> str:
        return f"{self.path}: {_shown(self.old)} → {_shown(self.new)}"


def changed_fields(old: Canonical, new: Canonical) -> list[Change]:
    """Return every field in which two canonical documents differ, in the order of the second, then of the first."""
    return list(_walk(old, new, ""))


def resume_problems(old: Canonical, new: Canonical) -> list[Problem]:
    """Return a problem, without a line, for every change that keeps a run begun under ``old`` from going on."""
    return [
        Problem(change.path, None, f"was {_shown(change.old)}, is {_shown(change.new)}", _mend(change))
        for change in changed_fields(old, new)
        if not _is_free(change.path) and not _is_growth(change, old, new)
    ]


def document_digest(spec: Specialization) -> str:
    """Return the SHA-256, in hex, of what the document makes: documents a run may go on under share it.

    Budgets are left out with the free fields, because they may grow.
    """
    kept: dict[str, Any] = {}
    for path, value in _leaves(spec.canonical(), ""):
        if not _is_free(path) and not _within(path, BUDGET):
            kept[path] = value
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _walk(old: Any, new: Any, path: str) -> Iterator[Change]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys([*new, *old]):
            yield from _walk(old.get(key), new.get(key), join(path, str(key)))
    elif _is_list(old) and _is_list(new) and len(old) == len(new):
        for position, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _walk(before, after, join(path, position))
    elif old != new or type(old) is not type(new):
        yield Change(path, old, new)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield every scalar, and every empty mapping or list, with its path."""
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from _leaves(each, join(path, str(key)))
    elif _is_list(value) and value:
        for position, each in enumerate(value):
            yield from _leaves(each, join(path, position))
    else:
        yield path, value


def _within(path: str, section: str) -> bool:
    return path == section or path.startswith((f"{section}.", f"{section}["))


def _is_free(path: str) -> bool:
    return any(_within(path, section) for section in FREE)


def _is_growth(change: Change, old: Canonical, new: Canonical) -> bool:
    """Tell whether a budget grew; an absent limit is none at all, except that of attempts."""
    if not _within(change.path, BUDGET):
        return False
    if change.path == f"{BUDGET}.attempts":
        return _attempts(new) >= _attempts(old)
    before, after = (_number(value) for value in (change.old, change.new))
    return after is None or (before is not None and after >= before)


def _attempts(document: Canonical) -> int:
    """Return the attempts a document allows, its default being some more than the iterations."""
    budget = document["spec"]["budget"]
    return int(budget["attempts"] or Specialization.model_validate(document).spec.budget.max_attempts)


def _number(limit: Any) -> float | None:
    return parse_duration(limit) if isinstance(limit, str) else limit


def _mend(change: Change) -> str:
    if _within(change.path, BUDGET):
        return "a budget may only grow: restore the old limit or raise it"
    return "restore the old value, or give the run a new `metadata.name`"


def _shown(value: Any) -> str:
    if value is None:
        return "absent"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "…"
