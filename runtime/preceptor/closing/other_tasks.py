"""The tasks of ``evaluation.forgetting``: other documents' examinations, at which the student must not become worse.

Such a document is loaded and cut like any other, and only its task and the length of its answers count. Its private
split stays closed, so that a run of its own can still read it for the first time.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from preceptor.errors import TaskError
from preceptor.loop.event import SplitName
from preceptor.loop.examining import Paper
from preceptor.recipes.digests import digest
from preceptor.spec.evaluation import Forgetting
from preceptor.spec.load import Document, load, loads
from preceptor.spec.source import join
from preceptor.storage.failures import safe
from preceptor.storage.tables import Record, read_bytes, read_items
from preceptor.tasks import splits
from preceptor.tasks.items import Item, items_of

ASKED: tuple[SplitName, ...] = ("feedback", "selection")
"""Splits of another task that are asked."""

_URI = re.compile(r"^[a-z][a-z0-9+.]*://", re.IGNORECASE)
_FILE = re.compile(r"^file://", re.IGNORECASE)
_HERE = "spec.evaluation.forgetting"
_MEND_SHARED = "name a document of another task, or take these items out of one of the two"

Files = Mapping[str, Sequence[Record]]
"""Records by the name of their file."""


@dataclass(frozen=True)
class OtherTask:
    """Another task as this run asks it."""

    document: str
    """The task's document, as ``evaluation.forgetting`` names it."""
    paper: Paper
    """The items that are asked, and how."""
    max_new_tokens: int
    """How long an answer may be: the task knows, so its own document says."""

    @property
    def digest(self) -> str:
        """Names what is asked and how answers are judged; a run that began with another cannot go on."""
        scorer = self.paper.task.scorer.model_dump(mode="json")
        return digest([self.paper.digest, self.paper.frame, scorer, self.max_new_tokens])


def other_tasks(
    document: Document,
    examination: Mapping[SplitName, splits.Split],
    check: Callable[[Document, Files], None] = lambda document, files: None,
) -> tuple[OtherTask, ...]:
    """Read every task of ``evaluation.forgetting``, in the document's order.

    ``check`` may raise what it finds wrong with a task's document, given the records it names. Raises
    :class:`DocumentError`, at the line to mend: of this document, when there is no such file or when the task shares
    items with the run's own ``examination``; of the other, when that one or its items are not sound.
    """
    own = {key for split in examination.values() for item in split.items for key in _keys(item)}
    found = []
    for place, suite in enumerate(document.spec.spec.evaluation.forgetting):
        at = f"{join(_HERE, place)}.document"
        other = _load(document, suite.document, at)
        task = _read(other, suite, check)
        shared = [item.id for item in task.paper.items if not own.isdisjoint(_keys(item))]
        if shared:
            asked = f"{len(shared)} of the {len(task.paper.items)} items it would ask"
            # Not the question: it may be a private one.
            message = f"`{suite.document}` shares items with this run's examination: {asked}, such as {_some(shared)}"
            raise document.error(at, message, _MEND_SHARED)
        found.append(task)
    return tuple(found)


def _load(document: Document, named: str, at: str) -> Document:
    """The document that is named at ``at``."""
    if _URI.match(named) and not _FILE.match(named):
        return _fetched(document, named, at)
    path = document.base_dir / Path(_FILE.sub("", named)).expanduser()
    if not path.exists():
        mend = f"correct the path; it counts from {document.base_dir}"
        raise document.error(at, f"there is no file {named}", mend)
    return load(path)


def _fetched(document: Document, uri: str, at: str) -> Document:
    """A document from a bucket or the web; what it names by a path lies beside it."""
    shown = safe(uri)
    try:
        text = read_bytes(uri, document.base_dir).decode("utf-8-sig")
    except TaskError as error:
        raise document.error(at, error.message, error.mend) from error
    except UnicodeDecodeError as error:
        raise document.error(at, f"{shown}: not UTF-8 text", "save the file as UTF-8") from error
    other = loads(text, source=shown, base_dir=document.base_dir)
    written = other.spec.spec.task.items.uri
    places = (written,) if isinstance(written, str) else written
    for place in places:
        if _FILE.match(place) or place.startswith(("/", "~")):
            message = f"{shown} is no file of this machine, so it cannot name {place}"
            raise other.error("spec.task.items.uri", message, "write a path beside the document, or a URI")
    folder = uri.split("?", 1)[0].rpartition("/")[0]
    beside = tuple(place if _URI.match(place) else f"{folder}/{place}" for place in places)
    task = other.spec.spec.task
    items = task.items.model_copy(update={"uri": beside})
    spec = other.spec.spec.model_copy(update={"task": task.model_copy(update={"items": items})})
    return replace(other, spec=other.spec.model_copy(update={"spec": spec}))


def _read(other: Document, suite: Forgetting, check: Callable[[Document, Files], None]) -> OtherTask:
    spec = other.spec.spec
    with _at(other, "spec.task.items.uri"):
        files = read_items(spec.task.items, other.base_dir)
    check(other, files)
    with _at(other, "spec.task.items"):
        items = items_of(spec.task, files)
    with _at(other, "spec.task.splits"):
        cut = splits.cut(spec.task, items)
    asked = _some_of([item for name in ASKED for item in cut[name].items], suite.limit)
    paper = Paper(f"suite-{other.spec.name}", asked, splits.digest(asked), spec.task)
    return OtherTask(suite.document, paper, spec.student.inference.max_new_tokens)


@contextmanager
def _at(document: Document, path: str) -> Iterator[None]:
    """Say of which document it is that items are not sound."""
    try:
        yield
    except TaskError as error:
        raise document.error(path, error.message, error.mend) from error


def _some_of(items: Sequence[Item], limit: int | None) -> tuple[Item, ...]:
    """At most ``limit`` items, of every skill in proportion and the same ones whatever the others' order; by id."""
    skills: dict[str, list[Item]] = defaultdict(list)
    for item in sorted(items, key=_shuffled):
        skills[item.skill].append(item)
    # Item k of n stands at (k + 1/2) / n: the first few of all are then spread over the skills.
    spread = [
        ((place + 0.5) / len(group), _shuffled(item), item)
        for group in skills.values()
        for place, item in enumerate(group)
    ]
    chosen = [item for *_, item in sorted(spread, key=lambda entry: entry[:2])[:limit]]
    return tuple(sorted(chosen, key=lambda item: item.id))


def _shuffled(item: Item) -> str:
    return hashlib.sha256(item.id.encode("utf-8", "surrogatepass")).hexdigest()


def _keys(item: Item) -> tuple[str, str]:
    """What two items have in common when they are one: the question as it is asked, or the whole record."""
    record = json.dumps(dict(item.fields), sort_keys=True, default=str)
    return f"question {' '.join(item.prompt.casefold().split())}", f"record {record}"


def _some(ids: Sequence[str]) -> str:
    first = " ".join(ids[0].split())
    return f"`{first}`" if len(first) <= 60 else f"`{first[:57]}…`"
