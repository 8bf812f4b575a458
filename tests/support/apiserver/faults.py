"""Faults for a test API server to have: answers it fails to give, and watches that end."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass
class Fault:
    """The next requests of a kind are answered with an error."""

    method: str
    """HTTP method."""
    path: str
    """Regular expression that the path must match somewhere."""
    code: int
    """What they are answered; 0 drops the connection; after doing what was asked when `late`."""
    times: int = 1
    """How many of them."""
    late: bool = False
    """Whether the request is carried out all the same, and only its answer is lost."""


@dataclass
class Faults:
    """What goes wrong next, and what was asked so far."""

    planned: list[Fault] = field(default_factory=list)
    """Faults that are still to come."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Method and path with query of every request."""

    def next(self, method: str, path: str) -> Fault | None:
        """The fault that a request meets, which is then used up."""
        for fault in self.planned:
            if fault.times > 0 and fault.method == method and re.search(fault.path, path):
                fault.times -= 1
                return fault
        return None
