"""Cutting items into the three splits, so that nothing the engineer sees can tell it about the private one."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, get_args

from preceptor.errors import TaskError
from preceptor.spec.task import Task
from preceptor.tasks.items import Item
from preceptor.tasks.prompts import compile_template

SplitName = Literal["feedback", "selection", "private"]
_NAMES: tuple[SplitName, ...] = get_args(SplitName)
_UNUSED = "unused"


@dataclass(frozen=True)
class Split:
    """One part of the examination."""

    name: SplitName
    """``feedback``, ``selection`` or ``private``."""
    items: tuple[Item, ...]
    """Its items, in the order of their ids."""
    digest: str
    """SHA-256 over the ids, questions and references."""


def cut(task: Task, items: Sequence[Item]) -> dict[SplitName, Split]:
    """Cut items by the task's shares or its column.

    By shares: seeded, every skill in proportion as far as whole groups allow, and the same whatever the order of the
    items. A group is all items that share a cluster or, after folding case and white space, a question; it is never
    torn. Shares that sum to less than 1 leave items unused.

    Raises ``TaskError`` when a split would be empty, when an id appears twice, and when a column tears a group.
    """
    ordered = sorted(items, key=lambda item: item.id)
    repeated = [identity for identity, n in Counter(item.id for item in ordered).items() if n > 1]
    if repeated:
        raise TaskError(f"ids appear more than once: {_some(repeated)}", mend="make `task.items.id` unique")
    groups = _groups(ordered)
    chosen = _by_column(task, ordered, groups) if task.splits.column is not None else _by_shares(task, groups)
    return {name: _split(name, chosen[name], len(ordered), len(groups)) for name in _NAMES}


def digest(items: Iterable[Item]) -> str:
    """SHA-256 (hex) over ids, questions and references, whatever the order of the items."""
    lines = sorted(json.dumps([item.id, item.prompt, item.reference], ensure_ascii=True) for item in items)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@dataclass(frozen=True)
class _Group:
    """Items that have to stay together, in the order of their ids."""

    items: tuple[Item, ...]

    @property
    def key(self) -> str:
        return self.items[0].id

    @cached_property
    def skill(self) -> str:
        """Its most common skill; the first by name among equals."""
        counts = Counter(item.skill for item in self.items)
        return min(counts, key=lambda skill: (-counts[skill], skill))


def _groups(items: Sequence[Item]) -> list[_Group]:
    """Connected components of "same cluster or same question"."""
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for item in items:
        parent[root(f"cluster {item.cluster}")] = root(f"question {_folded(item.prompt)}")
    members: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        members[root(f"cluster {item.cluster}")].append(item)
    return [_Group(tuple(group)) for group in members.values()]


def _by_column(task: Task, items: Sequence[Item], groups: Iterable[_Group]) -> dict[str, list[Item]]:
    renderer = compile_template(task.splits.column or "", "task.splits.column")
    named = {item.id: renderer(item.fields).strip() for item in items}
    strange = [f"{identity} ({name or 'empty'})" for identity, name in named.items() if name not in _NAMES]
    if strange:
        raise TaskError(
            f"`task.splits.column` gives something else than {', '.join(_NAMES)} for {_some(strange)}",
            mend="map other values in the template, or leave those records out",
        )
    torn = [group for group in groups if len({named[item.id] for item in group.items}) > 1]
    if torn:
        examples = [
            " / ".join(f"{item.id} in {named[item.id]}" for item in _one_of_each(group, named)) for group in torn
        ]
        raise TaskError(
            f"{len(torn)} clusters or questions sit in two splits: {_some(examples)}",
            mend="move their items into one split, or cut by shares",
        )
    return {name: [item for item in items if named[item.id] == name] for name in _NAMES}


def _one_of_each(group: _Group, named: Mapping[str, str]) -> list[Item]:
    return list({named[item.id]: item for item in reversed(group.items)}.values())[::-1]


def _by_shares(task: Task, groups: Sequence[_Group]) -> dict[str, list[Item]]:
    """Three passes: groups too large for the smallest split, then whole quotas of each skill, then what is left."""
    shares = _shares(task)
    room = _quotas(shares, sum(len(group.items) for group in groups))
    smallest = min((quota for quota in room.values() if quota), default=1)
    plan = _Plan(shares, room, groups)
    shuffled = sorted(groups, key=lambda group: _shuffle(task.splits.seed, group))
    for group in sorted(shuffled, key=lambda group: -len(group.items)):
        if len(group.items) > smallest:
            plan.place(group, plan.short)
    left = [group for group in shuffled if len(group.items) <= smallest and not plan.place_whole(group)]
    for group in sorted(left, key=lambda group: group.skill):
        plan.place(group, plan.roomy)
    return plan.chosen


class _Plan:
    """Who is where, and what each split still has room for, in all and in each skill."""

    def __init__(self, shares: Mapping[str, Fraction], room: dict[str, int], groups: Iterable[_Group]) -> None:
        self.room = room
        self.chosen: dict[str, list[Item]] = {name: [] for name in shares}
        self._shares = shares
        self._in_skill = Counter[str]()
        self._given = Counter[tuple[str, str]]()
        for group in groups:
            self._in_skill[group.skill] += len(group.items)

    def short(self, group: _Group, name: str) -> Fraction:
        """How many items of the group's skill a split is short of."""
        return self._shares[name] * self._in_skill[group.skill] - self._given[group.skill, name]

    def roomy(self, group: _Group, name: str) -> tuple[bool, int]:
        """What the last items of each skill go by: room, but no split twice, which meets both margins (Gale, Ryser)."""
        return self.short(group, name) > 0, self.room[name]

    def place_whole(self, group: _Group) -> bool:
        """Place a group where it fits without rounding; whether there was such a place."""
        size = len(group.items)
        fitting = [name for name in self.room if min(self.room[name], int(self.short(group, name))) >= size]
        if fitting:
            self._put(group, max(fitting, key=lambda name: self.short(group, name)))
        return bool(fitting)

    def place(self, group: _Group, preference: Callable[[_Group, str], Any]) -> None:
        """Place a group in the preferred split among those with room for it; where none has, in the roomiest."""
        fitting = [name for name in self.room if self.room[name] >= len(group.items)]
        if fitting:
            self._put(group, max(fitting, key=lambda name: preference(group, name)))
        else:
            self._put(group, max(self.room, key=lambda name: (self.room[name], self._shares[name])))

    def _put(self, group: _Group, name: str) -> None:
        self.room[name] -= len(group.items)
        self._given[group.skill, name] += len(group.items)
        self.chosen[name] += group.items


def _shares(task: Task) -> dict[str, Fraction]:
    """The shares as exact numbers, 0.1 meaning one tenth, and what they leave."""
    splits = task.splits
    declared = {"feedback": splits.feedback, "selection": splits.selection, "private": splits.private}
    shares = {name: Fraction(str(share)) for name, share in declared.items() if share is not None}
    rest = 1 - sum(shares.values(), Fraction())
    # Three times a rounded third may miss 1 by a hair, either way; the document allows that.
    return shares | {_UNUSED: rest} if rest > Fraction(1, 10**6) else shares


def _quotas(shares: Mapping[str, Fraction], total: int) -> dict[str, int]:
    """Whole numbers that sum to ``total``, by largest remainder; ties go to the first."""
    whole = sum(shares.values())
    exact = {name: total * share / whole for name, share in shares.items()}
    quotas = {name: int(value) for name, value in exact.items()}
    by_remainder = sorted(shares, key=lambda name: quotas[name] - exact[name])
    for name in by_remainder[: total - sum(quotas.values())]:
        quotas[name] += 1
    return quotas


def _shuffle(seed: int, group: _Group) -> str:
    return hashlib.sha256(f"{seed} {group.key}".encode("utf-8", "surrogatepass")).hexdigest()


def _split(name: SplitName, items: Iterable[Item], total: int, groups: int) -> Split:
    ordered = tuple(sorted(items, key=lambda item: item.id))
    if not ordered:
        raise TaskError(
            f"the split `{name}` would be empty: there are {total} items in {groups} clusters, which stay whole",
            mend=f"add items, give `{name}` a larger share, or use finer clusters",
        )
    return Split(name, ordered, digest(ordered))


def _folded(prompt: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", prompt).casefold().split())


def _some(texts: Sequence[str]) -> str:
    shown = ", ".join(texts[:5])
    return f"{shown} and {len(texts) - 5} more" if len(texts) > 5 else shown
