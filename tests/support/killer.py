"""Runs a document in child processes that kill themselves at every event; a script of its own, because it forks.

    python killer.py DOCUMENT STORAGE LOG whole|killed

``whole`` lets one child run to the end. ``killed`` starts a child again and again; by turns it dies of SIGKILL when a
step's work is done but its event not yet written, and right after the event is written. LOG gets a line for every
training and examination that was really carried out. Prints the number of children.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

import deepspeed  # noqa: F401 - imported once here, so that every child starts at once
import peft  # noqa: F401
import torch
import transformers  # noqa: F401

from preceptor import app
from preceptor.errors import PreceptorError
from preceptor.inference.engine import Output
from preceptor.loop.in_process import InProcess
from preceptor.loop.parts import Sitting, Tick, TrainingOrder
from preceptor.spec.document import Spec
from preceptor.spec.load import load
from preceptor.storage.ledger import Ledger, Record
from preceptor.training.job import TrainingResult
from support.silent import SilentReporter

MOST_CHILDREN = 200


class Logged(InProcess):
    """Writes down what it really does."""

    def __init__(self, spec: Spec, log: Path) -> None:
        super().__init__(spec)
        self._log = log

    def train(self, order: TrainingOrder, tick: Tick) -> TrainingResult:
        result = super().train(order, tick)
        self._note(f"train {order.publish.prefix}")
        return result

    def answer(self, sitting: Sitting, tick: Tick) -> list[Output]:
        outputs = super().answer(sitting, tick)
        who = sitting.checkpoint.prefix if sitting.checkpoint else "base"
        self._note(f"examine {who} {len(sitting.conversations)}")
        return outputs

    def _note(self, line: str) -> None:
        with self._log.open("a") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def child(document: Path, storage: str, log: Path, moment: str | None) -> None:
    torch.set_num_threads(1)
    append = Ledger.append

    def dying(self: Ledger, type: str, data: dict[str, Any]) -> Record:
        if moment == "before":
            die()
        record = append(self, type, data)
        if moment == "after":
            die()
        return record

    Ledger.append = dying  # type: ignore[method-assign]
    loaded = load(document)
    app.run(loaded, storage=storage, reporter=SilentReporter(), workforce=lambda spec: Logged(spec, log))


def main() -> None:
    document, storage, log, mode = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4]
    for number in count(1):
        moment = None if mode == "whole" else ("before", "after")[(number - 1) % 2]
        pid = os.fork()
        if pid == 0:
            try:
                child(document, storage, log, moment)
            except PreceptorError as error:
                sys.stderr.write(f"{error}\n")
                os._exit(error.exit_code)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status):
            sys.stdout.write(f"{number}\n")
            sys.exit(os.WEXITSTATUS(status))
        if os.WTERMSIG(status) != signal.SIGKILL or number >= MOST_CHILDREN:
            sys.exit(f"child {number} ended by signal {os.WTERMSIG(status)}")


if __name__ == "__main__":
    main()
