"""Not built yet."""

from __future__ import annotations

from preceptor.closing.parts import Parts
from preceptor.loop.events import ControlEnded
from preceptor.loop.state import RunState


def ceiling(parts: Parts, state: RunState) -> ControlEnded:
    """Not built yet."""
    return ControlEnded(control="ceiling", skipped="not built yet")
