"""Answers that are a mathematical expression, compared by math-verify in a process that can be killed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from preceptor.confined.process import Confined, LimitError, Limits, NotReadyError
from preceptor.errors import TaskError
from preceptor.spec.task import MathScorer
from preceptor.tasks.scorers.phrases import after_phrase, without_thoughts
from preceptor.tasks.scorers.score import Score, all_or_nothing

if TYPE_CHECKING:
    from preceptor.tasks.items import Item

LIMITS = Limits(seconds=3.0, megabytes=512)
"""What reading or comparing one answer may take; an answer that takes more is wrong."""

_LONGEST = 20_000
_LONGEST_FORMULA = 500
_MINUS = str.maketrans(dict.fromkeys("\u2212\ufe63\uff0d", "-"))
_BOXED = re.compile(r"\\f?boxed")
_PLUS = re.compile(r"(?:^|(?<=[=:{$(])|(?<=\bis))(\s*)\+(?=[0-9.])")
_MARKED = re.compile(r"\$|\\\(|\\\[|\\f?boxed")
_IN_TEXT = re.compile(r"\\(?:text|mathrm|mathbf|textbf|operatorname|mbox|begin|end)\s*\{[^{}]{0,200}\}")
_WORD = re.compile(r"(?<![\\A-Za-z])(?!sqrt|sin|cos|tan|log|exp|pi)[A-Za-z]{3,}")
_PLAIN = re.compile(r"[-+]?[0-9][0-9.,]*\s*%?")
_BOLD = re.compile(r"(?<![\w)\]*])\*\*(?! )([^*\n]{1,200})(?<! )\*\*(?![\w(\[*])")
_MIXED = re.compile(r"(?<![A-Za-z0-9_.,/])([-+]?[0-9]{1,9}) ([0-9]{1,9})/([0-9]{1,9})(?![A-Za-z0-9/])")
_EXPONENT = re.compile(r"(?<![A-Za-z0-9_.,])([-+]?[0-9]+(?:\.[0-9]+)?)[eE]([-+]?[0-9]{1,3})(?![A-Za-z0-9])")


class Mathematics:
    """Right when math-verify finds the output's expression equal to the reference's; see ``MathScorer``."""

    def __init__(self, config: MathScorer) -> None:
        self._decimals = config.decimals

    def score(self, item: Item, output: str) -> Score:
        """Compare the output's expression with the reference's. ``TaskError`` when the reference has none."""
        reference, answer = _marked(item.reference), _marked(output)
        if _read(reference) is None:
            raise TaskError(f"item {item.id}: the reference is no formula", mend="check `task.items.answer`")
        extracted = _read(answer)
        if extracted is None:
            return all_or_nothing(False, None)
        equal = _asked({"reference": reference, "answer": answer, "decimals": self._decimals})
        return all_or_nothing(bool(equal), extracted)

    def readable(self, answer: str, fields: Mapping[str, Any]) -> bool:
        """Whether there is an expression to read."""
        return _read(_marked(answer)) is not None


def _marked(text: str) -> str:
    r"""The text's end, in which a formula that stands alone or after "the answer is" is between ``$``.

    math-verify reads LaTeX only where something marks it. Of plain text it takes the last number, so ``x^2 + 3`` and
    ``(3, 4)`` would be 3 and nothing.
    """
    text = without_thoughts(text)[-_LONGEST:].translate(_MINUS).replace("\\$", "")
    if _BOXED.search(text) is None and (result := text.rpartition("####")[2].strip()):
        text = result  # of grade-school answers, whose working has dollars that look like marks
    text = _PLUS.sub(r"\1", text)
    if _MARKED.search(text):
        return text
    # What math-verify reads as 1.2 and as 1/2 ("1.2e-3", "3 1/2"); stars of bold it takes along.
    text = _MIXED.sub(r"$\1\\frac{\2}{\3}$", _EXPONENT.sub(r"$\1\\times 10^{\2}$", _BOLD.sub(r"\1", text)))
    if _MARKED.search(text):
        return text
    formula = (after_phrase(text) or text).strip().strip("*_`").rstrip(".").strip()
    alone = len(formula) <= _LONGEST_FORMULA and not _WORD.search(_IN_TEXT.sub("", formula))
    alone = alone and any(letter.isalnum() for letter in formula)
    return f"${formula}$" if alone and "\n" not in formula and not _PLAIN.fullmatch(formula) else text


def _read(text: str) -> str | None:
    return cast("str | None", _asked({"read": text})) if text.strip() else None


def _asked(request: dict[str, Any]) -> Any:
    """The process's answer; ``None`` when it would take more than :data:`LIMITS` allow."""
    try:
        return _process().ask(request)
    except LimitError:
        return None
    except NotReadyError as error:
        raise TaskError(
            "the scorer `math` cannot start the process in which it compares answers",
            mend="pip install --force-reinstall 'preceptor[math]'",
        ) from error


@cache
def _process() -> Confined:
    if find_spec("math_verify") is None:
        raise TaskError("the scorer `math` needs the package math-verify", mend="pip install 'preceptor[math]'")
    return Confined("preceptor.confined.mathematics", LIMITS)
