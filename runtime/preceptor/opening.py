"""How a run begins, goes on under its document, or goes on again: what its ledger gets before the first step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata

from preceptor import __version__
from preceptor.closing.other_tasks import OtherTask
from preceptor.errors import ResumeError
from preceptor.loop.decide import why_stop
from preceptor.loop.events import AnyEvent, DocumentChanged, Reopened, RunStarted, from_record, to_data
from preceptor.loop.state import RunState, apply, fold
from preceptor.spec.actors import FixedEngineer
from preceptor.spec.changes import BUDGET, Change, changed_fields, document_digest, resume_problems
from preceptor.spec.document import Specialization
from preceptor.storage import layout
from preceptor.storage.ledger import Ledger
from preceptor.storage.store import Store
from preceptor.tasks.splits import Split, SplitName

MATTERS = ("torch", "transformers", "peft", "deepspeed", "ray", "faker", "reasoning-gym", "jinja2", "numpy")
"""Packages whose versions decide what is computed; recorded when a run begins."""
_ANOTHER = "give a new run another metadata.name"


def begin_or_resume(
    document: Specialization,
    text: str,
    store: Store,
    ledger: Ledger,
    splits: Mapping[SplitName, Split],
    others: Sequence[OtherTask] = (),
    *,
    again: bool = False,
) -> RunState:
    """Note that a run begins or what changed in its document, and give its state.

    ``text`` is the document as written. ``again`` lets the search of a run that has ended go on, when its budget grew.

    Raises:
        ResumeError: the storage holds a run of another document, of other items, or one that has ended and cannot or
            may not go on.
        StorageError: the ledger cannot be written.
    """
    state = fold(from_record(record) for record in ledger.records)
    if state.started is None:
        store.write(layout.SPEC, text.encode())
        event = _started(document, splits, others)
        ledger.append(event.type, to_data(event))
        return fold([event])
    known = latest_document(from_record(record) for record in ledger.records)
    _refuse_other_run(known, document, store, state.started.splits, splits)
    _refuse_other_suites(store, state.started.suites, others)
    changes = changed_fields(known, document.canonical())
    if state.published is not None:
        grown = [change for change in changes if change.path.startswith(BUDGET)]
        # Without a dataset nothing private was read, so that nobody need be asked.
        if again or (grown and not state.readings):
            state = _reopened(document, store, ledger, state, grown)
        elif grown:
            raise ResumeError(_ended(store, state), mend=f"add --again, restore spec.budget, or {_ANOTHER}")
    if changes:
        store.write(layout.SPEC, text.encode())
        changed = DocumentChanged(
            document=document.canonical(), changes=tuple(str(change) for change in changes), elapsed=state.elapsed
        )
        ledger.append(changed.type, to_data(changed))
    if state.published is None:  # the report of an earlier reading is none of what this run comes to
        for path in (layout.REPORT_JSON, layout.REPORT_HTML):
            store.delete(path)
    return state


def latest_document(events: Iterable[AnyEvent]) -> dict[str, object]:
    """The document that a run last went on under; ``IndexError`` when it never began."""
    return [event.document for event in events if isinstance(event, RunStarted | DocumentChanged)][-1]


def _started(document: Specialization, splits: Mapping[SplitName, Split], others: Sequence[OtherTask]) -> RunStarted:
    return RunStarted(
        document=document.canonical(),
        document_digest=document_digest(document),
        splits={name: split.digest for name, split in splits.items()},
        items={name: len(split.items) for name, split in splits.items()},
        versions=_versions(),
        suites={other.document: other.digest for other in others},
    )


def _reopened(
    document: Specialization, store: Store, ledger: Ledger, state: RunState, grown: Sequence[Change]
) -> RunState:
    """Let the search go on; raises :class:`ResumeError` when it would end where it ended.

    The event comes before that of the changed document: a driver that is killed between them finds a run that goes on.
    """
    if not grown:
        mend = f"raise a limit of spec.budget, or {_ANOTHER}"
        raise ResumeError(f"{_ended(store, state)}, and with the same budget --again has nothing to do", mend=mend)
    event = Reopened(changes=tuple(str(change) for change in grown), elapsed=state.elapsed)
    reopened = apply(state, event)
    ending = why_stop(document.spec, reopened)
    if isinstance(document.spec.engineer, FixedEngineer):
        reason = "a fixed engineer has no other recipe"
    elif ending is not None:
        reason = ending.detail
    else:
        ledger.append(event.type, to_data(event))
        return reopened
    mend = f"raise the limit that ends it, or {_ANOTHER}"
    raise ResumeError(f"{_ended(store, state)}, and the search would end at once: {reason}", mend=mend)


def _ended(store: Store, state: RunState) -> str:
    read = " and its private split was read" if state.readings else ""
    return f"the run in {store.uri()} has ended{read}"


def _refuse_other_run(
    known: dict[str, object],
    document: Specialization,
    store: Store,
    digests: Mapping[str, str],
    splits: Mapping[SplitName, Split],
) -> None:
    """Raise :class:`ResumeError` when the storage holds a run of another document or of other items."""
    where = store.uri()
    mend = (
        "restore these fields, or give the new run another metadata.name; where nobody changed them, another release "
        "of preceptor began this run and can finish it"
    )
    problems = resume_problems(known, document.canonical())
    if problems:
        lines = "\n".join(f"  {problem.path}: {problem.message}; {problem.mend}" for problem in problems)
        raise ResumeError(f"the document changed since the run in {where} began:\n{lines}", mend=mend)
    other = [name for name, split in splits.items() if digests.get(name) != split.digest]
    if other:
        raise ResumeError(
            f"the items of {', '.join(other)} changed since the run in {where} began (task.items.uri)", mend=mend
        )


def _refuse_other_suites(store: Store, digests: Mapping[str, str], others: Sequence[OtherTask]) -> None:
    """Raise :class:`ResumeError` when a task of ``evaluation.forgetting`` is not what the run began with."""
    changed = [other.document for other in others if digests.get(other.document) != other.digest]
    if changed:
        raise ResumeError(
            f"what {', '.join(changed)} asks changed since the run in {store.uri()} began: its items, its splits, its "
            "scorer or what stands around its questions (spec.evaluation.forgetting)",
            mend="restore them, or give the new run another metadata.name",
        )


def _versions() -> dict[str, str]:
    installed = {"preceptor": __version__}
    for name in MATTERS:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return installed
