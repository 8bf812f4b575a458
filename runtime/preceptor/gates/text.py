"""How gates read a text: folded, and as words."""

from __future__ import annotations

import re
import unicodedata

_LETTERS = {code: chr(code).lower() if chr(code).isalnum() or chr(code) == "_" else " " for code in range(128)}
"""What stands for each character of a text in ASCII once its words are told apart by spaces."""
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
"""Thai, Lao, Burmese, Khmer, kana and Han: scripts that put no space between words."""
_ANY_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")


def normalise(text: str) -> str:
    """Text with compatibility forms (NFKC), case and white space folded."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words(text: str) -> list[str]:
    """The words and numbers of a text, folded as by :func:`normalise`; punctuation separates and is left out.

    In scripts without spaces every character is a word.
    """
    if text.isascii():
        return text.translate(_LETTERS).split()
    return _ANY_WORD.findall(unicodedata.normalize("NFKC", text).casefold())
