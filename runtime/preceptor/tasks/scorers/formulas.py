r"""Closed forms as LaTeX writes them: ``\frac{2\pi}{15}``, ``10\sqrt{93}``, ``1 - e^{-1}``. A small grammar, bounded.

sum     = product {("+" | "-") product}
product = signed {["*" | "/"] signed}          without an operator only before what is no number: 2\pi, but not 2 3
signed  = {"+" | "-"} power
power   = atom ["^" signed-atom]
atom    = number | \pi | e | \sqrt{sum} | \frac{sum}{sum} | "(" sum ")" | "{" sum "}"
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

_LONGEST = 200
_DEEPEST = 20
_LARGEST = 1e60

_IRRATIONAL = re.compile(r"\\pi(?![A-Za-z])|\u03c0|\\sqrt|\u221a|(?<![A-Za-z\\])e\s*\^|/\s*e(?![A-Za-z])|\{\s*e\s*\}")
_UNIT = re.compile(r"\\(?:text|textbf|mathrm|mbox|operatorname)(?![A-Za-z])|~")
_SPACE = re.compile(r"\\[ ,;:!]|\\(?:left|right|displaystyle)(?![A-Za-z])|[\s$]")
_SPELLED = {
    "\u03c0": r"\pi",
    "\u221a": r"\sqrt",
    r"\cdot": "*",
    r"\times": "*",
    "\u00b7": "*",
    "\u00d7": "*",
    "\u2212": "-",
}
_TOKEN = re.compile(
    r"[0-9]{1,15}(?:\.[0-9]{1,15})?|\.[0-9]{1,15}|\\[dt]?frac|\\[a-z]+|[-+*/^(){}e]|[\u03c0\u221a\u00b7\u00d7\u2212]"
)
_FRACTION = re.compile(r"\\[dt]?frac")


class _NoFormulaError(ValueError):
    pass


def closed_form(text: str) -> Fraction | None:
    r"""The value of a formula with roots, π or e, to double precision; ``None`` for every other text.

    A unit behind the formula is left out when it is marked as text, as in ``20\pi \text{ ft}^3``.
    """
    if len(text) > _LONGEST or not _IRRATIONAL.search(text):
        return None
    bare = _SPACE.sub("", _UNIT.split(text, maxsplit=1)[0])
    tokens = [_SPELLED.get(token, token) for token in _TOKEN.findall(bare)]
    if sum(map(len, _TOKEN.findall(bare))) != len(bare):
        return None
    try:
        return Fraction(_Formula(tokens).value())
    except (_NoFormulaError, ArithmeticError, ValueError):
        return None


class _Formula:
    """One pass over a formula's tokens."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = [*tokens, ""]
        self._depth = 0

    def value(self) -> float:
        value = self._sum()
        if self._tokens != [""]:
            raise _NoFormulaError
        return value

    def _take(self, *wanted: str) -> str:
        """The next token when it is one of those wanted, or any that is when none is named; else nothing."""
        return self._tokens.pop(0) if self._tokens[0] and self._tokens[0] in wanted else ""

    def _sum(self) -> float:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _NoFormulaError
        value = self._product()
        while sign := self._take("+", "-"):
            value += self._product() if sign == "+" else -self._product()
        self._depth -= 1
        return _bounded(value)

    def _product(self) -> float:
        value = self._signed()
        while True:
            if self._take("*"):
                value *= self._signed()
            elif self._take("/"):
                value /= self._signed()
            elif self._tokens[0] in ("\\pi", "e", "\\sqrt", "("):
                value *= self._power()
            else:
                return _bounded(value)

    def _signed(self) -> float:
        sign = self._take("+", "-")
        return -self._power() if sign == "-" else self._power()

    def _power(self) -> float:
        base = self._atom()
        if not self._take("^"):
            return base
        sign = self._take("-")
        exponent = self._atom()
        return _bounded(math.pow(base, -exponent if sign else exponent))

    def _atom(self) -> float:
        sign = self._tokens.pop(0)
        if sign in ("(", "{"):
            return self._group(sign)
        if sign == "\\sqrt":
            return math.sqrt(self._argument())
        if _FRACTION.fullmatch(sign):
            return self._argument() / self._argument()
        if sign in ("\\pi", "e"):
            return math.pi if sign == "\\pi" else math.e
        if sign and sign[0] in ".0123456789":
            return float(sign)
        raise _NoFormulaError

    def _argument(self) -> float:
        """What a root or a fraction is of: a group, or as in ``√2`` a number."""
        opening = self._take("{", "(")
        return self._group(opening) if opening else self._atom()

    def _group(self, opening: str) -> float:
        value = self._sum()
        if not self._take(")" if opening == "(" else "}"):
            raise _NoFormulaError
        return value


def _bounded(value: float) -> float:
    if not abs(value) < _LARGEST:
        raise _NoFormulaError
    return value
