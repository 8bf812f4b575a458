"""A row as a teacher hands it over, before it becomes a sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Draft:
    """A question's columns and its answer."""

    fields: Mapping[str, Any]
    """The columns that the task's prompt template and scorer read, as JSON data."""
    answer: str
    """The answer."""
    generator: str
    """Key in ``teacher.generators``."""
    skill: str
    """The skill it exercises."""
    difficulty: int
    """Level from 1 (easy)."""
