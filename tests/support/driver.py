"""`preceptor run` without Ray, told when to go on; a script of its own, because drivers are processes.

    python driver.py DOCUMENT STORAGE

Before every examination and training it prints ``examine`` or ``train`` and waits for a line. All else is the command
as users have it.
"""

from __future__ import annotations

import sys

from preceptor import cli
from preceptor.inference.engine import Output
from preceptor.loop.in_process import InProcess
from preceptor.loop.parts import Sitting, Tick, TrainingOrder
from preceptor.training.job import TrainingResult


class Halting(InProcess):
    """Works when it is told to."""

    def train(self, order: TrainingOrder, tick: Tick) -> TrainingResult:
        wait("train")
        return super().train(order, tick)

    def answer(self, sitting: Sitting, tick: Tick) -> list[Output]:
        wait("examine")
        return super().answer(sitting, tick)


def wait(what: str) -> None:
    assert sys.__stdout__ is not None
    sys.__stdout__.write(f"{what}\n")
    sys.__stdout__.flush()
    sys.stdin.readline()


if __name__ == "__main__":
    cli.ray_workforce = Halting
    sys.argv = ["preceptor", "run", sys.argv[1], "--storage", sys.argv[2]]
    cli.main()
