"""A teacher that adds: answers whatever the runtime asks about sums, and fails in every way on demand.

Its answers follow from the request alone, as those of a log do, so whoever asks the same is told the same.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from preceptor.endpoints.messages import Answer, Failure, Request, Usage
from preceptor.endpoints.meter import Lease, bound_tokens, charge, worst_case
from preceptor.recipes.amount import Amount
from preceptor.spec.document import Spec
from preceptor.spec.endpoint import Price
from preceptor.spec.recipe import Recipe
from preceptor.synthesis.context import UnitContext
from preceptor.synthesis.costs import UnitCosts
from preceptor.synthesis.units import Unit
from support.payments import spec as whole_spec

PRICE = Price(input=0.15, output=0.6)
TEACHER: dict[str, Any] = {
    "kind": "openai",
    "model": "adder",
    "concurrency": 8,
    "sampling": {"maxTokens": 200},
    "price": {"input": 0.15, "output": 0.6},
}
TASK: dict[str, Any] = {
    "description": "Sums of two numbers.",
    "prompt": "{{ question }}",
    "scorer": {"kind": "numeric"},
    "items": {"uri": "items.jsonl", "answer": "{{ answer }}", "skill": "{{ skill }}"},
    "seeds": {"uri": "seeds.jsonl"},
    "splits": {"feedback": 0.25, "selection": 0.25, "private": 0.5},
}
WRITE: dict[str, Any] = {
    "kind": "prompt",
    "template": "Write a sum about {{ topic }} for {{ skill }}.",
    "variables": {"topic": {"kind": "category", "of": ["apples", "pears", "plums"]}},
}
FAILURES: tuple[Failure, ...] = get_args(Failure)

_SUM = re.compile(r"(\d+) \+ (\d+)")


def spec(**changes: Any) -> Spec:
    """A document whose teacher adds; ``changes`` replace its sections, ``teacher`` and ``task`` key by key."""
    teacher = TEACHER | changes.pop("teacher", {})
    task = TASK | changes.pop("task", {})
    engineer = {"kind": "llm", "model": "planner", "cap": 1.0}
    return whole_spec(**{"teacher": teacher, "task": task, "engineer": engineer} | changes)


def recipe(*sources: Mapping[str, Any], quota: int = 40, **changes: Any) -> Recipe:
    """A recipe for one skill, ``sums``."""
    skills = [{"skill": "sums", "quota": quota, "sources": list(sources) or [WRITE]}]
    return Recipe.model_validate({"skills": skills} | changes)


@dataclass
class Adder:
    """Answers requests about sums."""

    failing: Mapping[str, float] = field(default_factory=dict)
    """Share of requests that fail, by kind of failure; each kind of :data:`FAILURES` or ``wrong`` for a wrong sum."""
    rating: int | None = 5
    """What it thinks of rows as a judge; ``None`` when it cannot say it in JSON."""
    lease: Lease | None = None
    """What it may use up. It has to be enough: a request that it does not cover is an error of the test."""
    asked: list[Request] = field(default_factory=list)
    """Every request, in the order of asking."""

    async def ask(self, request: Request) -> Answer:
        """Answer; see :class:`preceptor.endpoints.messages.Correspondent`."""
        self.asked.append(request)
        chance = random.Random(request.digest)
        kind = self._kind(chance)
        answer = self._fail(request, kind) if kind in FAILURES else self._answer(request, chance, wrong=kind == "wrong")
        if self.lease is not None:
            worst = worst_case(request, PRICE)
            assert self.lease.reserve(worst), f"{request.place} is not covered"
            used = Amount() if answer.failure in ("budget", "rejected") else charge(answer.usage, PRICE)
            assert used.within(worst)
            self.lease.settle(worst, used)
        return answer

    @property
    def digests(self) -> Counter[str]:
        """How often each request was asked."""
        return Counter(request.digest for request in self.asked)

    def _kind(self, chance: random.Random) -> str:
        drawn = chance.random()
        for kind, share in self.failing.items():
            drawn -= share
            if drawn < 0:
                return kind
        return ""

    def _fail(self, request: Request, kind: str) -> Answer:
        sent = 0 if kind in ("budget", "rejected") else 1
        usage = Usage(bound_tokens(request) * sent, request.max_tokens * sent)
        return Answer(text="{", failure=kind, usage=usage, model="adder-1")  # type: ignore[arg-type]

    def _answer(self, request: Request, chance: random.Random, *, wrong: bool) -> Answer:
        value: Any = None
        if request.schema is None:
            text = f"Let me add. The sum is \\boxed{{{_sum(request) + wrong}}}."
        elif "rating" in request.schema["properties"]:
            value = {"reason": "It is a sum.", "rating": self.rating} if self.rating is not None else {"rating": "good"}
            text = json.dumps(value)
        else:
            rows = [self._row(chance, wrong) for _ in range(request.schema["properties"]["rows"]["maxItems"])]
            value = {"rows": rows}
            text = json.dumps(value)
        usage = Usage(prompt=len(str(request.messages)) // 5, completion=len(text) // 4 + 1)
        return Answer(text=text, failure=None, usage=usage, model="adder-1", value=value)

    def _row(self, chance: random.Random, wrong: bool) -> dict[str, str]:
        left, right = chance.randint(1, 10**6), chance.randint(1, 10**6)
        return {"question": f"What is {left} + {right}?", "answer": f"It is \\boxed{{{left + right + wrong}}}."}


def leased(adder: Adder, document: Spec, plan: Recipe, unit: Unit, context: UnitContext | None = None) -> Adder:
    """The adder under a lease of exactly the unit's worst case."""
    adder.lease = Lease(UnitCosts(document, plan, context or UnitContext()).worst(unit))
    return adder


def _sum(request: Request) -> int:
    found = _SUM.search(request.messages[-1]["content"])
    assert found is not None, request.messages[-1]["content"]
    return int(found[1]) + int(found[2])
