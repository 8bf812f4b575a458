"""The engineer that plans with a language model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal

from preceptor.endpoints.messages import Answer, Correspondent, Message, Request
from preceptor.engineers.llm import briefing, prompts
from preceptor.engineers.llm.answer import InvalidError, UnreadableError, parse, split, typed
from preceptor.engineers.llm.cards import Card, choice, stale
from preceptor.engineers.llm.rules import Check, broken_rules
from preceptor.engineers.llm.schema import Schema, answer_schema, outline
from preceptor.engineers.llm.short import ROOM, short_form
from preceptor.engineers.observation import MAX_PROBLEMS, Observation
from preceptor.engineers.proposal import NoProposal, Outcome, Proposal, Stop
from preceptor.spec.actors import LLMEngineer as Config

TRIES = 3
"""Answers in a row that may be wrong before the proposal has failed."""
_LONGEST_QUOTE = 24_000  # characters of a wrong answer that are repeated to its author

Line = Callable[[Observation], AbstractAsyncContextManager[Correspondent]]
"""Opens a line to the model for one proposal."""


_WrongKind = Literal["cut-off", "unreadable", "invalid-recipe", "unanswered"]
_COUNTS_AS: Mapping[_WrongKind, Literal["unreadable", "invalid-recipe", "failed"]] = {
    "cut-off": "unreadable",
    "unreadable": "unreadable",
    "invalid-recipe": "invalid-recipe",
    "unanswered": "failed",
}


@dataclass(frozen=True)
class _Wrong:
    """Why an answer cannot be taken."""

    kind: _WrongKind
    problems: tuple[str, ...]


class LLMEngineer:
    """Asks a model for a recipe, and tells it what is wrong until the recipe can be carried out."""

    def __init__(self, config: Config, line: Line, check: Check) -> None:
        """``check`` says why a recipe cannot be carried out."""
        self._config = config
        self._line = line
        self._check = check

    def propose(self, observation: Observation) -> Outcome:
        """See :class:`preceptor.engineers.proposal.Proposer`.

        The same observation asks the same questions in the same order, so answers that are on record are not paid for
        again. Raises what the line raises.
        """
        if not observation.teacher.sources or not observation.labels:
            return Stop("the teacher has nothing that a recipe could use")
        return asyncio.run(self._proposed(observation))

    async def _proposed(self, observation: Observation) -> Outcome:
        talk = _Talk(self._config, observation, self._check)
        async with self._line(observation) as correspondent:
            wrong = _Wrong("unanswered", ())
            for turn in range(1, TRIES + 1):
                answer = await correspondent.ask(talk.request(turn))
                if answer.failure == "budget":
                    return NoProposal("budget", ("the budget leaves no room for the question",), talk.prompts)
                if answer.failure == "rejected":
                    return NoProposal("failed", ("the endpoint does not answer this question",), talk.prompts)
                outcome = talk.take(answer)
                if not isinstance(outcome, _Wrong):
                    return outcome
                wrong = outcome
        return NoProposal(_COUNTS_AS[wrong.kind], wrong.problems, talk.prompts)


class _Talk:
    """The conversation about one proposal."""

    def __init__(self, config: Config, observation: Observation, check: Check) -> None:
        self._config = config
        self._observation = observation
        self._check = check
        self._labels = briefing.labels(observation)
        self._cards = choice(observation)
        self._may_stop = any(past.examined for past in observation.past)
        tokens = config.sampling.max_tokens
        self._simple = short_form(observation, self._labels, self._cards, cap=config.cap, tokens=tokens)
        self._short = self._simple if tokens < ROOM else None
        self._wrong: list[_WrongKind] = []
        short = self._short
        shown = [card for card in self._cards if card.id == short.card] if short else self._cards
        fields = briefing.briefing(observation, shown, may_stop=self._may_stop and short is None)
        fields["short"] = short is not None
        self._messages: list[Message] = [
            {"role": "system", "content": prompts.render("system", self._frame())},
            {"role": "user", "content": prompts.render("proposal", fields)},
        ]
        self.prompts = _digests(self._cards)
        """Digest of every file that was read to the model."""

    def request(self, turn: int) -> Request:
        """The question, or the last answer with what is wrong with it; the place depends on nothing else."""
        observation, sampling = self._observation, self._config.sampling
        full = self._answer_schema(self._labels, briefing.generators(observation))
        return Request(
            model=self._config.model,
            messages=tuple(self._messages),
            max_tokens=sampling.max_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            schema=self._short.schema if self._short else full,
            place=f"engineer/{observation.attempt}/{observation.operation}/{turn}",
        )

    def take(self, answer: Answer) -> Proposal | Stop | _Wrong:
        """What an answer proposes; what is wrong with it becomes part of the conversation."""
        wrong = _Wrong("unreadable", ("the answer is empty",))
        if answer.failure in ("timeout", "lost"):
            return _Wrong("unanswered", (f"no answer arrived ({answer.failure})",))
        if answer.failure == "cut-off":
            wrong = _Wrong("cut-off", (f"the answer was cut off at {self._config.sampling.max_tokens} tokens",))
        elif answer.failure == "refused":
            wrong = _Wrong("unreadable", ("the model refused to answer",))
        elif answer.failure != "empty":
            try:
                return self._read(answer)
            except UnreadableError as error:
                wrong = _Wrong("unreadable", (str(error),))
            except InvalidError as error:
                wrong = _Wrong("invalid-recipe", error.problems[:MAX_PROBLEMS])
        self._tell(answer, wrong)
        return wrong

    def _read(self, answer: Answer) -> Proposal | Stop:
        value = answer.value if answer.value is not None and answer.failure is None else parse(answer.text)
        reply = split(value)
        if reply.stop is not None:
            if not self._may_stop:
                raise InvalidError("stop: there is no version yet to stop with; write null and give a recipe")
            return Stop(reply.stop[:1000], self.prompts)
        assert reply.recipe is not None
        best = self._observation.best
        recipe = typed(reply.recipe, best.version if best else None)
        broken = [*broken_rules(recipe, reply.card, self._labels, self._cards, self._observation)]
        if problems := list(dict.fromkeys([*broken, *self._check(recipe, self._observation)])):
            raise InvalidError(*problems)
        card = next((card for card in self._cards if card.id == reply.card), None)
        if card is not None:
            recipe = recipe.model_copy(update={"method": card.method})
        return Proposal(recipe, reply.card, self.prompts)

    def _tell(self, answer: Answer, wrong: _Wrong) -> None:
        """Say what is wrong. Who runs on or cannot be read, or has one try left, is asked for the short form."""
        self._wrong.append(wrong.kind)
        simpler = self._short is None and (wrong.kind in ("cut-off", "unreadable") or len(self._wrong) == TRIES - 1)
        if simpler:
            self._short = self._simple
        fields = {
            "outline": outline(self._short.pattern) if simpler and self._short else "",
            "kind": wrong.kind,
            "problems": briefing.problem_lines(wrong.problems),
            "max_tokens": self._config.sampling.max_tokens,
        }
        said = answer.text.encode("utf-8", "replace").decode()[:_LONGEST_QUOTE]
        self._messages += [
            {"role": "assistant", "content": said or "(nothing)"},
            {"role": "user", "content": prompts.render("invalid", fields)},
        ]

    def _frame(self) -> dict[str, Any]:
        """The fields of the prompt ``system``."""
        observation, teacher, short = self._observation, self._observation.teacher, self._short
        # Labels and names come from data sets: the outline shows placeholders, the labels stand in a quotation.
        schema = short.pattern if short else self._answer_schema(("LABEL",), ("NAME",))
        return {
            "minimum": observation.minimum,
            "size": observation.size,
            "cap": f"{self._config.cap:.0%}",
            "sources": list(short.kinds if short else teacher.sources),
            "validators": [] if short else list(teacher.validators),
            "seeds": teacher.seeds,
            "best": observation.best is not None,
            "short": short is not None,
            "outline": outline(schema),
        }

    def _answer_schema(self, labels: tuple[str, ...], generators: tuple[str, ...]) -> Schema:
        observation = self._observation
        return answer_schema(
            skills=labels,
            sources=observation.teacher.sources,
            validators=observation.teacher.validators,
            generators=generators,
            cards=[card.id for card in self._cards],
            rows=(observation.minimum, observation.size),
            carry_over=observation.best is not None,
            must_use_card=stale(observation),
            may_stop=self._may_stop,
        )


def _digests(cards: tuple[Card, ...]) -> dict[str, str]:
    files = prompts.digests("system", "proposal", "invalid")
    return files | {f"cards/{card.id}": card.digest for card in cards}
