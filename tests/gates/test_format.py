from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

import pytest

from preceptor.errors import GateError
from preceptor.gates.format import FormatGate, is_refusal
from preceptor.recipes.sample import Receipt, Sample
from preceptor.spec.gates import FormatGate as Settings
from preceptor.tasks.scorers import build_scorer
from support.payments import task

RECEIPT = Receipt(recipe="", attempt=1, generator="", difficulty=1, unit=0, index=0, teacher="")
SCORER = build_scorer(task(scorer={"kind": "exact"}).scorer)
NUMERIC = build_scorer(task(scorer={"kind": "numeric"}).scorer)


def sample(prompt: str, answer: str = "4", **fields: Any) -> Sample:
    return Sample.create(skill="sums", fields=fields, prompt=prompt, answer=answer, receipt=RECEIPT)


REFUSALS = [
    "I'm sorry, but I can't assist with that.",
    "I\u2019m sorry, I can\u2019t help with that request.",
    "Sorry, but I cannot help you with this.",
    "**I'm very sorry, but I am unable to provide medical advice.**",
    "I cannot fulfill your request.",
    "I can't comply with this.",
    "Unfortunately, I am not able to provide that information.",
    "I'm sorry, but I cannot generate content of that kind.",
    "As an AI language model, I cannot feel pain. 4",
    "As an AI, I have no opinion on that.",
    "4.\nAs a large language model, I may be wrong.",
    "My apologies, but I won't engage in that.",
    "I'm afraid I can't do that.",
    "I can't help.",
]
ANSWERS = [
    "I'm sorry, but I can't pay the invoice before Friday. Please wait.",
    "I'm sorry, but I cannot find your order 1234. Was it placed under another name?",
    "I can't help noticing that the sum is 4.",
    "I cannot provide the papers before Monday, as the office is closed.",
    "The bot said: \"I'm sorry, but I can't assist with that.\"",
    "\"I'm sorry, but I can't assist with that\" is what it answered.",
    'She asked it, and it wrote: "As an AI language model, I cannot feel." What did it deny?',
    "As an AI model, GPT-2 has 1.5 billion parameters.",
    "He works as an AI engineer, I think.",
    "We are unable to deliver the goods. The refund is 12.50.",
    "Sorry for the delay! The total is 4.",
    "A refusal such as \u201cI cannot comply\u201d is polite.",
    "I won't charge you. The answer is 4",
    "Unfortunately, I cannot come to the meeting on 4 May.",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_refusals_are_dropped_wherever_a_text_begins(text: str) -> None:
    gate = FormatGate(SCORER, Settings(), max_tokens=100)
    assert is_refusal(text)
    assert gate.check(sample("2 + 2?", text)) == "refusal"
    assert gate.check(sample(text)) == "refusal"
    assert gate.check(sample(f"Read: {text}", message=text)) == "refusal"
    assert FormatGate(SCORER, Settings(refusals=False), max_tokens=100).check(sample("2 + 2?", text)) is None


@pytest.mark.parametrize("text", ANSWERS)
def test_who_is_sorry_for_something_else_or_quotes_a_refusal_may_pass(text: str) -> None:
    gate = FormatGate(SCORER, Settings(), max_tokens=100)
    assert gate.check(sample("2 + 2?", text)) is None
    assert gate.check(sample(f"Who wrote this? {text}", message=text)) is None


@dataclass
class Counting:
    """Lengths that remember what they were asked."""

    limit: int
    asked: list[tuple[str, str]] = field(default_factory=list)

    def too_long(self, prompt: str, answer: str) -> bool:
        """Words are tokens."""
        self.asked.append((prompt, answer))
        return len(prompt.split()) + len(answer.split()) > self.limit


def test_the_student_s_tokens_decide_where_they_are_counted() -> None:
    lengths = Counting(10)
    gate = FormatGate(NUMERIC, Settings(), max_tokens=3, lengths=lengths)
    assert gate.check(sample("word " * 9 + "x" * 500)) == "too-long"
    assert gate.check(sample("word " * 8 + "x" * 500)) is None
    assert gate.check(sample("word " * 20, "no number")) == "unreadable"
    assert gate.check(sample("I'm sorry, but I can't help.", "4")) == "refusal"
    assert len(lengths.asked) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("How many apples are left when Josie gives two of her five apples to Amanda?", None),
        ("Wie viele Äpfel bleiben übrig, wenn Josie zwei ihrer fünf Äpfel an Amanda gibt?", "other-language"),
        ("Combien de pommes reste-t-il si Josie donne deux de ses cinq pommes à Amanda ?", "other-language"),
        (
            "\u8bf7\u5728\u6708\u5e95\u4e4b\u524d\u5c06\u6b3e\u9879\u6c47\u5165\u6211\u4eec\u7684\u8d26\u6237" * 3,
            "other-language",
        ),
        ("Café Zürich?", None),
        (r"$\int_0^1 \frac{x^2}{1+x}\,dx = \lambda$ and $\mathrm{CO}_2 \rightarrow \mathrm{C}$", None),
        ("def f(values):\n    return [value for value in values if value % 2]", None),
        ("12 + 13 * (4 - 5) = ?", None),
    ],
)
def test_questions_that_are_surely_in_another_language_are_dropped(text: str, reason: str | None) -> None:
    pytest.importorskip("py3langid")
    assert FormatGate(SCORER, Settings(language="en"), max_tokens=200).check(sample(text)) == reason
    assert FormatGate(SCORER, Settings(), max_tokens=200).check(sample(text)) is None


def test_a_language_that_nobody_can_tell_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("py3langid")
    with pytest.raises(GateError, match="nobody here can tell `xx`"):
        FormatGate(SCORER, Settings(language="xx"), max_tokens=100)
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    with pytest.raises(GateError, match=r"preceptor\[language\]"):
        FormatGate(SCORER, Settings(language="en"), max_tokens=100)
