"""What the private split says, and how far to believe it."""

from __future__ import annotations

from preceptor.spec.base import Stored

Interval = tuple[float, float]
"""Lower and upper end."""


class SkillOutcome(Stored):
    """One skill on the private split."""

    n: int
    """Items."""
    before: float
    """Mean score of the untrained student."""
    after: float
    """Mean score of the finalists."""
    before_interval: Interval | None = None
    """Interval of ``before``; ``null`` in reports of older releases, as the next."""
    after_interval: Interval | None = None
    """Interval of ``after``, over items: the finalists' mean score of each is one value."""


class SeedOutcome(Stored):
    """One finalist on the private split."""

    training: str
    """Its training id."""
    seed: int
    """Its training seed."""
    value: float
    """Mean score."""
    exact: float
    """Share of items right in every part."""
    gained: int = 0
    """Items that only the finalist has right in every part."""
    lost: int = 0
    """Items that only the untrained student has right in every part."""
    p: float | None = None
    """Exact McNemar test of these two numbers; ``null`` in reports of older releases."""


class Private(Stored):
    """The outcome: the private split, read once after the search."""

    items: int
    """Items."""
    clusters: int | None = None
    """Contexts that the items share, which is what the interval takes for the sample; ``null`` in older reports."""
    before: float
    """Mean score of the untrained student."""
    after: float
    """Mean score over items and finalists."""
    before_interval: Interval | None = None
    """Interval of ``before``."""
    after_interval: Interval | None = None
    """Interval of ``after``, over items."""
    gain_points: float
    """``after - before`` in points (hundredths)."""
    interval: Interval
    """Confidence interval of ``gainPoints``, paired, over clusters and training seeds."""
    confidence: float
    """The interval's coverage."""
    relative_gain: float | None
    """``(after - before) / before`` (PAPER: relative gain); ``null`` when ``before`` is 0."""
    detectable_points: float | None = None
    """The smallest gain, in points, that a split like this one shows four times out of five."""
    significant: bool | None = None
    """Whether the interval excludes 0 and the gain is at least ``detectablePoints``; ``null`` in older reports."""
    exact_before: float
    """Share of items right in every part, untrained."""
    exact_after: float
    """The same for the finalists."""
    seeds: tuple[SeedOutcome, ...]
    """Each finalist."""
    skills: dict[str, SkillOutcome]
    """By skill."""


class Optimism(Stored):
    """The winner's curse: a version that was chosen by its selection score looks better there than it is."""

    selection_points: float
    """Gain of the chosen student on selection, in points."""
    private_points: float
    """Gain of the finalists on private, in points."""
    points: float
    """The first minus the second."""
    interval: Interval
    """Its interval."""
    excludes_zero: bool
    """Whether the two differ by more than chance explains, which is an alarm."""


class Reading(Stored):
    """One opening of the private split."""

    reading: int
    """How often this run had read it then, from 1."""
    others: tuple[str, ...] = ()
    """Other runs under the same storage root that had read the same items before."""


class Mistakes(Stored):
    """What becomes of answers, as shares of a split's items, in the order from right to nothing.

    ``right``; ``partly right``: some of the credit; ``wrong``: an answer that earns nothing; ``unreadable``: no answer
    could be read; ``cut off``: none could be read, and the output had reached its token limit.
    """

    split: str
    """The split."""
    items: int
    """Its items."""
    before: dict[str, float]
    """The untrained student."""
    after: dict[str, float]
    """The finalists on private, the best version's student elsewhere."""
