"""``preceptor drive``: what a pod runs. ``preceptor run`` for clusters, where nobody looks at a terminal."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from preceptor.cli_targets import StorageOption
from preceptor.errors import FencedError

if TYPE_CHECKING:
    from preceptor import app as application
    from preceptor.kube.following import ClusterReporter
    from preceptor.kube.logs import LogChunks
    from preceptor.loop.parts import Workforce
    from preceptor.spec.document import Spec
    from preceptor.spec.load import Document
    from preceptor.spec.status import Final

FENCED_PATIENCE = 120.0
"""Seconds to wait for the driver of an attempt that was lost to be known as gone; twice what its lease lives on."""
FENCED_PAUSE = 5.0
"""Seconds between two looks."""

log = logging.getLogger(__name__)


def drive(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The Specialization document.", show_default=False)],
    storage: StorageOption = None,
) -> None:
    """Run a document in a cluster: JSON log, kept in the storage too; progress in the object's status.

    Exits with 0 when published, 1 when another attempt may do better, 2 for what a user has to mend, 3 when the budget
    ended without a dataset, 4 when a step waits for approval, 130 when told to end.
    """
    from preceptor.kube.following import ClusterReporter
    from preceptor.kube.logs import LogChunks, configure
    from preceptor.kube.status import Errand
    from preceptor.kube.telling import failed

    errand = Errand.of_environment()
    chunks = LogChunks(errand.attempt)
    configure(chunks)
    signal.signal(signal.SIGTERM, _interrupt)
    reporter = ClusterReporter(errand)
    try:
        final = _driven(file, storage, reporter, chunks)
    except (Exception, KeyboardInterrupt) as error:
        final = failed(error, errand.attempt)
        if final.reason == "UnexpectedError":
            log.exception("the driver ends with an error that nobody foresaw")
        else:
            log.error("%s: %s", final.reason, final.message)
    # What follows takes seconds, and is worth more than to end at once.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    reporter.finish(final)
    chunks.close()
    sys.stdout.flush()
    # At once: an orderly exit would wait for work in progress. Ray's processes follow this one.
    os._exit(final.exit_code)


def _driven(file: Path, storage: str | None, reporter: ClusterReporter, chunks: LogChunks) -> Final:
    from preceptor import app as application
    from preceptor.kube.telling import published
    from preceptor.planning import check_inputs
    from preceptor.spec.load import load
    from preceptor.storage import layout

    document = load(file)
    check_inputs(document, storage=storage)
    chunks.begin(application.run_store(document, storage))
    outcome = _outcome(document, storage, reporter)
    where = outcome.store.uri(layout.REPORT_HTML)
    log.info("%s; report: %s", outcome.report.sentence, where)
    return published(outcome.report, reporter.standing().state, reporter.attempt, where)


def _outcome(document: Document, storage: str | None, reporter: ClusterReporter) -> application.Outcome:
    """Run the document, once an earlier attempt's driver is known to be gone.

    Raises :class:`FencedError` when it lives on, or when another driver took the run over.
    """
    from preceptor import app as application

    end = time.monotonic() + FENCED_PATIENCE
    while True:
        try:
            return application.run(document, storage=storage, reporter=reporter, workforce=ray_workforce)
        except FencedError as error:
            if reporter.began or time.monotonic() > end:
                raise
            log.warning("waiting for an earlier driver to be gone: %s", error.message)
            time.sleep(FENCED_PAUSE)


def ray_workforce(spec: Spec) -> Workforce:
    """Hands on Ray, for a process that SIGTERM interrupts as Ctrl-C does."""
    from preceptor.cluster.workforce import RayWorkforce

    workforce = RayWorkforce(spec)
    signal.signal(signal.SIGTERM, _interrupt)  # after Ray, which has a handler of its own that ends the process at once
    return workforce


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt
