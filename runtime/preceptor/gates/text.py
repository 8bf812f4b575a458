"""How gates read a text: folded, and as words."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"\w+")


def normalise(text: str) -> str:
    """Text with compatibility forms (NFKC), case and white space folded."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words(text: str) -> list[str]:
    """The words and numbers of a text, folded as by :func:`normalise`; punctuation separates and is left out."""
    folded = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    return _WORD.findall(folded)
