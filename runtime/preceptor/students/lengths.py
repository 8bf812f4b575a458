"""Whether training would leave a row out as too long, told without loading a model.

Most rows are far from the limit, and their bytes say so: nothing has to be loaded for them. For the others the
student's tokenizer counts, by itself where that gives what :class:`preceptor.students.encoding.Encoder` does, which
takes transformers and torch to load.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from preceptor.students.bounds import NO_BOUND, Bound, bound_of
from preceptor.students.encoding import Encoder
from preceptor.students.source import resolve

_PROBES = ("preceptor", 'It\'s 1 < 2 & "so"\n\n{{ on }}\\n, \u5b57 <b>\t[INST] é.')
"""Questions by which it shows whether a chat template puts them in as they are."""
_TOKENIZER = "tokenizer.json"


@dataclass(frozen=True)
class Frame:
    """What is known of a student's tokenizer and chat template once they have been loaded. Small and picklable."""

    head: str
    """What the template writes before a question."""
    tail: str
    """What it writes after it, up to where the student begins to answer."""
    bound: Bound
    """How tokens are bounded by bytes."""
    alone: bool
    """Whether the file ``tokenizer.json`` is by itself the tokenizer that training uses."""


@dataclass(frozen=True)
class StudentLengths:
    """Knows what training would leave out. Picklable: what it loads stays behind.

    The first question that bytes cannot decide loads the tokenizer. :meth:`prepared` does beforehand what takes
    transformers, so that processes which get a pickled copy need only the small ``tokenizers``.
    """

    model: str
    """``student.model`` as the document has it."""
    base_dir: Path
    """What a relative path in it is relative to."""
    before: Sequence[Mapping[str, str]]
    """The turns before the question: system message and worked examples."""
    max_tokens: int
    """``student.training.maxTokens``."""
    frame: Frame | None = field(default=None, repr=False)
    """Filled in by :meth:`prepared`."""

    def prepared(self) -> Self:
        """The same with its frame; loads transformers. Raises :class:`StudentError` when the student does not load."""
        return replace(self, frame=self._frame)

    def too_long(self, prompt: str, answer: str) -> bool:
        """Whether the conversation and the answer have more tokens than training takes; exactly what it would say.

        Raises :class:`StudentError` when the student does not load.
        """
        most = self._frame.bound.most(self._frame.head, prompt, self._frame.tail, answer)
        if most is not None and most + 1 <= self.max_tokens:
            return False
        return self.tokens(prompt, answer) > self.max_tokens

    def tokens(self, prompt: str, answer: str) -> int:
        """Tokens of a row, the end of its turn included."""
        if self._frame.alone and prompt == prompt.strip():
            texts = [f"{self._frame.head}{prompt}{self._frame.tail}", answer]
            encoded = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
            return sum(len(text) for text in encoded) + 1
        return self._encoder.encode(self._conversation(prompt), answer).length

    def __getstate__(self) -> dict[str, Any]:
        """Loaded tokenizers stay behind."""
        state = {part.name: getattr(self, part.name) for part in fields(self)}
        return state | {"frame": self.__dict__.get("_frame", self.frame)}

    def _conversation(self, prompt: str) -> list[Mapping[str, str]]:
        return [*self.before, {"role": "user", "content": prompt}]

    @cached_property
    def _directory(self) -> Path:
        return resolve(self.model, self.base_dir, weights=False)

    @cached_property
    def _encoder(self) -> Encoder:
        return Encoder(self._directory)

    @cached_property
    def _tokenizer(self) -> Any:
        return _from_file(self._directory)

    @cached_property
    def _frame(self) -> Frame:
        if self.frame is not None:
            return self.frame
        around, other = (self._around(probe) for probe in _PROBES)
        definition = self._encoder.definition
        if around is None or around != other or definition is None:
            return Frame("", "", NO_BOUND, alone=False)
        head, tail = around
        file = self._directory / _TOKENIZER
        alone = file.exists() and json.loads(_from_file(self._directory).to_str()) == definition
        return Frame(head, tail, bound_of(definition), alone)

    def _around(self, question: str) -> tuple[str, str] | None:
        """What the template writes around a question; ``None`` when it does not put it in as it is."""
        head, found, tail = self._encoder.text(self._conversation(question)).rpartition(question)
        return (head, tail) if found else None


def _from_file(directory: Path) -> Any:
    from tokenizers import Tokenizer

    tokenizer: Any = Tokenizer.from_file(str(directory / _TOKENIZER))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
