"""Reads and compares mathematical expressions with math-verify. Runs as a confined process (``child``).

math-verify's own time limits are alarms, which only a main thread can set and which do not reach into a long operation
on one huge number; so they are off here, and the process is under limits instead.
"""

from __future__ import annotations

import logging
from typing import Any

from math_verify import parse, verify

from preceptor.confined.child import serve


def reply(request: dict[str, Any]) -> Any:
    """What is asked.

    ``{"read": text}`` is answered by the text's expression as it is written there, or ``null`` when there is none;
    ``{"reference": text, "answer": text, "decimals": n}`` by whether both texts' expressions are equal.
    """
    if "read" in request:
        found = _expressions(request["read"])
        return next((each for each in found if isinstance(each, str)), None)
    reference, answer = _expressions(request["reference"]), _expressions(request["answer"])
    return bool(verify(reference, answer, float_rounding=request["decimals"], timeout_seconds=None))


def _expressions(text: str) -> list[Any]:
    """math-verify's readings of a text: an expression of sympy, and how it was written."""
    found: list[Any] = parse(text, parsing_timeout=None)
    return found


if __name__ == "__main__":
    logging.disable()
    if not reply({"reference": r"$\frac{1}{2}$", "answer": "0.5", "decimals": 6}):
        raise SystemExit("math-verify does not find that 1/2 is 0.5")
    serve(reply)
