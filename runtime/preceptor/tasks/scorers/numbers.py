"""Reading numbers as people and models write them, in English notation. Nothing is evaluated, everything is bounded."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

_MOST_DIGITS = 400
_LARGEST_EXPONENT = 400
_LONGEST_QUANTITY = 200

_MINUS = str.maketrans(dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d", "-"))
_DATE = re.compile(r"(?<![\w.-])[0-9]{4}-[01][0-9]-[0-3][0-9](?![\w-])")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+")
_THIN_THOUSANDS = re.compile(r"(?<=[0-9])(?:[\u00a0\u2009\u202f']|\\[,!]|\{,\})(?=[0-9]{3}(?![0-9]))")
_LATEX_FRACTION = re.compile(
    r"\\[dt]?frac\s*(?:\{\s*(-?)\s*([0-9.,]{1,400})\s*\}\s*\{\s*([0-9.,]{1,400})\s*\}|([0-9])\s*([0-9]))"
)
_LATEX_TEXT = re.compile(r"\\(?:text|textbf|mathrm|mathbf|operatorname|mbox)\s*\{([^{}]{0,200})\}")
_CARET = re.compile(r"[ \t]{0,3}\^[ \t]{0,3}(\{?)[ \t]{0,3}")
_LATEX_NOISE = re.compile(r"\\(?=[$%])|\\(?:left|right|displaystyle)(?![A-Za-z])|\\[ ,;:!]")

_UNSIGNED = r"(?:(?:[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)"
_NUMBER = re.compile(
    rf"""
    (?<![A-Za-z0-9_^]) (?<![0-9]\.) (?<![0-9]/)               # not inside a word or a date,
    (?<![_^]\{{) (?<![_^][-+]) (?<![_^]\{{[-+])                  # nor an exponent or an index, as in s^{{-1}}
    (?: (?<![\w)\]}}]) (?P<sign>[-+]) )? (?: [$€£¥]\s? )?     # a minus after a number is an operator or a range
    (?!0[xX][0-9A-Fa-f])(?P<number>{_UNSIGNED})
    (?: \s(?P<top>[0-9]{{1,9}})/(?P<bottom>[0-9]{{1,9}})(?![0-9/]) )?                        # 1 1/2
    (?: [eE](?P<e>[-+]?[0-9]+) )?                                                            # 1.2e-3
    (?: \s*(?:\u00d7|\*|·|⋅|x|\\times|\\cdot)\s*10\s*(?:\^|\*\*)\s*[{{(]?\s*(?P<times>[-+]?[0-9]+)\s*[}})]? )?
    (?: \s?/\s?(?P<denominator>{_UNSIGNED})(?![0-9])(?!\s?/\s?[0-9]) )?                      # 3/4, but no date
    (?: \^\s*[{{(]?\s*(?P<power>[-+]?[0-9]+)\s*[}})]? )?                                     # 10^3
    (?: \s{{0,3}}(?P<scale>(?i:thousand|million|billion|trillion))\b )?
    (?P<percent> [\s$~]{{0,4}}%|\s?\bper\s?cent\b )?
    """,
    re.VERBOSE,
)
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_IN_UNITS = re.compile(
    rf"\s*\$?\s*([-+]?{_UNSIGNED})(?:[\s$~{{}}]|\\(?:mathrm|text)(?![A-Za-z])){{1,20}}10\^[{{(]?([-+]?[0-9]{{1,3}})(?![0-9])"
)


@dataclass(frozen=True)
class Number:
    """A number that was read."""

    value: Fraction
    """Its exact value; the percent sign is not applied."""
    percent: bool
    """Whether a percent sign followed."""
    text: str
    """How it was written."""
    scale: int = 1
    """What a word such as ``million`` behind it stands for; not applied."""

    def close(self, reference: Number, relative: float = 0.0, absolute: float = 0.0) -> bool:
        """Whether it is within a relative (to the reference) or an absolute tolerance of a reference.

        When only one of the two carries a percent sign, 12.5 % is taken for 12.5 and for 0.125, and likewise 3 million
        for 3 and for 3,000,000: questions rarely say.
        """
        readings = {self.value}
        target = reference.value
        if self.percent and not reference.percent:
            readings.add(self.value / 100)
        elif reference.percent and not self.percent:
            readings.add(self.value * 100)
        scaled = {reading * self.scale / reference.scale for reading in readings}
        readings = scaled if 1 not in (self.scale, reference.scale) else readings | scaled
        allowed = max(Fraction(str(absolute)), Fraction(str(relative)) * abs(target))
        return any(abs(reading - target) <= allowed for reading in readings)


def first_number(text: str) -> Number | None:
    """The first number in a text, or after its last equals sign when a number follows one."""
    plain = _plain(text)
    result = re.split(r"=|≈|\\approx", plain)[-1]
    return next(_numbers(_joined(result)), None) or next(_numbers(_joined(plain)), None)


def last_number(text: str) -> Number | None:
    """The last number in a text."""
    last = deque(_numbers(_plain(text)), maxlen=1)
    return last[0] if last else None


def whole_number(text: str) -> Number | None:
    """The number that a text consists of, currency and percent signs allowed; ``None`` when there is anything else."""
    plain = _joined(_plain(text)).strip().strip("$€£¥").strip()
    number = next(_numbers(plain), None)
    return number if number is not None and number.text == plain else None


def in_units_of_ten(text: str) -> tuple[Number, Number] | None:
    """Both readings of a number with a unit that holds a power of ten, as in ``3.52 10^{-19} J``: 3.52 and 3.52e-19.

    ``None`` for every other text; a multiplication sign makes it one number.
    """
    match = _IN_UNITS.match(_plain(text)) if len(text) <= _LONGEST_QUANTITY else None
    value = _digits(match[1].lstrip("+-")) if match else None
    if match is None or value is None:
        return None
    value = -value if match[1].startswith("-") else value
    whole = value * Fraction(10) ** int(match[2])
    return Number(value, False, match[1]), Number(whole, False, match.group().strip())


def _numbers(plain: str) -> Iterator[Number]:
    for match in _NUMBER.finditer(plain):
        value = _value(match)
        if value is not None:
            scale = _SCALES[match["scale"].lower()] if match["scale"] else 1
            yield Number(value, match["percent"] is not None, match.group().strip(), scale)


def _plain(text: str) -> str:
    """The text with one kind of minus, ``^`` for superscripts, plain fractions, no days, no LaTeX decoration."""
    text = _SUPERSCRIPT.sub(lambda match: "^" + match.group().translate(_SUPERSCRIPTS), text.translate(_MINUS))
    text = _THIN_THOUSANDS.sub(",", _DATE.sub("date", text))
    text = _LATEX_NOISE.sub("", _LATEX_TEXT.sub(r" \1 ", _LATEX_FRACTION.sub(_fraction, text)))
    return _CARET.sub(r"^\1", text)


def _fraction(match: re.Match[str]) -> str:
    """A fraction in a line, apart from what stands before it unless that is its sign."""
    plain = f"{match[1] or ''}{match[2] or match[4]}/{match[3] or match[5]}"
    return plain if match.string[: match.start()].endswith(("-", "+")) else f" {plain}"


def _joined(text: str) -> str:
    """The text with a leading minus joined to its number; elsewhere ``- 5`` may be a list's bullet."""
    return re.sub(r"^\s*-\s+(?=[0-9.$€£¥])", "-", text)


def _value(match: re.Match[str]) -> Fraction | None:
    """The exact value; ``None`` for what is no number, such as a division by zero, or absurdly large."""
    value, below = _digits(match["number"]), _digits(match["denominator"] or "1")
    exponents = [_exponent(match[group] or "0") for group in ("e", "times")]
    if value is None or not below or None in exponents:
        return None
    if match["top"]:
        if not 0 < int(match["top"]) < int(match["bottom"]):
            return None
        value += Fraction(int(match["top"]), int(match["bottom"]))
    if match["power"]:
        power = _exponent(match["power"])
        if value != 10 or power is None:
            return None
        value = Fraction(10) ** power
    value *= Fraction(10) ** sum(exponent for exponent in exponents if exponent is not None) / below
    return -value if match["sign"] == "-" else value


def _digits(text: str) -> Fraction | None:
    plain = text.replace(",", "")
    return Fraction("0" + plain) if len(plain) <= _MOST_DIGITS else None


def _exponent(text: str) -> int | None:
    exponent = int(text) if len(text) <= 6 else _LARGEST_EXPONENT + 1
    return exponent if abs(exponent) <= _LARGEST_EXPONENT else None
