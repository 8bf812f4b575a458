"""The steps of the loop: what :func:`preceptor.loop.decide.next_step` can ask for. Each ends in one event."""

from __future__ import annotations

from dataclasses import dataclass

from preceptor.loop.event import SplitName
from preceptor.loop.events import ControlEnded, Operation, SearchEnded
from preceptor.loop.state import Attempt
from preceptor.spec.document import ApprovedStep
from preceptor.spec.evaluation import ControlName, Forgetting


@dataclass(frozen=True)
class CheckSafeguards:
    """Put the gates to the test with planted rows."""


@dataclass(frozen=True)
class Examine:
    """Let a subject answer splits."""

    subject: str
    """``base`` or a training id."""
    splits: tuple[SplitName, ...]
    """The splits."""


@dataclass(frozen=True)
class Draft:
    """Ask the engineer for the next recipe."""

    attempt: int
    """Its number, from 1."""
    operation: Operation
    """What it starts from."""


@dataclass(frozen=True)
class Generate:
    """Carry out a recipe."""

    attempt: Attempt
    """The attempt."""


@dataclass(frozen=True)
class Train:
    """Train a student on a version."""

    version: str
    """The version."""
    seed_index: int
    """0 in the search, 1 and up for finalists."""


@dataclass(frozen=True)
class Judge:
    """Compare an iteration's student with the best before it."""

    attempt: Attempt
    """The attempt."""
    training: str
    """Its student."""


@dataclass(frozen=True)
class EndSearch:
    """Make no further attempt."""

    event: SearchEnded
    """Why."""


@dataclass(frozen=True)
class OpenPrivate:
    """Read the private split from here on; nothing is chosen any more."""

    reading: int
    """How often this run has read it then, from 1."""


@dataclass(frozen=True)
class RunControl:
    """Carry out a comparison."""

    control: ControlName
    """Which."""


@dataclass(frozen=True)
class SkipControl:
    """Leave a comparison out."""

    event: ControlEnded
    """Which, and why."""


@dataclass(frozen=True)
class ExamineSuite:
    """Let the untrained student and the finalists answer another task."""

    suite: Forgetting
    """The task, as the document names it."""
    finalists: tuple[str, ...]
    """Trainings of the best version."""


@dataclass(frozen=True)
class RemoveSkill:
    """Train students on the best version without one skill, and examine them."""

    skill: str
    """The skill."""
    version: str
    """The best version."""
    finalists: tuple[str, ...]
    """Trainings of the best version as it is, by seed index from ``first_seed``."""
    first_seed: int
    """Seed index of the first finalist."""


@dataclass(frozen=True)
class Publish:
    """Write the outcome."""

    finalists: tuple[str, ...]
    """Trainings of the best version; empty when nothing beat the untrained student."""


@dataclass(frozen=True)
class AwaitApproval:
    """Go no further until a human lets this step pass in the document."""

    step: ApprovedStep
    """The step."""
    version: str
    """The dataset version that it is about."""


@dataclass(frozen=True)
class Done:
    """Nothing is left to do."""


ClosingStep = OpenPrivate | RunControl | ExamineSuite | RemoveSkill
"""Steps around the search and after it that compare; see :mod:`preceptor.closing`."""

Step = (
    CheckSafeguards
    | Examine
    | Draft
    | Generate
    | Train
    | Judge
    | EndSearch
    | OpenPrivate
    | RunControl
    | SkipControl
    | ExamineSuite
    | RemoveSkill
    | Publish
    | AwaitApproval
    | Done
)
