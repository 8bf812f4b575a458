"""Rows of which some ask what the examination asks in other words, and a model that knows them when it sees them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from preceptor.gates.contamination import SEEDS, Protected
from preceptor.recipes.digests import digest
from preceptor.recipes.funnel import Funnel, SkillFunnel
from preceptor.recipes.sample import Receipt, Sample
from preceptor.spec.document import Spec
from preceptor.spec.load import load
from preceptor.storage.spool import Spool
from preceptor.synthesis.assembly import Assembled
from support.sensible import Body
from support.small_run import write_small_run

PRICE = {"input": 0.1, "output": 0.4}
EMBEDDER, CHECKER = "embedder", "checker"
SECRET = "zebra"
"""A word of every protected question, and of nothing else."""
QUESTIONS = tuple(
    f"which {thing} does the {SECRET} keep {place} in every long winter when no other animal comes by"
    for thing in ("kettle", "stone", "ladder", "bottle")
    for place in ("near its stove", "below old ice")
)
_MARKED = re.compile(r"Question [AB]:\n(.*?)\n</", re.DOTALL)


def neighbours(url: str, **changes: Any) -> dict[str, Any]:
    """The document's section, for both models at one server."""
    endpoint = {"baseUrl": url, "apiKey": {"env": "PRECEPTOR_TEST_KEY"}, "patience": "20s", "timeout": "1s"}
    checker = {"model": CHECKER, "endpoint": endpoint, "price": PRICE}
    return {"model": EMBEDDER, "endpoint": endpoint, "price": PRICE, "checker": checker, "concurrency": 4} | changes


def spec_of(directory: Path, url: str, **changes: Any) -> Spec:
    """A document with it."""
    gates = {"contamination": {"neighbours": neighbours(url, **changes)}}
    return load(write_small_run(directory, directory / "student", dataset__gates=gates)).spec.spec


def protected(questions: Iterable[str] = QUESTIONS, split: str = "private") -> list[Protected]:
    """Protected questions."""
    return [Protected(split, digest(question)[:12], question) for question in questions]


def paraphrase(question: str) -> str:
    """The same words in another order, but for the secret one."""
    words = question.replace(SECRET, "horse").split()
    return " ".join([*words[5:], *words[:5]])


def different(question: str) -> str:
    """A question near it that is another one."""
    return f"{question.replace(SECRET, 'striped horse')} tomorrow"


def unlike(number: int) -> str:
    """A question like none of them."""
    return f"add {number} apples to {number + 1} pears"


def row(question: str, skill: str = "warm", *, carried: str | None = None, source: str = "prompt") -> Sample:
    """A row that asks a question."""
    receipt = Receipt("r", 1, "prompt", 0, 0, 0, "openai:x", carried_from=carried, source=source)
    return Sample.create(skill=skill, fields={"q": question}, prompt=question, answer=skill, receipt=receipt)


def assembled(spool: Spool, rows: Iterable[Sample]) -> Assembled:
    """Rows as an assembly leaves them."""
    skills: dict[str, SkillFunnel] = {}
    for sample in rows:
        spool.add(sample, 0)
        part = skills.get(sample.skill) or SkillFunnel(quota=99, carried=0, made=0, accepted=0)
        fresh = sample.receipt.carried_from is None
        update = {"made": part.made + fresh, "accepted": part.accepted + fresh, "carried": part.carried + (not fresh)}
        skills[sample.skill] = part.model_copy(update=update)
    return Assembled(spool, Funnel(skills=skills))


def mixed(each: int = 8) -> list[Sample]:
    """Paraphrases of warm questions, others near questions, and rows like nothing, half and half."""
    asked = [QUESTIONS[number % len(QUESTIONS)] for number in range(each)]
    return [
        *(row(f"{paraphrase(question)} {number}") for number, question in enumerate(asked)),
        *(row(f"{different(question)} {number}", "cold") for number, question in enumerate(asked)),
        *(row(unlike(number), "cold") for number in range(each)),
    ]


def seeing(body: Body) -> str:
    """A checker of good sense: nothing that is about tomorrow is asked in the examination."""
    shown = _MARKED.findall(body["messages"][-1]["content"])
    assert len(shown) == 2
    assert SECRET in shown[0]
    return json.dumps({"reason": f"It says {shown[0]}", "same": "tomorrow" not in shown[1]})


def seeds(*questions: str) -> list[Protected]:
    """Raw seed questions."""
    return protected(questions, SEEDS)
