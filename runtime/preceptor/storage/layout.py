"""Where everything lies below a run's root, ``<storage>/<run>/``. Nothing else in the project spells a path.

::

    spec.yaml                                   the document as run
    ledger/000042-student-trained.json          one event
    leases/000003.json                          the driver that held epoch 3
    leases/000003-heartbeat.json                when it was last seen, and whether it let go
    progress/000003.json                        where the driver of epoch 3 stands between two events
    teacher/<attempt>/<writer>-<n>.jsonl.zst    requests and answers
    examination/index.bin                       digests of the examination, which rows are compared with; no text
    inspection/teacher/<attempt>/…              requests and answers about rows near the examination; holds its text
    datasets/<version>/data-00000.parquet       rows; README.md, croissant.json, manifest.json (written last)
    checkpoints/<id>/                           adapter or weights; manifest.json (written last)
    evaluations/<id>.parquet                    predictions
    controls/<name>/…                           a comparison that is a run of its own, laid out like this one
    controls/ceiling/teacher/0000/…             the teacher's own examination; holds its text, as inspection/ does
    controls/ceiling/evaluations/<id>.parquet   what it answered
    report/index.html, report/report.json       the outcome

Beside the runs: ``_readings/<digest>/<run>-<n>.json``, a run's n-th reading of a private split.
"""

from __future__ import annotations

import re

SPEC = "spec.yaml"
LEDGER = "ledger"
LEASES = "leases"
PROGRESS = "progress"
TEACHER = "teacher"
DATASETS = "datasets"
CHECKPOINTS = "checkpoints"
EVALUATIONS = "evaluations"
EXAM_INDEX = "examination/index.bin"
"""Digests of what no row may copy; no text."""
INSPECTION = "inspection"
"""Directory with a log of its own, which holds questions of the examination and is the evaluator's alone."""
CONTROLS = "controls"
LOGS = "log"
"""Directory of comparisons that are runs of their own, laid out like any other."""
READINGS = "_readings"
"""Directory beside the runs, under the storage root: who has read which private split. No run's name begins with ``_``.
"""
REPORT_HTML = "report/index.html"
REPORT_JSON = "report/report.json"

MANIFEST = "manifest.json"
"""Name of the object that makes a directory real: without it there is nothing."""
CARD = "README.md"
"""Name of a dataset version's card."""
CROISSANT = "croissant.json"
"""Name of a dataset version's description for machines."""

_EVENT = re.compile(r"(\d{6,})-([a-z0-9]+(?:-[a-z0-9]+)*)\.json")
_LOG_CHUNK = re.compile(r"(\d{6,})\.jsonl")
_LEASE = re.compile(r"(\d{6,})\.json")
_DATASET_FILE = re.compile(r"data-\d{5,}\.parquet")
_SHARD = re.compile(r"(\d{6,}(?:-[a-z0-9]+)+)-(\d{6,})\.jsonl\.zst")


def event(number: int, type: str) -> str:
    """Path of event ``number`` (from 1). ``type`` is lower-case words joined by ``-``, else ``ValueError``."""
    name = f"{number:06d}-{type}.json"
    if number < 1 or not _EVENT.fullmatch(name):
        raise ValueError(f"not an event: number {number}, type {type!r}")
    return f"{LEDGER}/{name}"


def parse_event(name: str) -> tuple[int, str] | None:
    """Number and type of a name in the ledger's directory; ``None`` when it is no event's name."""
    match = _EVENT.fullmatch(name)
    return (int(match[1]), match[2]) if match else None


def lease(epoch: int) -> str:
    """Path of the lease of an epoch (from 1)."""
    return f"{LEASES}/{epoch:06d}.json"


def parse_lease(name: str) -> int | None:
    """Epoch of a name in the leases' directory; ``None`` when it is no lease's name."""
    match = _LEASE.fullmatch(name)
    return int(match[1]) if match else None


def heartbeat(epoch: int) -> str:
    """Path of the heartbeat of an epoch."""
    return f"{LEASES}/{epoch:06d}-heartbeat.json"


def progress(epoch: int) -> str:
    """Path of what the driver of an epoch says about the step in progress."""
    return f"{PROGRESS}/{epoch:06d}.json"


def teacher_writer(epoch: int, worker: str) -> str:
    """Name of a writer of requests and answers; ``worker`` is lower-case words and numbers joined by ``-``."""
    return f"{epoch:06d}-{worker}"


def teacher_shards(attempt: int) -> str:
    """Directory of an attempt's requests and answers; attempt 0 is for what belongs to none."""
    return f"{TEACHER}/{attempt:04d}"


def teacher_shard(attempt: int, writer: str, number: int) -> str:
    """Path of one writer's shard ``number`` (from 0). ``ValueError`` for what :func:`teacher_writer` would not give."""
    name = f"{writer}-{number:06d}.jsonl.zst"
    if attempt < 0 or parse_teacher_shard(name) != (writer, number):
        raise ValueError(f"not a shard: attempt {attempt}, writer {writer!r}, number {number}")
    return f"{teacher_shards(attempt)}/{name}"


def parse_teacher_shard(name: str) -> tuple[str, int] | None:
    """Writer and number of a name in a directory of shards; ``None`` when it is no shard's name."""
    match = _SHARD.fullmatch(name)
    return (match[1], int(match[2])) if match else None


def dataset(version: str) -> str:
    """Directory of a dataset version."""
    return f"{DATASETS}/{version}"


def dataset_shard(version: str, number: int) -> str:
    """Path of a version's shard ``number`` (from 0)."""
    return f"{DATASETS}/{version}/data-{number:05d}.parquet"


def dataset_manifest(version: str) -> str:
    """Path of a version's manifest."""
    return f"{DATASETS}/{version}/{MANIFEST}"


def dataset_card(version: str) -> str:
    """Path of a version's card."""
    return f"{DATASETS}/{version}/{CARD}"


def is_dataset_file(name: str) -> bool:
    """Whether a version's directory may hold a file of this name beside its manifest."""
    return name in (CARD, CROISSANT) or _DATASET_FILE.fullmatch(name) is not None


def checkpoint(id: str) -> str:
    """Directory of a checkpoint."""
    return f"{CHECKPOINTS}/{id}"


def checkpoint_manifest(id: str) -> str:
    """Path of a checkpoint's manifest."""
    return f"{CHECKPOINTS}/{id}/{MANIFEST}"


def evaluation(id: str) -> str:
    """Path of an evaluation's predictions."""
    return f"{EVALUATIONS}/{id}.parquet"


def control(name: str) -> str:
    """Directory of a comparison; ``name`` is lower-case words joined by ``-``."""
    return f"{CONTROLS}/{name}"


def readings(digest: str) -> str:
    """Directory, under the storage root, of the readings of a private split; ``digest`` is that of its items."""
    return f"{READINGS}/{digest[:16]}"


def logs(attempt: int) -> str:
    """Directory of the log of an attempt in a cluster."""
    return f"{LOGS}/{attempt}"


def log_chunk(attempt: int, number: int) -> str:
    """Path of a part of it; they count from 1."""
    return f"{logs(attempt)}/{number:06d}.jsonl"


def parse_log_chunk(name: str) -> int | None:
    """The number of a part of a log; ``None`` for another file."""
    match = _LOG_CHUNK.fullmatch(name)
    return int(match[1]) if match else None
