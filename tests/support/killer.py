"""Runs a document in child processes that kill themselves; a script of its own, because it forks.

    python killer.py DOCUMENT STORAGE LOG whole|events|requests

``whole`` lets one child run to the end. ``events`` starts a child again and again; by turns it dies of SIGKILL when a
step's work is done but its event not yet written, and right after the event is written. ``requests`` kills twenty
children while rows are made: after so many requests, shards of the log or moments, before or after the next, drawn by
a seed. LOG gets a line for every training and examination that was really carried out. Prints the number of children.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import deepspeed  # noqa: F401 - imported once here, so that every child starts at once
import peft  # noqa: F401
import torch
import transformers  # noqa: F401

from preceptor import app
from preceptor.endpoints.client import Client, Sent
from preceptor.endpoints.messages import Request
from preceptor.errors import PreceptorError
from preceptor.inference.engine import Output
from preceptor.loop.in_process import InProcess
from preceptor.loop.parts import Sitting, Tick, TrainingOrder
from preceptor.spec.document import Spec
from preceptor.spec.load import load
from preceptor.storage import layout
from preceptor.storage.ledger import Ledger, Record
from preceptor.storage.store import Store
from preceptor.training.job import TrainingResult
from support.silent import SilentReporter

MOST_CHILDREN = 200
KILLED_WHILE_ASKING = 20


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


def child(document: Path, storage: str, log: Path, mode: str, number: int) -> None:
    torch.set_num_threads(1)
    if mode == "events":
        die_at_an_event(("before", "after")[(number - 1) % 2])
    if mode == "requests" and number <= KILLED_WHILE_ASKING:
        die_while_asking(Random(number))
    loaded = load(document)
    app.run(loaded, storage=storage, reporter=SilentReporter(), workforce=lambda spec: Logged(spec, log))


def die_while_asking(random: Random) -> None:
    """Die at a moment of making rows."""
    where = random.choice(["before send", "after send", "before shard", "after shard"])
    at = random.randint(1, 8 if where.endswith("send") else 3)
    seen = count(1)
    send, create = Client.send, Store.create

    def pass_by(place: str) -> None:
        if place == where and next(seen) == at:
            die()

    async def dying_send(self: Client, request: Request) -> Sent:
        pass_by("before send")
        sent = await send(self, request)
        pass_by("after send")
        return sent

    def dying_create(self: Store, path: str, data: bytes) -> None:
        if path.startswith(layout.TEACHER):
            pass_by("before shard")
        create(self, path, data)
        if path.startswith(layout.TEACHER):
            pass_by("after shard")

    Client.send, Store.create = dying_send, dying_create  # type: ignore[method-assign]


def die_at_an_event(moment: str) -> None:
    append = Ledger.append

    def dying(self: Ledger, type: str, data: dict[str, Any]) -> Record:
        if moment == "before":
            die()
        record = append(self, type, data)
        if moment == "after":
            die()
        return record

    Ledger.append = dying  # type: ignore[method-assign]


def main() -> None:
    document, storage, log, mode = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4]
    for number in count(1):
        pid = os.fork()
        if pid == 0:
            try:
                child(document, storage, log, mode, number)
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
