"""What ``preceptor compare --json`` prints. Points are hundredths of the score; shares are in [0, 1]."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from preceptor.spec.base import Stored
from preceptor.spec.evaluation import ControlName


class Identity(Stored):
    """Who made the data, and how; runs that agree in all of it are one row."""

    engineer: str
    """Kind of the engineer: ``llm``, ``heuristic`` or ``fixed``."""
    model: str | None = None
    """Its model."""
    strategy: str | None = None
    """``iterative`` or ``oneShot``; none for a fixed recipe."""
    with_seeds: bool = False
    """Whether it had raw seed questions."""
    control: ControlName | None = None
    """The comparison that such runs made; ``None`` for the runs themselves."""

    @property
    def label(self) -> str:
        """In words, as in ``gpt-5.2, iterative``."""
        if self.control is not None:
            return f"{self.whose}: {self.control}"
        return self.whose

    @property
    def whose(self) -> str:
        """The runs, without the control."""
        parts = [self.model or self.engineer, self.strategy or "", "with seeds" if self.with_seeds else ""]
        return ", ".join(part for part in parts if part)


class Figure(Stored):
    """A gain or a difference of gains."""

    points: float
    """Absolute, in hundredths."""
    interval: tuple[float, float]
    """Its interval, in hundredths."""
    relative: float | None
    """The paper's relative gain, as a share of the score before; none when that was 0 in any run."""
    standard_error: float
    """Of ``points``, in hundredths."""
    detectable: float
    """The smallest true effect, in hundredths, that would be shown with a chance of 80 %."""
    significant: bool
    """Whether it may be called so: the interval excludes 0 and the effect is as large as what can be detected."""
    items: int
    """Private items."""
    trainings: int
    """Students that were examined, of all runs together."""
    runs: int
    """Runs that it is the mean of."""


class Cell(Stored):
    """A row's figure on a task."""

    task: str
    """The task's label."""
    figure: Figure
    """The gain."""


class Cost(Stored):
    """What the search used up, the mean of a row's runs; controls have rows of their own."""

    rows: float
    """Rows made, dropped ones included."""
    requests: float
    """Requests to teacher and engineer."""
    tokens: float
    """Tokens of both."""
    usd: float
    """Dollars at the declared prices."""
    minutes: float
    """Wall-clock time, with finalists and their examination."""


class Row(Stored):
    """All runs of one way to make data."""

    label: str
    """In words."""
    who: Identity
    """What its runs agree in."""
    runs: tuple[str, ...]
    """Their names."""
    cells: tuple[Cell, ...]
    """Its gain on every task that it was run on."""
    mean: Figure
    """The mean gain over those tasks, each counting the same."""
    mats: float | None
    """Attempts for each valid dataset (the paper's MATS, lower is better); none for controls and without a dataset."""
    cost: Cost
    """What a run used up."""
    verdicts: dict[str, int]
    """Runs by verdict."""


class Task(Stored):
    """A column."""

    label: str
    """The shortest name among its runs."""
    digest: str
    """Digest of the private items."""
    student: str
    """The model that learns."""
    items: int
    """Private items."""


class Pair(Stored):
    """Two rows on the same private items, item by item."""

    task: str
    """The first row's task."""
    first: str
    """Label of the row that is subtracted."""
    second: str
    """Label of the row that it is subtracted from."""
    figure: Figure
    """Score of the second minus score of the first."""
    words: str
    """The same in words, with the verdict of the statistics."""


class Unfinished(Stored):
    """A run that is not counted."""

    run: str
    """Its name."""
    where: str
    """Its directory."""
    why: str
    """How far it is."""


class Comparison(Stored):
    """Runs side by side."""

    confidence: float
    """Of all intervals."""
    tasks: tuple[Task, ...]
    """The columns."""
    rows: tuple[Row, ...]
    """The rows; controls follow the runs that made them."""
    pairs: tuple[Pair, ...]
    """Rows compared on the same private items; with those rows that published nothing, none."""
    unfinished: tuple[Unfinished, ...] = ()
    """Runs that have not ended."""
    version: int = Field(default=1)
    """Of this form."""


def json_schema() -> dict[str, Any]:
    """The JSON schema of what is printed."""
    return Comparison.model_json_schema(by_alias=True, mode="serialization")
