"""Not built yet."""

from __future__ import annotations

from preceptor.closing.parts import Parts
from preceptor.loop.events import SuiteExamined
from preceptor.loop.step import ExamineSuite


def examine_suite(parts: Parts, step: ExamineSuite) -> SuiteExamined:
    """Not built yet."""
    raise NotImplementedError
