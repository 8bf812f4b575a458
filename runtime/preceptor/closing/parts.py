"""What a comparison has to work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from preceptor.closing.other_tasks import OtherTask
from preceptor.loop.event import SplitName
from preceptor.loop.examining import Examinations, Paper
from preceptor.loop.generating import Generation
from preceptor.loop.parts import Reporter
from preceptor.loop.schooling import Schooling
from preceptor.loop.state import RunState
from preceptor.spec.document import Spec, Specialization
from preceptor.storage.store import Store
from preceptor.tasks.splits import Split


@dataclass(frozen=True)
class Errand:
    """A comparison that is a run of its own."""

    document: Specialization
    """What it runs, in place of the run's document."""
    directory: str
    """Where below the run's directory."""
    title: str
    """What people are told it is."""
    reading: int
    """The run's reading of the private split that it belongs to."""


Arm = Callable[[Errand], RunState]
"""Runs an errand to its end with the run's hands and the same examination, or goes on where that was interrupted. Gives
the fold of its ledger."""


@dataclass(frozen=True)
class Parts:
    """The run that comparisons belong to, and its hands."""

    document: Specialization
    """The document as run."""
    base_dir: Path
    """Directory of the document."""
    store: Store
    """The run's directory in storage."""
    splits: dict[SplitName, Split]
    """The examination."""
    generation: Generation
    """Makes dataset versions, and reads their rows."""
    schooling: Schooling
    """Trains."""
    examinations: Examinations
    """Examines."""
    reporter: Reporter
    """Is told about it."""
    epoch: int
    """The driver's epoch: no two drivers' logs share a name."""
    arm: Arm
    """Runs another document beside this one."""
    other_tasks: Mapping[str, OtherTask] = field(default_factory=dict)
    """Tasks of ``evaluation.forgetting``, by their document as it is named there."""

    @property
    def spec(self) -> Spec:
        """The document's ``spec``."""
        return self.document.spec

    def paper(self, split: SplitName) -> Paper:
        """A split as the run's task asks it."""
        return Paper.of(self.splits[split], self.spec.task)
