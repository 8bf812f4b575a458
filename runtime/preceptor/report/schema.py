"""The shape of ``report.json``; ``preceptor schema report`` prints it.

Accuracies lie in [0, 1], times are in seconds, money is in dollars.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from preceptor.evaluation import diversity
from preceptor.spec.base import Stored


class SkillOutcome(Stored):
    """One skill on the private split."""

    n: int
    """Items."""
    before: float
    """Mean score of the untrained student."""
    after: float
    """Mean score of the finalists."""


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


class Private(Stored):
    """The outcome: the private split, read once after the search."""

    items: int
    """Items."""
    before: float
    """Mean score of the untrained student."""
    after: float
    """Mean score over items and finalists."""
    gain_points: float
    """``after - before`` in points (hundredths)."""
    interval: tuple[float, float]
    """Confidence interval of ``gainPoints``, paired bootstrap over items."""
    confidence: float
    """The interval's coverage."""
    relative_gain: float | None
    """``(after - before) / before`` (PAPER: relative gain); ``null`` when ``before`` is 0."""
    exact_before: float
    """Share of items right in every part, untrained."""
    exact_after: float
    """The same for the finalists."""
    seeds: tuple[SeedOutcome, ...]
    """Each finalist."""
    skills: dict[str, SkillOutcome]
    """By skill."""


class Iteration(Stored):
    """One dataset version that was trained and examined."""

    attempt: int
    """The attempt that made it."""
    version: str
    """Its id."""
    rows: int
    """Its rows."""
    carried: int
    """Rows taken over from the best version before."""
    feedback: float
    """Mean score on feedback."""
    selection: float
    """Mean score on selection."""
    improvement_points: float
    """Change on selection against the best before, in points."""
    standard_error_points: float
    """Its paired standard error."""
    best: bool
    """Whether it became the best."""
    predicted: float | None
    """Mean score on feedback that the engineer predicted; ``null`` without a prediction."""
    seconds: float
    """Generating, training and examining."""
    rationale: str
    """The engineer's reason."""
    quotas: dict[str, int]
    """Rows by skill, as planned."""


class Attempts(Stored):
    """How many recipes it took."""

    total: int
    """Recipes carried out."""
    valid: int
    """Those that gave a valid dataset."""
    mats: float | None
    """``total / valid`` (PAPER: MATS; lower is better); ``null`` without a valid dataset."""
    failures: dict[str, int]
    """Failed attempts by reason."""


class Spending(Stored):
    """One kind of budget."""

    limit: float | None
    """The limit; ``null`` for none."""
    spent: float
    """What was used."""


class Forecast(Stored):
    """What the engineer expected of one skill, beside what came."""

    attempt: int
    """The attempt."""
    skill: str
    """The skill."""
    predicted: float
    """Expected change of feedback accuracy against the best before, as a difference of shares."""
    actual: float | None
    """The change; ``null`` when no feedback item exercises the skill."""
    n: int
    """Feedback items that the change rests on."""


class Funnel(Stored):
    """What became of the rows the teacher made."""

    made: int
    """Rows made over all attempts."""
    accepted: int
    """Fresh rows that went into versions."""
    dropped: dict[str, int]
    """Rows dropped, by reason."""
    gates: dict[str, dict[str, int]] = Field(default_factory=dict)
    """The same by the gate that dropped them, in the gates' order, then by reason."""


class Diversity(diversity.Diversity):
    """How varied one version is."""

    version: str
    """The version."""
    alarms: tuple[str, ...] = ()
    """What collapsed against the best version before it."""


class Neighbours(Stored):
    """Rows of the published version that have something in common with items of one split."""

    rows: int
    """Rows whose nearest item is in the split; a nearest item shares eight words in a row at least."""
    highest: float
    """Largest share of an item's 8-word sequences that one of them holds, in [0, 1]."""


class Contamination(Stored):
    """What rows have in common with the examination."""

    checked_rows: int
    """Rows of the published version, compared once more, by themselves and not by the gate."""
    exact_questions: dict[str, int]
    """Of these, rows whose question equals an item's after folding case and space, by split."""
    enabled: bool | None = None
    """Whether the gate ran; ``null`` in reports of releases that had none."""
    thresholds: dict[str, float] = Field(default_factory=dict)
    """What it dropped rows by, as the document names it."""
    by_meaning: str = ""
    """Which models compared by meaning, and from which similarity on; empty when words alone were compared."""
    protected: dict[str, int] = Field(default_factory=dict)
    """Questions that no row may copy, by split; raw seed questions as ``seeds``."""
    dropped: dict[str, int] = Field(default_factory=dict)
    """Rows it dropped over all attempts, by kind of copy."""
    neighbours: dict[str, Neighbours] = Field(default_factory=dict)
    """The published version's rows that are near to an item and yet no copy, by split."""


class SelfTest(Stored):
    """Rows that must not pass, put through the gates before anything was made."""

    planted: dict[str, int]
    """Rows planted, by kind."""
    stopped: dict[str, int]
    """Those that were stopped; the run refuses to start unless it is all."""
    off: tuple[str, ...] = ()
    """Gates that the document switches off."""
    index: str = ""
    """Digest of the index that copies are found by; empty without one."""


Reach = Literal["student", "teacher", "engineer", "examiner", "rules", ""]
"""Who gets to see what people put in."""


class HumanInput(Stored):
    """Something people put in."""

    kind: str
    """What it is."""
    where: str
    """Its place in the document or its URI."""
    items: int
    """How many."""
    words: int
    """How many words."""
    digest: str
    """Its digest."""
    reach: Reach = ""
    """``student``: it is learnt from or stands around every question. Else who is nearest to the student: ``teacher``,
    ``engineer``, ``examiner``; ``rules`` for what only limits the run. Empty in older reports."""
    author: str = ""
    """Who put it in, as the document's annotation ``preceptor.dev/author`` says; empty when it does not."""
    at: str = ""
    """When, in UTC as ISO 8601, for what came after the run began."""
    detail: tuple[str, ...] = ()
    """What was put in, where that can be said in a few words."""


class Tally(Stored):
    """How much people put in."""

    items: int
    """How many things."""
    words: int
    """How many words."""


class SampleRow(Stored):
    """A row of the published version."""

    skill: str
    """Its skill."""
    prompt: str
    """The question."""
    answer: str
    """The answer."""
    generator: str
    """What made it."""


class Report(Stored):
    """A run's report."""

    name: str
    """The run."""
    verdict: Literal["improved", "not-shown", "no-improvement", "no-dataset", "forgot"]
    """The outcome in a word."""
    sentence: str
    """The outcome in a sentence."""
    alarms: tuple[str, ...] = ()
    """What a reader has to know before believing it, a sentence each."""
    description: str
    """The task."""
    student: str
    """The base model."""
    published_version: str | None
    """Dataset version that was published."""
    published_training: str | None
    """Checkpoint that was published."""
    private: Private | None
    """The outcome on the private split; ``null`` when it was not opened."""
    baseline: dict[str, float]
    """Mean score of the untrained student on feedback and selection."""
    iterations: tuple[Iteration, ...]
    """The search."""
    ended: str
    """Why the search ended."""
    attempts: Attempts
    """Recipes and failures."""
    budget: dict[str, Spending]
    """Limits and use by kind."""
    forecasts: tuple[Forecast, ...] = ()
    """What the engineer predicted and what came, by iteration and skill."""
    stages: dict[str, float]
    """Seconds by kind of step."""
    funnel: Funnel
    """What became of the rows."""
    controls: dict[str, float] = Field(default_factory=dict)
    """Comparisons that were run; empty when none were."""
    contamination: Contamination | None
    """Overlap with the examination; ``null`` without a published version."""
    canaries: dict[str, bool] = Field(default_factory=dict)
    """Kinds of planted rows and whether all of them were stopped; empty when none were planted."""
    self_test: SelfTest | None = None
    """The same in numbers; ``null`` when the gates were not tested."""
    diversity: tuple[Diversity, ...]
    """Each version's variety."""
    human_input: tuple[HumanInput, ...]
    """What people put in."""
    human_totals: dict[str, Tally] = Field(default_factory=dict)
    """The same in all (``all``) and by who gets to see it."""
    samples: tuple[SampleRow, ...]
    """Some rows of the published version."""
    digests: dict[str, str]
    """What identifies the run's inputs and outputs."""
    versions: dict[str, str]
    """Packages that decide what is computed."""
