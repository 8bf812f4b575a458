"""Which rows are computed together: seeded, the same on every rank, rows of like length side by side."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from preceptor.spec.actors import Training
from preceptor.training.job import World

MicroBatch = tuple[int, ...]
"""Indices of rows computed at once; empty where a rank has nothing to do in a small step."""

POOL = 16
"""Batches whose rows are sorted by length together; more saves padding, fewer mixes lengths better."""


@dataclass(frozen=True)
class Step:
    """One optimiser step."""

    shares: tuple[tuple[MicroBatch, ...], ...]
    """The micro-batches of each rank, equally many for all of them."""

    @property
    def rows(self) -> tuple[int, ...]:
        """Every row of the step."""
        return tuple(row for share in self.shares for micro in share for row in micro)


@dataclass(frozen=True)
class Sizes:
    """How a step's rows are divided."""

    batch: int
    """Rows in a step, over all ranks; a step may have fewer, never more."""
    world: int
    """Ranks."""
    micro: int
    """Rows a rank computes at once."""

    @classmethod
    def of(cls, training: Training, world: World) -> Sizes:
        """What the document says, in a world that may differ from the declared one (a single process, say)."""
        share = training.batch_size // world.size
        micro = min(training.micro_batch_size or share, share)
        return cls(batch=share * world.size, world=world.size, micro=micro)

    @property
    def accumulation(self) -> int:
        """Micro-batches of a rank in a step."""
        return self.batch // self.world // self.micro


def plan(lengths: Sequence[int], epochs: float, sizes: Sizes, seed: int) -> list[Step]:
    """Every step of a training on rows of the given lengths (in tokens).

    An epoch holds each row once, in ``ceil(rows / batch)`` steps of nearly equal size; a fraction of an epoch holds
    that fraction of the steps, at least one in all.
    """
    per_epoch = math.ceil(len(lengths) / sizes.batch)
    wanted = max(1, round(epochs * per_epoch))
    steps: list[Step] = []
    for epoch in range(math.ceil(wanted / per_epoch)):
        draw = random.Random(f"{seed}/{epoch}")
        batches = _grouped_by_length(lengths, per_epoch, draw)
        steps += [_divide(batch, lengths, sizes) for batch in batches]
    return steps[:wanted]


def _grouped_by_length(lengths: Sequence[int], batches: int, draw: random.Random) -> list[list[int]]:
    """Shuffle all rows, sort them by length inside pools of a few batches, cut, and shuffle the batches."""
    rows = list(range(len(lengths)))
    draw.shuffle(rows)
    cut = _evenly(rows, batches)
    for start in range(0, batches, POOL):
        pool = cut[start : start + POOL]
        ordered = iter(sorted((row for batch in pool for row in batch), key=lambda row: lengths[row]))
        cut[start : start + POOL] = [list(islice(ordered, len(batch))) for batch in pool]
    draw.shuffle(cut)
    return cut


def _divide(batch: Sequence[int], lengths: Sequence[int], sizes: Sizes) -> Step:
    """Deal a batch to the ranks so that each gets as many long rows as the next, then into micro-batches."""
    ordered = sorted(batch, key=lambda row: (lengths[row], row))
    hands: list[list[int]] = [[] for _ in range(sizes.world)]
    for place, row in enumerate(ordered):
        turn, seat = divmod(place, sizes.world)
        hands[seat if turn % 2 == 0 else -1 - seat].append(row)
    return Step(tuple(tuple(tuple(micro) for micro in _evenly(hand, sizes.accumulation)) for hand in hands))


def _evenly(items: list[int], parts: int) -> list[list[int]]:
    """Cut a list into consecutive parts whose sizes differ by one at most."""
    bounds = [len(items) * part // parts for part in range(parts + 1)]
    return [items[low:high] for low, high in pairwise(bounds)]
