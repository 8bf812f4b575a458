r"""Where in an output the answer stands: not in its thoughts; in ``\boxed{}``, or after "the answer is"."""

from __future__ import annotations

import re
from collections import deque

_THINK, _THOUGHT = "<think>", "</think>"
_BOX = re.compile(r"\\f?boxed\s*\{")
_LONGEST_BOX = 2_000
_MOST_BOXES = 50
_PHRASE = re.compile(r"\banswers?\b[*_]*\s*(?:(?:is|are|was|would be|will be)\b|[:=]|#)[*_]*\s*:?|####", re.IGNORECASE)
_SENTENCE = re.compile(r"\s*(.+?)(?:[.!?;](?=\s|$)|\n|$)")


def without_thoughts(text: str) -> str:
    """The text without what a reasoning model writes between ``<think>`` and ``</think>``.

    The first of these may stand in the prompt; then everything before the second is thought. One that the output's end
    cuts off stays.
    """
    if _THOUGHT not in text:
        return text
    kept, start = [], 0
    while (opened := text.find(_THINK, start)) >= 0 and (closed := text.find(_THOUGHT, opened)) >= 0:
        kept.append(text[start:opened])
        start = closed + len(_THOUGHT)
    return "".join([*kept, text[start:]]).rpartition(_THOUGHT)[2]


def last_boxed(text: str) -> str | None:
    r"""Content of the last ``\boxed{}`` that closes and is not empty; ``None`` when there is none."""
    for match in reversed(deque(_BOX.finditer(text), maxlen=_MOST_BOXES)):
        end = _closing(text, match.end(), min(len(text), match.end() + _LONGEST_BOX))
        if end is not None and text[match.end() : end].strip():
            return text[match.end() : end]
    return None


def after_phrase(text: str) -> str | None:
    """The sentence or line after the last "answer is", "Answer:" or "####"; ``None`` when there is none."""
    rest = rest_after_phrase(text)
    sentence = _SENTENCE.match(rest) if rest is not None else None
    return sentence[1] if sentence else None


def rest_after_phrase(text: str) -> str | None:
    """Everything after the last "answer is", "Answer:" or "####"; ``None`` when there is none."""
    phrases = deque(_PHRASE.finditer(text), maxlen=1)
    return text[phrases[0].end() :] if phrases else None


def _closing(text: str, start: int, end: int) -> int | None:
    depth = 1
    for position in range(start, end):
        if text[position] == "{":
            depth += 1
        elif text[position] == "}":
            depth -= 1
            if depth == 0:
                return position
    return None
