r"""The prompt files: rendered in the sandbox, named by their digests, with everything foreign quoted as data.

A quotation is JSON, one value in each line. JSON text never ends its own line, and ``</`` is written ``<\/``, so
nothing that is quoted can end the ``<data>`` block around it. Characters that a reader does not see (controls,
direction marks, Unicode tags) are written as escapes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from preceptor.tasks.prompts import Renderer, compile_template

_UNSEEN = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)


def as_data(value: Any) -> str:
    """One line of JSON that cannot end a ``<data>`` block."""
    text = json.dumps(value, ensure_ascii=False).replace("</", "<\\/")
    return _UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], text)


def as_lines(values: Iterable[Any] | Mapping[str, Any]) -> str:
    """One line of JSON for each value; for a mapping, for each pair."""
    rows = [{key: value} for key, value in values.items()] if isinstance(values, Mapping) else values
    return "\n".join(as_data(value) for value in rows)


def render(name: str, fields: Mapping[str, Any]) -> str:
    """The text of a prompt file. Every name the file reads must be in ``fields``."""
    return _renderer(name)(fields).strip()


def digests(*names: str) -> dict[str, str]:
    """SHA-256 of prompt files by name."""
    return {name: hashlib.sha256(_source(name).encode()).hexdigest() for name in names}


@lru_cache(maxsize=16)
def _source(name: str) -> str:
    return (files(__package__) / "prompts" / f"{name}.md.j2").read_text(encoding="utf-8")


@lru_cache(maxsize=16)
def _renderer(name: str) -> Renderer:
    return compile_template(_source(name), f"prompt `{name}`", filters={"data": as_data, "lines": as_lines})
