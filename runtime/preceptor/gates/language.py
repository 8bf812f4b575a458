"""Tells the language of a question, with py3langid: a small model that is part of its package, the same everywhere."""

from __future__ import annotations

from typing import Any

from preceptor.errors import GateError

SURE = 0.95
"""Probability from which a text is taken to be in another language."""
SHORTEST = 30
"""Letters below which nobody can be sure."""


class Languages:
    """Says of a text that it is not in a language; doubts count in its favour."""

    def __init__(self, wanted: str) -> None:
        """Raises :class:`GateError` when the extra is missing or the language is unknown."""
        try:
            from py3langid.langid import MODEL_FILE, LanguageIdentifier
        except ImportError as error:
            raise GateError(
                "`dataset.gates.format.language` needs a package that is not installed",
                mend="pip install 'preceptor[language]'",
            ) from error
        self._wanted = wanted
        self._identifier: Any = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        known = {str(name) for name in self._identifier.nb_classes}
        if wanted not in known:
            raise GateError(
                f"`dataset.gates.format.language`: nobody here can tell `{wanted}`",
                mend=f"use one of {', '.join(sorted(name for name in known if len(name) == 2))}, or leave it out",
            )

    def other(self, text: str) -> bool:
        """Whether a text is surely in another language. Formulas, code and short texts are in none."""
        if sum(map(str.isalpha, text)) < SHORTEST:
            return False
        language, probability = self._identifier.classify(text)
        return language not in (self._wanted, "zxx", "und") and probability >= SURE
