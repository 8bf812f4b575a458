"""Not built yet."""

from __future__ import annotations

from preceptor.closing.parts import Parts
from preceptor.loop.events import ControlEnded
from preceptor.loop.state import RunState


def one_shot(parts: Parts, state: RunState) -> ControlEnded:
    """Not built yet."""
    return ControlEnded(control="oneShot", skipped="not built yet")


def heuristic(parts: Parts, state: RunState) -> ControlEnded:
    """Not built yet."""
    return ControlEnded(control="heuristic", skipped="not built yet")


def distillation(parts: Parts, state: RunState) -> ControlEnded:
    """Not built yet."""
    return ControlEnded(control="distillation", skipped="not built yet")
