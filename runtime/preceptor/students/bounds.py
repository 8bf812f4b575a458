"""How many tokens a text can have at most, told from its bytes: which tokenizers allow that, and for which texts.

A tokenizer first changes a text (normaliser), then cuts it into pieces (pre-tokenizer), then makes tokens of each piece
(model), none of them empty. So there are no more tokens than bytes unless a step adds some: a normaliser that writes a
letter out, a prefix in front of every piece, a byte that stands for a byte by two. What this module does not know, it
takes to add any number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_SPACE = "\u2581"
"""What SentencePiece writes for a space: one token, though three bytes, in every vocabulary that has it."""
_KEEP_ASCII = {"NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Strip", "StripAccents", "BertNormalizer"}
"""Normalisers that never make an ASCII text longer."""
_CUTTERS = {"Split", "Whitespace", "WhitespaceSplit", "Punctuation", "Digits", "BertPreTokenizer", "UnicodeScripts"}
"""Pre-tokenizers that only cut."""
_MODELS = {"BPE", "WordLevel", "WordPiece", "Unigram"}


@dataclass(frozen=True)
class Bound:
    """Tokens by bytes, at most."""

    known: bool
    """Whether there is a bound at all."""
    ascii_only: bool = False
    """Whether it holds for ASCII texts only."""
    added: int = 0
    """Tokens that a text may have beyond its bytes."""

    def most(self, *texts: str) -> int | None:
        """Tokens that the texts have at most, each by itself or put together; ``None`` when nobody can tell."""
        if not self.known:
            return None
        size = 0
        for text in texts:
            if text.isascii():
                size += len(text)
            elif self.ascii_only:
                return None
            else:
                size += len(text.encode("utf-8", "surrogatepass"))
        return size + self.added * len(texts)


NO_BOUND = Bound(known=False)


def bound_of(definition: Mapping[str, Any]) -> Bound:
    """The bound for a tokenizer, given what its ``tokenizer.json`` says."""
    model = definition["model"]
    vocabulary = model.get("vocab") or ()
    pieces = vocabulary if isinstance(vocabulary, dict) else {entry[0] for entry in vocabulary}
    cutters = list(_parts(definition.get("pre_tokenizer"), "pretokenizers"))
    ascii_only, added = False, 0
    for part in _parts(definition.get("normalizer"), "normalizers"):
        if part["type"] in _KEEP_ASCII:
            ascii_only = True
        elif part == {"type": "Prepend", "prepend": _SPACE} and _SPACE in pieces:
            added = 1
        elif not _replaces_safely(part, pieces):
            return NO_BOUND
    for part in cutters:
        prefix = part.get("add_prefix_space") or part.get("prepend_scheme", "never") != "never"
        if part["type"] in ("ByteLevel", "Metaspace"):
            if prefix and len(cutters) > 1:  # before every piece
                return NO_BOUND
            added += bool(prefix)
        elif part["type"] not in _CUTTERS:
            return NO_BOUND
        if part["type"] == "Metaspace" and (part.get("replacement") != _SPACE or _SPACE not in pieces):
            return NO_BOUND
    if not _model_is_safe(model, by_bytes=any(part["type"] == "ByteLevel" for part in cutters)):
        return NO_BOUND
    if added and any(len(token["content"].encode()) < 2 for token in definition.get("added_tokens") or ()):
        return NO_BOUND  # every token that is cut out of a text begins a part with a prefix of its own
    return Bound(True, ascii_only, added)


def _parts(step: Mapping[str, Any] | None, several: str) -> Iterator[Mapping[str, Any]]:
    if step is None:
        return
    if step["type"] == "Sequence":
        for part in step[several]:
            yield from _parts(part, several)
    else:
        yield step


def _replaces_safely(part: Mapping[str, Any], pieces: Any) -> bool:
    """Whether what a normaliser replaces does not get more tokens by it."""
    if part["type"] != "Replace" or "String" not in part["pattern"]:
        return False
    before, after = part["pattern"]["String"], part["content"]
    if after == _SPACE:
        return bool(before) and _SPACE in pieces
    return len(after.encode()) <= len(before.encode())


def _model_is_safe(model: Mapping[str, Any], *, by_bytes: bool) -> bool:
    """Whether a piece has no more tokens than bytes, when letters that are not in the vocabulary fall back to bytes."""
    if model.get("type") not in _MODELS:
        return False
    affixes = model.get("continuing_subword_prefix") or model.get("end_of_word_suffix")
    return not (model.get("byte_fallback") and (by_bytes or affixes))
