"""What can happen in a run. Each step of the loop ends in exactly one of these, written before the next begins.

Events are facts, so reading tolerates keys of later versions; a type that is not known stops the run, because skipping
a fact would fold to a wrong state.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Protocol

from pydantic import Field, TypeAdapter, ValidationError

from preceptor.errors import StorageError
from preceptor.loop.closing_events import (
    ControlEnded,
    PrivateOpened,
    Published,
    Reopened,
    SkillRemoved,
    SuiteExamined,
)
from preceptor.loop.event import BASE, Event, SkillScore, Spent, SplitName, SplitScore
from preceptor.spec.recipe import Recipe

__all__ = [
    "BASE",
    "ControlEnded",
    "Event",
    "PrivateOpened",
    "Published",
    "Reopened",
    "SkillRemoved",
    "SkillScore",
    "Spent",
    "SplitName",
    "SplitScore",
    "SuiteExamined",
]


Operation = Literal["draft", "improve", "repair", "debug"]
"""What a proposal starts from (paper, section 3): nothing, the best version, an attempt with too few valid rows, or an
attempt that failed because its proposal or the carrying out of it did."""

AttemptFailure = Literal["too-few-rows", "invalid-recipe", "failed", "budget"]
"""Why a recipe gave no version: too few rows passed, it does not fit the teacher, carrying it out raised an error (a
template that does not render), or the budget ended first."""

ProposalFailure = Literal["unreadable", "invalid-recipe", "budget", "failed"]
"""Why there is no recipe: answers that were cut off, empty or no JSON; recipes that do not fit; no budget left to ask;
a request that the endpoint will never answer."""


class RunStarted(Event):
    """The first event: what is run, on which items."""

    type: Literal["run-started"] = "run-started"
    document: dict[str, Any]
    """The document with every default filled in."""
    document_digest: str
    """Digest of the fields that decide what is made."""
    splits: dict[str, str]
    """Digest of each split's items."""
    items: dict[str, int]
    """Items in each split."""
    versions: dict[str, str]
    """Packages that decide what is computed, with their versions."""
    suites: dict[str, str] = Field(default_factory=dict)
    """Digest of what each task of ``evaluation.forgetting`` asks, by its document as it is named there."""


class DocumentChanged(Event):
    """A resume under a document that changed only where it may: larger budgets, labels, compute."""

    type: Literal["document-changed"] = "document-changed"
    document: dict[str, Any]
    """The new document."""
    changes: tuple[str, ...]
    """What differs, readable."""


class StudentExamined(Event):
    """A subject answered one or more splits."""

    type: Literal["student-examined"] = "student-examined"
    subject: str
    """``base`` or a training id."""
    splits: dict[SplitName, SplitScore]
    """Score on each split."""
    seconds: float
    """Wall-clock time it took."""
    tokens: int
    """Tokens generated."""


class RecipeDrafted(Event):
    """The engineer proposed what to make next."""

    type: Literal["recipe-drafted"] = "recipe-drafted"
    attempt: int
    """Counts from 1."""
    operation: Operation
    """What the proposal starts from."""
    recipe: Recipe
    """The proposal."""
    digest: str
    """Its digest."""
    card: str | None = None
    """Id of the strategy card it instantiates."""
    expected: Spent = Field(default_factory=dict)
    """What carrying it out uses up as a rule, at the yield so far; empty when nobody is asked for it."""
    prompts: dict[str, str] = Field(default_factory=dict)
    """Digest of every prompt file it was asked with, by name; empty for an engineer without a model."""
    spent: Spent = Field(default_factory=dict)
    """What the engineer's model used up."""


class ProposalFailed(Event):
    """The engineer's answers could not be made a recipe. It counts as an attempt, although nothing was carried out."""

    type: Literal["proposal-failed"] = "proposal-failed"
    attempt: int
    """Counts from 1."""
    operation: Operation
    """What the proposal was to start from."""
    kind: ProposalFailure
    """What was wrong with the last answer."""
    problems: tuple[str, ...]
    """What the engineer was told about it, path and reason."""
    prompts: dict[str, str] = Field(default_factory=dict)
    """Digest of every prompt file it was asked with, by name."""
    spent: Spent = Field(default_factory=dict)
    """What the engineer's model used up."""

    @property
    def reason(self) -> str:
        """What went wrong, in a sentence."""
        return f"no valid recipe: {'; '.join(self.problems) or self.kind}"


class SafeguardsTested(Event):
    """Planted rows went through the gates before the engineer's first dataset, and every one was stopped."""

    type: Literal["safeguards-tested"] = "safeguards-tested"
    planted: dict[str, int]
    """Rows planted by kind, such as ``exact copy (private)`` or ``secret``; none of a kind whose gate is off."""
    stopped: dict[str, int]
    """Those of them that the gates stopped; the run refuses to start unless it is all of them."""
    protected: dict[str, int] = Field(default_factory=dict)
    """Questions that no row may copy, by split, and raw seed questions as ``seeds``."""
    index: str = ""
    """Digest of the index they are looked up in; empty without one."""
    off: tuple[str, ...] = ()
    """Gates that the document switches off."""
    seconds: float = 0.0
    """Wall-clock time it took."""


class DatasetCommitted(Event):
    """An attempt gave a valid dataset version."""

    type: Literal["dataset-committed"] = "dataset-committed"
    attempt: int
    """The attempt."""
    version: str
    """Number and digest of its rows: the same rows have the same digest."""
    manifest: str = ""
    """SHA-256 of its ``manifest.json``."""
    rows: int
    """Rows in the version."""
    skills: dict[str, int]
    """Rows by skill."""
    made: int
    """Rows the teacher made for it, dropped ones included."""
    dropped: dict[str, int]
    """Rows dropped, by reason."""
    carried: int = 0
    """Rows taken over from the best version."""
    short: dict[str, int] = Field(default_factory=dict)
    """Rows missing to a skill's quota."""
    seconds: float
    """Wall-clock time it took."""
    spent: Spent = Field(default_factory=dict)
    """What the teacher used up, its rows left out: those are in ``made``."""
    limit: Spent = Field(default_factory=dict)
    """What it was allowed to use up, as :meth:`preceptor.recipes.amount.Limit.to_data` writes it: a replay needs it."""


class AttemptFailed(Event):
    """A recipe was carried out, or was to be, and gave no valid version."""

    type: Literal["attempt-failed"] = "attempt-failed"
    attempt: int
    """The attempt."""
    kind: AttemptFailure = "too-few-rows"
    """Why there is no version."""
    reason: str
    """What went wrong."""
    accepted: int
    """Rows that passed the gates."""
    made: int
    """Rows the teacher made."""
    dropped: dict[str, int]
    """Rows dropped, by reason."""
    short: dict[str, int] = Field(default_factory=dict)
    """Rows missing to a skill's quota."""
    seconds: float
    """Wall-clock time it took."""
    spent: Spent = Field(default_factory=dict)
    """What the teacher used up, its rows left out: those are in ``made``."""
    limit: Spent = Field(default_factory=dict)
    """What it was allowed to use up, as :meth:`preceptor.recipes.amount.Limit.to_data` writes it: a replay needs it."""


class StudentTrained(Event):
    """A student learnt a version."""

    type: Literal["student-trained"] = "student-trained"
    training: str
    """Training id: digest of the version, the training settings and the seed; names the checkpoint."""
    version: str
    """What it learnt."""
    variant: str = ""
    """What was done to the version's rows before; empty for the version as it is."""
    seed_index: int
    """0 in the search, 1 and up for finalists."""
    seed: int
    """The seed itself."""
    steps: int
    """Optimiser steps."""
    tokens: int
    """Tokens seen, padding excluded."""
    too_long: int = 0
    """Rows left out because they exceed ``maxTokens``."""
    first_loss: float | None
    """Loss of the first step, nats per token."""
    last_loss: float | None
    """Loss of the last step."""
    seconds: float
    """Wall-clock time it took."""


class IterationJudged(Event):
    """An iteration's student was compared with the best before it, on selection (the Ladder rule)."""

    type: Literal["iteration-judged"] = "iteration-judged"
    attempt: int
    """The attempt that gave the version."""
    version: str
    """The version."""
    training: str
    """Its student."""
    against: str
    """The best before: ``base`` or a training id."""
    improvement: float
    """Difference of mean scores on selection."""
    standard_error: float
    """Paired standard error of the difference."""
    best: bool
    """Whether it is the new best."""


class SearchEnded(Event):
    """No further attempt is made."""

    type: Literal["search-ended"] = "search-ended"
    reason: Literal[
        "iterations",
        "attempts",
        "patience",
        "wallClock",
        "rows",
        "teacherRequests",
        "tokens",
        "usd",
        "engineer",
        "oneShot",
    ]
    """What ended it."""
    detail: str = ""
    """In words."""
    prompts: dict[str, str] = Field(default_factory=dict)
    """Digest of every prompt file that the engineer was asked with when it was the one to end the search."""
    spent: Spent = Field(default_factory=dict)
    """What its model used up for that answer."""


AnyEvent = Annotated[
    RunStarted
    | DocumentChanged
    | PrivateOpened
    | Reopened
    | StudentExamined
    | ControlEnded
    | SuiteExamined
    | SkillRemoved
    | RecipeDrafted
    | ProposalFailed
    | SafeguardsTested
    | DatasetCommitted
    | AttemptFailed
    | StudentTrained
    | IterationJudged
    | SearchEnded
    | Published,
    Field(discriminator="type"),
]

_ADAPTER: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)


class StoredRecord(Protocol):
    """What the ledger gives back for an event."""

    @property
    def number(self) -> int:
        """Its place, from 1."""

    @property
    def type(self) -> str:
        """The event's type."""

    @property
    def data(self) -> dict[str, Any]:
        """The event without its type."""


def to_data(event: Event) -> dict[str, Any]:
    """The event as the JSON data a ledger stores, without its type."""
    return event.model_dump(mode="json", exclude={"type"})


def from_record(record: StoredRecord) -> AnyEvent:
    """The event of a ledger record; :class:`StorageError` when this release does not know it."""
    try:
        return _ADAPTER.validate_python({**record.data, "type": record.type})
    except ValidationError as error:
        raise StorageError(
            f"ledger event {record.number} ({record.type}) cannot be read: {error.errors()[0]['msg']}",
            mend="continue the run with the release that wrote it, or start a new run under another name",
        ) from error
