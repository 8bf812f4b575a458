"""The data: what became of the rows, how varied they are, what they share with the examination, some of them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from preceptor.evaluation import diversity
from preceptor.spec.base import Stored


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
    id: str = ""
    """Its id; empty in reports of older releases."""
    receipt: dict[str, Any] = Field(default_factory=dict)
    """Where it came from: recipe, attempt, teacher, requests, validators, parents, what it cost, the nearest item."""
