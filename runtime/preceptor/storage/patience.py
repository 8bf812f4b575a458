"""Trying again, for a while and ever more slowly, what failed because a bucket's server was busy, away or cut off.

The clients of buckets try again as well, for a second or two. A burst of errors lasts longer, and a run of hours
should not end with it. What is tried again may have been carried out the first time: every operation of a store bears
that, except that a ``create`` may then find its own object there, which its callers tell by content.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import TypeVar

PATIENCE = 60.0
"""Seconds after its first failure for which an operation is tried again."""

_FIRST_PAUSE = 0.05  # seconds; doubles every time, and varies so that many processes do not come back together
_LONGEST_PAUSE = 5.0
_UNNOTICED = 2.0  # seconds of trouble that nobody needs to hear of

_T = TypeVar("_T")
_hurry: ContextVar[bool] = ContextVar("_hurry", default=False)

log = logging.getLogger(__name__)


@contextmanager
def hurried() -> Iterator[None]:
    """Within the block nothing is tried again by :func:`persist`: for what comes again anyway, or too late."""
    token = _hurry.set(True)
    try:
        yield
    finally:
        _hurry.reset(token)


def persist(action: Callable[[], _T], passes: Callable[[BaseException], bool]) -> _T:
    """Do ``action``, again and again while it fails with what ``passes``, for :data:`PATIENCE` seconds.

    The last failure is raised as it is. ``action`` may be carried out more than once.
    """
    began: float | None = None
    paused = 0.0
    noticed = False
    for attempt in count():
        try:
            return action()
        except Exception as error:
            now = time.monotonic()
            began = now if began is None else began
            pause = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE) * random.uniform(0.5, 1)
            troubled = max(now - began, paused)
            if _hurry.get() or not passes(error) or troubled + pause > PATIENCE:
                raise
            if troubled > _UNNOTICED and not noticed:
                noticed = True
                log.warning("the storage server is failing; trying again for up to %.0f s", PATIENCE)
            time.sleep(pause)
            paused += pause
    raise AssertionError("unreachable")
