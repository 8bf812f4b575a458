"""From conversations to tokens: the question as an examination asks it, the answer as it should be generated."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preceptor.errors import StudentError


@dataclass(frozen=True, slots=True)
class Encoded:
    """A row as tokens."""

    prompt: tuple[int, ...]
    """The conversation in the student's chat template, up to where it begins to answer."""
    completion: tuple[int, ...]
    """The answer and the token that ends the turn."""

    @property
    def length(self) -> int:
        """Tokens in all."""
        return len(self.prompt) + len(self.completion)


class Encoder:
    """Turns rows into tokens with the student's own tokenizer and chat template."""

    def __init__(self, model_dir: Path) -> None:
        """Load the tokenizer; raises :class:`StudentError` when it has no chat template or nothing ends a turn."""
        from transformers import AutoTokenizer, GenerationConfig

        self._tokenizer: Any = AutoTokenizer.from_pretrained(model_dir)
        if self._tokenizer.chat_template is None:
            raise StudentError(
                f"the student in {model_dir} has no chat template",
                mend="use an instruction-tuned model as student.model",
            )
        stops: set[int] = {self._tokenizer.eos_token_id} - {None}
        if (Path(model_dir) / "generation_config.json").exists():
            declared = GenerationConfig.from_pretrained(model_dir).eos_token_id
            stops |= set(declared if isinstance(declared, list) else [declared]) - {None}
        self._end = self._end_of_turn(stops)

    @property
    def pad(self) -> int:
        """The token batches are filled up with; masked, so any would do."""
        return self._end

    def save(self, directory: Path) -> None:
        """Write the tokenizer next to full weights, so that the directory is a student of its own."""
        self._tokenizer.save_pretrained(directory)

    @property
    def definition(self) -> Any:
        """What the tokenizer does, as ``tokenizer.json`` would say it; ``None`` for one that Python code makes up."""
        from transformers import PreTrainedTokenizerFast

        own: Any = type(self._tokenizer)
        plain: Any = PreTrainedTokenizerFast
        if not isinstance(self._tokenizer, plain) or self._tokenizer.split_special_tokens:
            return None
        if any(getattr(own, name) is not getattr(plain, name) for name in ("encode", "_encode_plus")):
            return None
        return json.loads(self._tokenizer.backend_tokenizer.to_str()) | {"truncation": None, "padding": None}

    def text(self, messages: Sequence[Mapping[str, str]]) -> str:
        """A conversation in the student's chat template, up to where the student begins to answer."""
        return str(self._tokenizer.apply_chat_template(list(messages), add_generation_prompt=True, tokenize=False))

    def prompt(self, messages: Sequence[Mapping[str, str]]) -> tuple[int, ...]:
        """The tokens of :meth:`text`."""
        return tuple(self._tokenizer.encode(self.text(messages), add_special_tokens=False))

    def encode(self, messages: Sequence[Mapping[str, str]], answer: str) -> Encoded:
        """A row's tokens. The answer is encoded by itself, because that is where generation will start."""
        completion = self._tokenizer.encode(answer, add_special_tokens=False)
        return Encoded(prompt=self.prompt(messages), completion=(*completion, self._end))

    def _end_of_turn(self, stops: Collection[int]) -> int:
        """The token the template puts after an answer, if generation stops there; else the tokenizer's end of text."""
        marker = "preceptor"
        turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": marker}]
        text = self._tokenizer.apply_chat_template(turns, tokenize=False)
        after = self._tokenizer.encode(text.rpartition(marker)[2], add_special_tokens=False)
        for token in (*after[:1], self._tokenizer.eos_token_id):
            if token in stops:
                return int(token)
        raise StudentError(
            "nothing tells the student to stop: its tokenizer has no end-of-text token",
            mend="set eos_token in its tokenizer",
        )
