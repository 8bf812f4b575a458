"""Loading a student with transformers; whatever keeps it from loading is one error that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from preceptor.errors import StudentError


def load(model_dir: Path, **settings: Any) -> Any:
    """Return a directory's causal language model, as ``AutoModelForCausalLM.from_pretrained`` gives it.

    Raises :class:`StudentError` when there is none, or not a whole one.
    """
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # of loading: it is over before it is drawn
    mend = "point student.model at a model that transformers' AutoModelForCausalLM loads"
    with failing_as(f"{model_dir} does not load as a causal language model", mend=mend):
        return AutoModelForCausalLM.from_pretrained(model_dir, **settings)


@contextmanager
def failing_as(what: str, *, mend: str) -> Iterator[None]:
    """Turn what transformers, peft and safetensors raise for files they cannot read into :class:`StudentError`."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise StudentError(f"{what}: {error}", mend=mend) from error
