"""How many proposals of a small local model are valid recipes, and what is wrong with the others.

    PYTHONPATH=tests .venv/bin/python tests/benchmarks/engineer_validity.py [--seeds 8] [--verbose]

SmolLM2-135M-Instruct behind llama.cpp plans as ``engineer.kind: llm``, with the prompts, the schema and the checks of a
run, in three situations: the first recipe for one skill, the first for two, and an improvement on a best version. Every
seed is one proposal in each: up to three answers, each told what was wrong with the one before. Prints a table; with
``--verbose`` every answer and what was wrong with it. To compare with another state of the code, put its ``runtime``
first in ``PYTHONPATH``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from preceptor.endpoints.client import Client
from preceptor.endpoints.messages import Answer, Request
from preceptor.engineers.llm.engineer import LLMEngineer
from preceptor.engineers.llm.rules import document_check
from preceptor.engineers.observation import BestView, Example, FailedCase, Observation, TaskView
from preceptor.engineers.proposal import NoProposal, Proposal
from preceptor.spec.actors import LLMEngineer as Config
from preceptor.spec.endpoint import Endpoint
from support.llama import MODEL, LlamaServer, serve_llama
from support.observations import fresh, improving
from support.payments import spec

SUMS = TaskView(
    description="Sums of two small whole numbers.",
    prompt="{{ q }}",
    columns=("q",),
    scorer="Right when the answer is equal to the reference.",
)


def wrong(skill: str, count: int) -> tuple[FailedCase, ...]:
    """Failed feedback cases."""
    return tuple(
        FailedCase(skill=skill, prompt=f"What is {n} + 1?", reference=str(n + 1), output="warm", value=0)
        for n in range(10, 10 + count)
    )


SITUATIONS: dict[str, Callable[[], Observation]] = {
    "one skill": lambda: fresh(labels=("sums",), skills={}, task=SUMS, failures=wrong("sums", 4), size=8, minimum=2),
    "two skills": lambda: fresh(size=8, minimum=2),
    "improve": lambda: improving(
        size=8,
        minimum=2,
        best=BestView(
            version="v1", attempt=1, skills={"letter": 4, "chat": 4}, samples=(Example(prompt="q", answer="a"),)
        ),
        failures=wrong("letter", 2),
    ),
}


@dataclass
class Heard:
    """A line to the model that keeps what was said."""

    client: Client
    """Where it leads."""
    answers: list[Answer] = field(default_factory=list)
    """What the model said."""
    complaints: list[str] = field(default_factory=list)
    """What it was told about that."""

    async def ask(self, request: Request) -> Answer:
        """Pass the question on."""
        if len(request.messages) > 2:
            self.complaints.append(request.messages[-1]["content"])
        answer = (await self.client.send(request)).answer
        self.answers.append(answer)
        return answer


@dataclass
class Figures:
    """What came of one situation's proposals."""

    proposals: int = 0
    """Proposals asked for."""
    valid: int = 0
    """Those that are recipes."""
    at_once: int = 0
    """Those whose first answer was one."""
    answers: int = 0
    """Answers of all proposals."""
    tokens: int = 0
    """Tokens of all answers."""
    seconds: float = 0.0
    """Time for all proposals."""
    why_not: Counter[str] = field(default_factory=Counter)
    """What was wrong with answers."""

    def row(self, name: str) -> str:
        """A line of the table."""
        why = ", ".join(f"{kind} {count}" for kind, count in self.why_not.most_common())
        return (
            f"| {name} | {self.proposals} | {self.valid} | {self.at_once} | {self.answers} "
            f"| {self.tokens / max(1, self.answers):.0f} | {self.seconds / max(1, self.proposals):.1f} | {why} |"
        )


DOCUMENT = spec(
    engineer={"kind": "llm", "model": MODEL},
    teacher={"kind": "openai", "model": MODEL},
    dataset={"size": 8, "minimum": 2},
)


def propose(server: LlamaServer, name: str, seed: int, arguments: argparse.Namespace, figures: Figures) -> None:
    """One proposal."""
    extra = {"seed": seed, "repeat_penalty": arguments.penalty, "repeat_last_n": 256}
    endpoint = Endpoint.model_validate({"base_url": server.url, "timeout": 300.0, "extra_body": extra})
    sampling = {"max_tokens": arguments.max_tokens, "temperature": arguments.temperature}
    config = Config.model_validate({"kind": "llm", "model": MODEL, "sampling": sampling})
    heard: list[Heard] = []

    @asynccontextmanager
    async def line(_: Observation) -> AsyncIterator[Heard]:
        async with Client(endpoint, concurrency=1) as client:
            heard.append(Heard(client))
            yield heard[-1]

    started = time.monotonic()
    outcome = LLMEngineer(config, line, document_check(DOCUMENT)).propose(SITUATIONS[name]())
    figures.seconds += time.monotonic() - started
    said = heard[0]
    figures.proposals += 1
    figures.answers += len(said.answers)
    figures.tokens += sum(answer.usage.completion for answer in said.answers)
    figures.valid += isinstance(outcome, Proposal)
    figures.at_once += isinstance(outcome, Proposal) and len(said.answers) == 1
    for answer in said.answers if isinstance(outcome, NoProposal) else said.answers[:-1]:
        figures.why_not[answer.failure or "invalid"] += 1
    if arguments.verbose:
        tell(f"=== {name}, seed {seed}: {type(outcome).__name__}")
        complaints = [*said.complaints, "\n".join(outcome.problems) if isinstance(outcome, NoProposal) else ""]
        for answer, complaint in zip(said.answers, complaints, strict=False):
            tell(f"--- {answer.failure or 'whole'} {answer.usage}\n{answer.text}\n>>> {complaint}")
        if isinstance(outcome, Proposal):
            tell(json.dumps(outcome.recipe.model_dump(mode="json", by_alias=True), ensure_ascii=False))


def tell(line: str) -> None:
    """Print at once."""
    print(line, flush=True)  # noqa: T201 - what the script is for


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8, help="proposals in each situation")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--situation", choices=SITUATIONS, action="append")
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--penalty", type=float, default=1.15, help="against repetition; 1 is none")
    parser.add_argument("--max-tokens", type=int, default=768)
    parser.add_argument("--verbose", action="store_true", help="print every answer")
    arguments = parser.parse_args()
    rows: dict[str, Figures] = {}
    with serve_llama(slots=1, context=12_288, threads=2) as server:
        for name in arguments.situation or SITUATIONS:
            rows[name] = Figures()
            for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
                propose(server, name, seed, arguments, rows[name])
    tell(
        "| situation | proposals | valid | at once | answers | tokens an answer | seconds a proposal | wrong answers |"
    )
    tell("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, figures in rows.items():
        tell(figures.row(name))


if __name__ == "__main__":
    main()
