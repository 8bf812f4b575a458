"""How much a student can read at once, told from its configuration without loading a model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from preceptor.students.source import resolve

_KEYS = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length", "n_ctx")
"""What configurations call it: first the name of almost all models, then those of GPT-2, MPT and their like."""


def context_length(model: str, base_dir: Path) -> int | None:
    """Tokens of question and answer together that a student was made for; ``None`` when its configuration is silent.

    Args:
        model: ``student.model`` as the document has it.
        base_dir: What a relative path in it is relative to.

    Raises:
        StudentError: There is no such model, or it cannot be reached.

    """
    config: Any = json.loads((resolve(model, base_dir, weights=False) / "config.json").read_text("utf-8"))
    for part in (config, config.get("text_config")):  # models that see images keep it with what reads texts
        if isinstance(part, Mapping):
            found = next((part[key] for key in _KEYS if isinstance(part.get(key), int)), None)
            if found is not None:
                return int(found)
    return None
