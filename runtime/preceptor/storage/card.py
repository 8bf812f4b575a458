"""The README of a dataset version: a dataset card as Hugging Face reads it, and as people do.

The front matter names the data files, so that ``datasets.load_dataset`` takes the directory as it is. Text that
came from a document or a model is escaped: a card is rendered as HTML by whoever hosts it.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from typing import Any

import yaml

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

_COLUMNS = """\
| column | holds |
| --- | --- |
| `id` | digest of skill, prompt and answer |
| `skill` | what the row exercises |
| `prompt` | the question as the student sees it |
| `answer` | what it should answer |
| `fields` | the values the prompt was rendered from, as JSON text |
| `receipt` | recipe, attempt, generator, difficulty, unit and index, teacher, parents, version it was carried from; \
of a row that a model wrote also source, model, requests, validators, prompts, tokens and dollars |
"""


def render_card(manifest: Mapping[str, Any]) -> str:
    """The card of a version, from its manifest as plain data (see :class:`preceptor.storage.datasets.Manifest`)."""
    front = {
        "pretty_name": f"Preceptor {manifest['version']}",
        "tags": ["preceptor", "synthetic"],
        "size_categories": [_size(manifest["rows"])],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": "data-*.parquet"}]}],
    }
    skills = "\n".join(f"| {_cell(skill)} | {count} |" for skill, count in manifest["skills"].items())
    description = html.escape(manifest["description"].strip(), quote=False)
    parts = [
        f"---\n{yaml.safe_dump(front, sort_keys=False)}---",
        f"# Dataset version {manifest['version']}",
        f"> {' '.join(description.split())}" if description else "",
        "Synthetic training data, planned, made and checked by Preceptor. Every row carries its receipt.",
        f"## Rows\n\n{manifest['rows']} rows.\n\n| skill | rows |\n| --- | ---: |\n{skills}",
        f"## Columns\n\n{_COLUMNS.rstrip()}",
        _provenance(manifest),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _provenance(manifest: Mapping[str, Any]) -> str:
    parents = ", ".join(f"`{parent}`" for parent in manifest["parents"]) or "none"
    lines = ["## Where it comes from", "", f"- recipe: `{_cell(manifest['recipe'])}`", f"- parents: {parents}"]
    lines += [
        f"- {key.replace('_', ' ')}: `{_cell(json.dumps(manifest[key], sort_keys=True))}`"
        for key in ("gates", "funnel", "created_by")
        if manifest[key]
    ]
    return "\n".join(lines)


def _size(rows: int) -> str:
    return next((name for bound, name in _SIZES if rows < bound), "n>1M")


def _cell(text: str) -> str:
    """Text that stays inside one table cell or code span."""
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|").replace("`", "'")
