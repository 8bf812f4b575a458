"""Answers that are a Python literal, as in predicting what a program gives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from preceptor.errors import TaskError
from preceptor.spec.task import LiteralScorer
from preceptor.tasks.scorers.literals import LONGEST, Value, at_the_end, masked, whole
from preceptor.tasks.scorers.phrases import last_boxed, rest_after_phrase, without_thoughts
from preceptor.tasks.scorers.score import Score, all_or_nothing

if TYPE_CHECKING:
    from preceptor.tasks.items import Item

_OPEN, _CLOSE = "[ANSWER]", "[/ANSWER]"
_FENCE = "```"
_AROUND = " \t\r*_"
_SENTENCE_END = re.compile(r"[.!?;](?=\s)")


class Literals:
    """Right when the literal an output gives equals the reference's, as ``==`` has it, save that ``True`` is not 1."""

    def __init__(self, config: LiteralScorer) -> None:
        """Nothing of ``config`` is needed beside its kind."""

    def score(self, item: Item, output: str) -> Score:
        """Compare the output's literal with the reference's. ``TaskError`` when the reference is none."""
        reference = read_literal(item.reference)
        if reference is None:
            raise TaskError(f"item {item.id}: the reference is no Python literal", mend="check `task.items.answer`")
        answer = read_literal(output)
        if answer is None:
            return all_or_nothing(False, None)
        return all_or_nothing(answer.same_as(reference), answer.text)

    def readable(self, answer: str, fields: Mapping[str, Any]) -> bool:
        """Whether a literal can be read."""
        return read_literal(answer) is not None


def read_literal(text: str) -> Value | None:
    r"""The literal that an output gives; from the first of these places that holds one.

    The whole output; the last ``[ANSWER]…[/ANSWER]``; the last ``\boxed{}``; what follows the last "answer is" or
    "Answer:"; the last fenced block; the right-hand side of the last ``assert … == …``; the end of the last line.
    """
    text = without_thoughts(text).strip()
    lines = [line for line in text.splitlines() if line.strip()]
    asserts = [line for line in lines if line.lstrip().startswith("assert ") and "==" in line]
    return (
        whole(text)
        # The closing tag is often a stop sequence, and then not there.
        or (_within(text.rpartition(_OPEN)[2].partition(_CLOSE)[0]) if _OPEN in text else None)
        or _within(last_boxed(text) or "")
        or _following(rest_after_phrase(text) or "")
        or _within(_last_block(text) or "")
        or _within("".join(asserts[-1:]))
        or _within("".join(lines[-1:]))
    )


def _following(rest: str) -> Value | None:
    """The literal right after "Answer:": in a fenced block, on the line, in its sentence, or over several lines."""
    plain = rest.lstrip(_AROUND + ":\n")
    if plain.startswith(_FENCE):
        return _within(_without_language(plain[len(_FENCE) :].partition(_FENCE)[0]))
    line = plain.partition("\n")[0].strip(_AROUND + "`")
    return (
        whole(line)
        or whole(line.removesuffix(".").strip(_AROUND + "`"))
        or _within(line[: _end_of_sentence(masked(line))])
        or _within(line[: _end_of_sentence(line)])
        or _within(plain.partition("\n\n")[0])
    )


def _end_of_sentence(line: str) -> int:
    end = _SENTENCE_END.search(line)
    return end.start() if end else len(line)


def _last_block(text: str) -> str | None:
    """The last fenced block; one that the output's end cuts off counts too."""
    pieces = text.split(_FENCE)
    if len(pieces) < 2:
        return None
    return _without_language(pieces[-2] if len(pieces) % 2 else pieces[-1])


def _without_language(block: str) -> str:
    """A block's lines without the name of a language behind its fence."""
    first, _, others = block.partition("\n")
    return others if first.strip().isalnum() and others.strip() else block


def _within(part: str) -> Value | None:
    """The literal a part consists of, or ends in, as ``f(3) == [1, 2]`` and ``it returns "a"`` do."""
    plain = part.strip(_AROUND + "\n").strip("`").strip(_AROUND + "\n")
    if not plain or len(plain) > LONGEST:
        return None
    return whole(plain) or whole(plain.removesuffix(".")) or at_the_end(plain.splitlines()[-1].rstrip(_AROUND + ".`"))
