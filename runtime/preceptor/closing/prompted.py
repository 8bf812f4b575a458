"""Not built yet."""

from __future__ import annotations

from preceptor.closing.parts import Parts
from preceptor.loop.events import ControlEnded
from preceptor.loop.state import RunState


def prompted(parts: Parts, state: RunState) -> ControlEnded:
    """Not built yet."""
    return ControlEnded(control="prompted", skipped="not built yet")
