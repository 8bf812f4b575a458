"""An engine that answers examinations: conversations in, greedy answers out, in the same order."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal, Protocol

from preceptor.errors import StudentError
from preceptor.spec.actors import Inference
from preceptor.students.loading import failing_as, load

Message = Mapping[str, str]
"""A turn of a conversation: ``{"role": …, "content": …}``."""


@dataclass(frozen=True, slots=True)
class Output:
    """One answer."""

    text: str
    """What the student wrote, without the token that ends its turn."""
    tokens: int
    """Tokens it generated, that one included."""
    truncated: bool
    """Whether it was still writing at ``maxNewTokens``."""


class Engine(Protocol):
    """Something that answers. Scores of different engines are never compared."""

    def answer(
        self, conversations: Sequence[Sequence[Message]], progress: Callable[[int], None] | None = None
    ) -> list[Output]:
        """Answer every conversation; outputs in input order. ``progress`` gets the number of finished answers."""


class TransformersEngine:
    """Answers with transformers on this machine, greedily; the same questions give the same answers."""

    def __init__(
        self,
        model_dir: Path,
        adapter_dir: Path | None = None,
        settings: Inference | None = None,
        device: str = "auto",
        precision: Literal["bf16", "fp32"] = "bf16",
    ) -> None:
        """Load a student.

        Args:
            model_dir: The base model, or full fine-tuned weights; a directory that transformers loads.
            adapter_dir: A LoRA adapter in peft's format, merged into the base model in float32.
            settings: Longest answer and batch size.
            device: ``cpu``, ``cuda`` or ``auto`` for a GPU where there is one.
            precision: What the merged weights are cast to; bf16 is four times as fast on CPUs that have it.

        Raises:
            StudentError: The model or the adapter does not load.

        """
        import torch
        from transformers import AutoTokenizer

        self._settings = settings or Inference()
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self._model = _merged(model_dir, adapter_dir).to(device=device, dtype=dtype).eval()
        # Of each row the head reads the last position only. Given that slice as it lies, torch copies the weights of a
        # frozen head (an adapter's base is frozen) once for every row: 5.7 GB for a hundred rows of SmolLM2-135M.
        self._model.get_output_embeddings().register_forward_pre_hook(lambda _, inputs: (inputs[0].contiguous(),))
        self._tokenizer: Any = AutoTokenizer.from_pretrained(model_dir)
        declared = self._model.generation_config.eos_token_id
        stops = {self._tokenizer.eos_token_id, *(declared if isinstance(declared, list) else [declared])} - {None}
        if not stops:
            raise StudentError(
                f"nothing tells the student in {model_dir} to stop",
                mend="set eos_token_id in its generation_config.json",
            )
        self._stops = frozenset(stops)

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """The tokens of a conversation up to where the student begins to answer."""
        text = self._tokenizer.apply_chat_template(list(messages), add_generation_prompt=True, tokenize=False)
        tokens: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return tokens

    def answer(
        self, conversations: Sequence[Sequence[Message]], progress: Callable[[int], None] | None = None
    ) -> list[Output]:
        """Answer every conversation; outputs in input order. ``progress`` gets the number of finished answers."""
        from preceptor.inference.greedy import Greedy

        prompts = [self.prompt(messages) for messages in conversations]
        prefix = _common_beginning([prompt[:-1] for prompt in prompts])
        decoder = Greedy(self._model, prefix, stops=self._stops, limit=self._settings.max_new_tokens)
        outputs: dict[int, Output] = {}
        # Questions of like length need little padding; the longest first, so that memory that suffices once suffices.
        order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]), reverse=True)
        for start in range(0, len(order), self._settings.batch_size):
            batch = order[start : start + self._settings.batch_size]
            for row, generated in decoder.finish([prompts[index][len(prefix) :] for index in batch]):
                outputs[batch[row]] = self._output(generated)
                if progress:
                    progress(len(outputs))
        return [outputs[index] for index in range(len(prompts))]

    def _output(self, generated: Sequence[int]) -> Output:
        stopped = generated[-1] in self._stops
        text = self._tokenizer.decode(generated[:-1] if stopped else generated, skip_special_tokens=True)
        return Output(text=text, tokens=len(generated), truncated=not stopped)


def _common_beginning(rows: Sequence[Sequence[int]]) -> list[int]:
    return [column[0] for column in takewhile(lambda column: len(set(column)) == 1, zip(*rows, strict=False))]


def _merged(model_dir: Path, adapter_dir: Path | None) -> Any:
    """The model in float32 with its adapter merged in; raises :class:`StudentError`."""
    import torch

    model: Any = load(model_dir, dtype=torch.float32)
    if adapter_dir is None:
        return model
    from peft import PeftModel

    what, mend = (
        f"{model_dir} with the adapter {adapter_dir} does not load",
        "restore it from a copy, or begin a new run",
    )
    with failing_as(what, mend=mend), warnings.catch_warnings():
        # peft 0.21 asks for a property that transformers 5 has renamed.
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
        return PeftModel.from_pretrained(model, adapter_dir).merge_and_unload()
