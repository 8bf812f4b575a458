"""What people put in."""

from __future__ import annotations

from typing import Literal

from preceptor.spec.base import Stored

Reach = Literal["student", "teacher", "engineer", "examiner", "rules", ""]
"""Who gets to see what people put in."""


class HumanInput(Stored):
    """Something people put in."""

    kind: str
    """What it is."""
    where: str
    """Its place in the document or its URI."""
    items: int
    """How many."""
    words: int
    """How many words."""
    digest: str
    """Its digest."""
    reach: Reach = ""
    """``student``: it is learnt from or stands around every question. Else who is nearest to the student: ``teacher``,
    ``engineer``, ``examiner``; ``rules`` for what only limits the run. Empty in older reports."""
    author: str = ""
    """Who put it in, as the document's annotation ``preceptor.dev/author`` says; empty when it does not."""
    at: str = ""
    """When, in UTC as ISO 8601, for what came after the run began."""
    detail: tuple[str, ...] = ()
    """What was put in, where that can be said in a few words."""


class Tally(Stored):
    """How much people put in."""

    items: int
    """How many things."""
    words: int
    """How many words."""
