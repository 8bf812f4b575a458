from __future__ import annotations

import random
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.gates.secrets import SecretsGate, holds_secret
from preceptor.recipes.sample import Receipt, Sample

RECEIPT = Receipt(recipe="", attempt=1, generator="", difficulty=1, unit=0, index=0, teacher="")
_LETTERS = string.ascii_letters + string.digits


def drawn(count: int, alphabet: str = _LETTERS) -> str:
    """Made anew in every run, so that no scanner takes this file for a leak."""
    return "".join(random.Random(count).choices(alphabet, k=count))


KEYS = {
    "openai": f"sk-proj-{drawn(74)}",
    "openai, older": f"sk-{drawn(48)}",
    "anthropic": f"sk-ant-api03-{drawn(93)}AA",
    "aws": f"AKIA{drawn(16, string.ascii_uppercase + '234567')}",
    "github": f"ghp_{drawn(36)}",
    "github, fine-grained": f"github_pat_{drawn(22)}_{drawn(59)}",
    "gitlab": f"glpat-{drawn(20)}",
    "slack": f"xoxb-{drawn(12, string.digits)}-{drawn(13, string.digits)}-{drawn(24)}",
    "google": f"AIza{drawn(35)}",
    "hugging face": f"hf_{drawn(34, string.ascii_letters)}",
    "stripe": f"sk_live_{drawn(24)}",
    "npm": f"npm_{drawn(36)}",
    "sendgrid": f"SG.{drawn(22)}.{drawn(43)}",
    "web token": f"eyJ{drawn(33)}.eyJ{drawn(60)}.{drawn(43)}",
    "password in a URL": f"postgres://admin:{drawn(12)}@db.internal:5432/shop",
    "private key": f"-----BEGIN RSA PRIVATE KEY-----\n{drawn(64)}\n{drawn(64)}\n-----END RSA PRIVATE KEY-----",
}

HARMLESS = [
    "Your key begins with sk-... and belongs into OPENAI_API_KEY.",
    "sk-proj-xxxxxxxx",
    "export AWS_ACCESS_KEY_ID=AKIA...",
    "ghp_ is how GitHub's tokens begin",
    "the *** redacted *** part",
    "https://example.com:8080/a@b?x=1",
    "postgres://user:${PASSWORD}@host/db",
    "postgres://user:password@localhost/db",
    "mailto:someone@example.com",
    "git@github.com:org/repo.git",
    "-----BEGIN PRIVATE KEY----- stands on its first line",
    "-----BEGIN PUBLIC KEY-----\n" + "A" * 64,
    "task-" + "a" * 60,
    'the eyJ header of a token is {"alg"',
    "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "disk-" + "4" * 48 + " is full",
    "",
]


def sample(prompt: str, answer: str = "4", **fields: Any) -> Sample:
    return Sample.create(skill="sums", fields=fields, prompt=prompt, answer=answer, receipt=RECEIPT)


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("text", ["{}", "the key is {}, keep it", '{{"key": "{}"}}', "KEY={}\n", "\u5b57{}\u3002"])
def test_keys_are_found_wherever_they_stand(key: str, text: str) -> None:
    held = text.format(key)
    gate = SecretsGate()
    assert gate.check(sample(held)) == "secret"
    assert gate.check(sample("2 + 2?", held)) == "secret"
    assert gate.check(sample("2 + 2?", notes=[{"deep": held}])) == "secret"
    assert gate.check(sample("2 + 2?", notes={held: 1})) == "secret"


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_key_passes(text: str) -> None:
    assert SecretsGate().check(sample(text, text, text=text, number=4.5, none=None)) is None


@given(st.sampled_from(sorted(KEYS.values())), st.text(max_size=30), st.text(max_size=30))
def test_what_stands_around_a_key_hides_it_only_by_making_it_longer(key: str, before: str, after: str) -> None:
    assert holds_secret(f"{before} {key} {after}")
