"""The duplicates gate: no question twice in a version."""

from __future__ import annotations

import unicodedata

from preceptor.recipes.sample import Sample


class DuplicatesGate:
    """Drops a row as ``duplicate`` when a row with the same question passed before. What it passes, it remembers."""

    name = "duplicates"

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def check(self, sample: Sample) -> str | None:
        """``duplicate`` for a question that passed before; a new one is remembered."""
        question = normalise(sample.prompt)
        if question in self._seen:
            return "duplicate"
        self._seen.add(question)
        return None


def normalise(text: str) -> str:
    """Text with compatibility forms (NFKC), case and white space folded."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
