"""What the loop needs from the outside, as small protocols: hands to do the work, and someone to tell about it.

The loop never learns whether its hands are Ray actors on a cluster or plain objects in its own process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from preceptor.errors import PreceptorError
from preceptor.inference.engine import Output
from preceptor.loop.events import AnyEvent
from preceptor.loop.state import RunState
from preceptor.recipes.amount import Amount
from preceptor.spec.actors import Inference, Training
from preceptor.spec.document import Spec
from preceptor.spec.recipe import Recipe
from preceptor.storage.store import Store
from preceptor.students.lengths import StudentLengths
from preceptor.synthesis.context import UnitContext
from preceptor.synthesis.units import Unit, UnitResult
from preceptor.training.job import Example, TrainingResult

Message = dict[str, str]
Tick = Callable[[int], None]
"""Called with the amount of work done so far."""


@dataclass(frozen=True)
class Upload:
    """Copies a local directory under a prefix of a store; picklable, so that it can run beside the files."""

    root: str
    """The store's root URI."""
    prefix: str
    """Where the files go."""

    def __call__(self, directory: Path) -> None:
        """Upload every file below ``directory``; raises :class:`StorageError`."""
        Store.open(self.root).upload(directory, self.prefix)


@dataclass(frozen=True)
class Download:
    """Copies what is under a prefix of a store into a local directory; picklable."""

    root: str
    """The store's root URI."""
    prefix: str
    """Where the files lie."""

    def __call__(self, directory: Path) -> None:
        """Download into ``directory``; raises :class:`StorageError`."""
        Store.open(self.root).download(self.prefix, directory)


@dataclass(frozen=True)
class BaseModel:
    """The student before any training."""

    uri: str
    """``student.model`` as written."""
    base_dir: Path
    """What a relative path is relative to."""


@dataclass(frozen=True)
class TrainingOrder:
    """Everything a training needs."""

    model: BaseModel
    """What is fine-tuned."""
    settings: Training
    """How."""
    seed: int
    """Seed of the order of rows and of the adapters' initial weights."""
    examples: tuple[Example, ...]
    """The rows as conversations with their completions."""
    publish: Upload
    """Where the adapter or the weights go."""


@dataclass(frozen=True)
class Sitting:
    """Everything an examination needs except the references, which stay with the driver."""

    model: BaseModel
    """The base model."""
    checkpoint: Download | None
    """The adapter or weights to examine; ``None`` examines the base model."""
    method: str
    """``lora`` (the checkpoint is an adapter) or ``full`` (it is a model)."""
    settings: Inference
    """How it answers."""
    conversations: tuple[tuple[Message, ...], ...]
    """The questions."""


@dataclass(frozen=True)
class MakingOrder:
    """What the units of one attempt are made from."""

    root: str
    """URI of the run's directory, below which requests and answers are logged."""
    epoch: int
    """The driver's epoch: no two drivers' logs share a name."""
    attempt: int
    """The attempt."""
    recipe: Recipe
    """Its recipe."""
    context: UnitContext
    """What it builds on."""


class MakersLostError(PreceptorError):
    """Whoever made units died. What was answered is in the log: make them again."""


class Workforce(Protocol):
    """The hands of a run."""

    def prepared(self, lengths: StudentLengths) -> StudentLengths:
        """Load the student's tokenizer, which takes hundreds of megabytes, where they do not stay with the driver.

        Raises :class:`StudentError` when the student does not load.
        """

    def make(self, order: MakingOrder, units: Sequence[Unit]) -> Iterator[UnitResult]:
        """Carry out work units and give back each as it is finished, in any order.

        Raises :class:`MakersLostError` when processes died; nothing of the order is under way any more then.
        """

    def train(self, order: TrainingOrder, tick: Tick) -> TrainingResult:
        """Train a student and upload it; ``tick`` gets the number of finished steps."""

    def answer(self, sitting: Sitting, tick: Tick) -> list[Output]:
        """Let a student answer; outputs in the order of the questions. ``tick`` gets the number of finished answers."""

    def close(self) -> None:
        """Let go of every process and file."""


class Stage(Protocol):
    """A step in progress, as people watch it."""

    def advance(self, done: int) -> None:
        """So much of the stage's total is done."""

    def spend(self, amount: Amount) -> None:
        """So much was used up for it so far and is in no event yet; ``rows`` are those made."""


class Reporter(Protocol):
    """Someone who is told what happens."""

    def stage(self, title: str, total: int | None) -> AbstractContextManager[Stage]:
        """A step begins that has ``total`` parts; it ends with the context."""

    def happened(self, event: AnyEvent, within: str = "") -> None:
        """An event was written to the ledger, or to that of a comparison's own run, which ``within`` names."""


class Audience(Reporter, Protocol):
    """A reporter that follows a run as a whole, and so has to know what happened before this driver came."""

    def begins(self, spec: Spec, state: RunState) -> None:
        """The run begins, or goes on from ``state``."""
