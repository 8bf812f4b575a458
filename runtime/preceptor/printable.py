"""Text that others wrote, made fit for a terminal or a page."""

from __future__ import annotations

import unicodedata

_JOINERS = "\u200c\u200d"
"""Invisible, harmless, and part of how some scripts and emoji are written."""
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls, among them what begins an escape sequence; marks that turn the direction of writing; other line ends."""


def printable(text: str, *, lines: bool = False) -> str:
    r"""The text with everything that could act on a terminal, or hide on a page, spelt out, as in ``\x1b``.

    Line breaks stay only with ``lines``, else they become spaces. Print it without markup.
    """
    kept = text.replace("\r\n", "\n").replace("\t", "    ")
    if not lines:
        kept = " ".join(kept.split("\n"))
    return "".join(_spelt(mark) for mark in kept)


def _spelt(mark: str) -> str:
    if mark == "\n" or mark in _JOINERS or unicodedata.category(mark) not in _HIDDEN:
        return mark
    return mark.encode("unicode_escape").decode("ascii")
