"""The secrets gate: no row may hold what looks like a key.

Only forms that vendors gave a mark of their own are looked for, each with the length that a real one has: a row that
speaks of keys, or shows ``sk-...`` as an example, is not one that holds a key. What was found is told to nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from preceptor.recipes.sample import Sample

HOLDS_KEY = "secret"
"""Reason given to a row that holds what looks like a key, a token or a private key."""

_FORMS = (
    r"sk-(?:proj-|svcacct-|admin-|ant-(?:api|admin)\d\d-|or-v1-)[A-Za-z0-9_-]{32,}",  # OpenAI, Anthropic, OpenRouter
    r"sk-[A-Za-z0-9]{48}",  # OpenAI's older ones
    r"(?:AKIA|ASIA)[A-Z2-7]{16}",  # AWS, key id; the secret belongs to it
    r"gh[pousr]_[A-Za-z0-9]{36,}",  # GitHub
    r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{40,}",
    r"glpat-[A-Za-z0-9_-]{20,}",  # GitLab
    r"xox[abeoprs]-(?:[0-9]+-){1,3}[A-Za-z0-9-]{10,}",  # Slack
    r"AIza[A-Za-z0-9_-]{35}",  # Google
    r"hf_[A-Za-z]{34}",  # Hugging Face
    r"(?:sk|rk)_live_[A-Za-z0-9]{20,}",  # Stripe
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}",
    r"SG\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{40,46}",  # SendGrid
    r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}",  # JSON web tokens, signed
    r"[a-z][a-z0-9+.-]{1,20}://[^\s:/?#@\"'<>]{1,64}:(?![$<{*%\[]|x{3}|password@|pass@|pwd@|secret@)[^\s/?#@\"'<>]{3,}@\w+",
)
_KEY = re.compile(
    rf"(?<![A-Za-z0-9_])(?:{'|'.join(_FORMS)})(?![A-Za-z0-9])"
    r"|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----\s*(?:[A-Za-z-]+: .*\s+)*[A-Za-z0-9+/=\s\\]{64,}"
)
_HINTS = {
    "_": ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "b_pat_", "hf_", "_live_", "npm_"),
    "-": ("sk-", "glpat-", "xox", "pypi-", "IVATE KEY"),
    "A": ("AKIA", "ASIA", "AIza"),
    "": ("SG.", "eyJ", "://"),
}
"""What every form has in it, by a letter of it: most texts are done with soon."""


class SecretsGate:
    """Drops a row whose question, answer or columns hold what looks like a ``secret``."""

    name = "secrets"

    def check(self, sample: Sample) -> str | None:
        """``secret`` for a row that holds one."""
        if holds_secret(sample.prompt) or holds_secret(sample.answer):
            return HOLDS_KEY
        rest = (text for text in _texts(sample.fields) if text != sample.prompt and text != sample.answer)
        return HOLDS_KEY if any(map(holds_secret, rest)) else None


def holds_secret(text: str) -> bool:
    """Whether a text holds what looks like a key."""
    for letter, hints in _HINTS.items():
        if letter in text:
            for hint in hints:
                if hint in text:
                    return _KEY.search(text) is not None
    return False


def _texts(value: Any) -> Iterator[str]:
    """Every text in JSON data, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from _texts(name)
            yield from _texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)
