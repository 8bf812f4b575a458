"""What a user points at: a run's directory with its ledger, or the directory of one version, copied away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from preceptor.errors import StorageError, UserError
from preceptor.loop.events import AnyEvent, DatasetCommitted, DocumentChanged, RecipeDrafted, RunStarted, from_record
from preceptor.loop.state import RunState, fold
from preceptor.recipes.funnel import Funnel
from preceptor.spec.recipe import Recipe
from preceptor.spec.task import Task
from preceptor.storage import datasets, layout
from preceptor.storage.datasets import Manifest, parse_name
from preceptor.storage.ledger import read_records
from preceptor.storage.store import Store
from preceptor.versions.copied import copied


@dataclass(frozen=True)
class Version:
    """One committed version."""

    name: str
    """What it is called."""
    manifest: Manifest
    """What makes it real."""
    number: int | None
    """Which of the run's versions it is, from 1; ``None`` when nobody wrote it down."""

    @property
    def bytes(self) -> int:
        """Size of its shards."""
        return sum(shard.bytes for shard in self.manifest.shards)

    @property
    def funnel(self) -> Funnel | None:
        """What became of the rows made for it; ``None`` when the manifest does not tell in a form known here."""
        try:
            return Funnel.model_validate(self.manifest.funnel)
        except ValidationError:
            return None


@dataclass(frozen=True)
class Run:
    """Where versions are looked for."""

    store: Store
    """The run's directory, or what stands in for it."""
    alone: bool = False
    """Whether it is one version without its run."""
    events: tuple[AnyEvent, ...] = ()
    """The ledger's; none when there is no ledger, or none that can be read."""
    trouble: StorageError | None = None
    """Why the ledger cannot be read."""

    @cached_property
    def state(self) -> RunState | None:
        """What the ledger says; ``None`` without one."""
        return fold(self.events) if self.events else None

    @cached_property
    def recipes(self) -> Mapping[str, Recipe]:
        """Every recipe of the run by its digest."""
        return {event.digest: event.recipe for event in self.events if isinstance(event, RecipeDrafted)}

    @cached_property
    def committed(self) -> Mapping[str, DatasetCommitted]:
        """What the ledger says of each version, in order."""
        return {event.version: event for event in self.events if isinstance(event, DatasetCommitted)}

    @cached_property
    def document(self) -> Mapping[str, Any] | None:
        """The document as it last was; ``None`` without a ledger."""
        documents = [event.document for event in self.events if isinstance(event, RunStarted | DocumentChanged)]
        return documents[-1] if documents else None

    @property
    def task(self) -> Task | None:
        """The document's task; ``None`` without a ledger.

        Raises:
            UserError: the ledger is damaged, or holds a document of another release.
        """
        if self.trouble is not None:
            raise self.trouble
        if self.document is None:
            return None
        try:
            return Task.model_validate(self.document["spec"]["task"])
        except (KeyError, ValidationError) as error:
            mend = "use the release that made the run; report.json names it"
            raise UserError("this release cannot read the task in the run's ledger", mend=mend) from error

    @property
    def best(self) -> str | None:
        """The version that did best in the search so far."""
        best = self.state.best if self.state else None
        return best.committed.version if best and best.committed else None

    @property
    def published(self) -> str | None:
        """The version that was published."""
        return self.state.published.version if self.state and self.state.published else None

    @property
    def names(self) -> list[str]:
        """Names of all committed versions, oldest first as far as that is known."""
        return sorted(datasets.versions(self.store), key=lambda name: (self.number(name) or 0, name))

    def number(self, name: str) -> int | None:
        """Which of the run's versions one is: by its name, or for names of early releases by the ledger."""
        number, _ = parse_name(name) or (None, "")
        known = list(self.committed)
        return number or (known.index(name) + 1 if name in known else None)

    def version(self, name: str) -> Version:
        """A version by its whole name. Raises :class:`StorageError` when its manifest cannot be read."""
        manifest = datasets.read_manifest(self.store, name)
        return Version(name, manifest, manifest.number if manifest.number is not None else self.number(name))

    def resolve(self, wanted: str | None) -> str:
        """The whole name of what a user calls ``v3``, by the beginning of its digest, or, where there is one, nothing.

        Raises:
            UserError: there is no such version, or there are several; names those there are.
        """
        names = self.names
        if not names:
            raise UserError(
                f"the run in {self.store.uri()} has no dataset version yet",
                mend="`preceptor status` shows how far it is",
            )
        if wanted is None:
            if len(names) > 1:
                raise UserError("which version?", mend=f"name one of: {', '.join(names)}")
            return names[0]
        numbered = [name for name in names if wanted == f"v{self.number(name)}"]
        return numbered[0] if len(numbered) == 1 else datasets.resolve(self.store, wanted)


def open_run(store: Store) -> Run:
    """What lies in a directory. Raises :class:`StorageError` when it is neither a run nor a version."""
    if store.exists(layout.MANIFEST):
        return Run(copied(store), alone=True)
    trouble = None
    events: tuple[AnyEvent, ...] = ()
    try:
        events = tuple(from_record(record) for record in read_records(store))
    except StorageError as error:
        trouble = error
    if not events and trouble is None and not store.names(layout.DATASETS):
        raise StorageError(
            f"there is no run in {store.uri()}",
            mend="give the document it was run from, the run's own directory, or that of one dataset version",
        )
    return Run(store, events=events, trouble=trouble)
