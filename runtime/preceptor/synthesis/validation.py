"""Checks rows that a model wrote: their length, a judge's rating, independent solutions of their questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from preceptor.endpoints.messages import Answer
from preceptor.errors import TaskError
from preceptor.recipes.sample import Sample
from preceptor.spec.recipe import AgreementValidator, JudgeValidator, LengthValidator
from preceptor.synthesis.checks import Check
from preceptor.synthesis.inquiry import Costs, Inquiry, said, together
from preceptor.synthesis.requests import Asking
from preceptor.tasks.items import Item
from preceptor.tasks.scorers import Scorer

DISAGREEMENT = "disagreement"
"""Reason given to a row whose question others answer differently."""
JUDGE = "judge"
"""Reason given to a row that was rated below the threshold."""
JUDGE_UNREADABLE = "judge-unreadable"
"""Reason given to a row whose rating could not be read."""
TOO_SHORT, TOO_LONG_ANSWER = "too-short", "too-long-answer"
"""Reasons given to a row whose answer has another length than the recipe wants."""


class Validation:
    """Applies checks to rows of one unit."""

    def __init__(self, checks: Sequence[Check], asking: Asking, scorer: Scorer, inquiry: Inquiry) -> None:
        self._checks = tuple(checks)
        self.kinds = tuple(dict.fromkeys(check.validator.kind for check in checks))
        """Kinds of the validators that a row which passes has passed, in their order."""
        self._asking = asking
        self._scorer = scorer
        self._inquiry = inquiry

    async def verdict(self, sample: Sample, row: int) -> tuple[str | None, Costs]:
        """Why the row is dropped, ``None`` when it passes every check, and what asking came to."""
        costs = Costs()
        for check in self._checks:
            match check.validator:
                case LengthValidator() as validator:
                    reason = _length(validator, sample.answer)
                case JudgeValidator() as validator:
                    reason, asked = await self._judge(validator, check, sample, row)
                    costs = costs + asked
                case AgreementValidator():
                    reason, asked = await self._agreement(check, sample, row)
                    costs = costs + asked
            if reason is not None:
                return reason, costs
        return None, costs

    async def _judge(
        self, validator: JudgeValidator, check: Check, sample: Sample, row: int
    ) -> tuple[str | None, Costs]:
        request = self._asking.judge(validator, sample)
        reply = await self._inquiry.ask(request, row, check.role, usable=lambda answer: _rating(answer) is not None)
        if reply.answer.failure is not None:
            failure = reply.answer.failure
            return JUDGE_UNREADABLE if failure == "malformed" else failure, reply.costs
        rating = _rating(reply.answer)
        assert rating is not None, "an answer without one is malformed"
        return (None if rating >= validator.threshold else JUDGE), reply.costs

    async def _agreement(self, check: Check, sample: Sample, row: int) -> tuple[str | None, Costs]:
        """Ask for as many solutions at once as are still needed, until the outcome is decided.

        Solutions that failed count as none; when they alone decided the outcome, the first failure is the reason.
        """
        assert isinstance(check.validator, AgreementValidator)
        item = as_item(sample, self._scorer)
        if item is None:
            return "unreadable", Costs()
        request = self._asking.solve(sample.prompt, temperature=check.validator.temperature)
        costs, asked, agreed, failures = Costs(), 0, 0, []
        while agreed < check.needed and check.needed - agreed <= check.solutions - asked:
            wave = range(asked, asked + check.needed - agreed)
            replies = await together(self._inquiry.ask(request, row, f"{check.role}.{place}") for place in wave)
            asked = wave.stop
            for reply in replies:
                costs = costs + reply.costs
                if reply.answer.failure is not None:
                    failures.append(reply.answer.failure)
                elif self._scorer.score(item, said(reply.answer)).correct:
                    agreed += 1
        if agreed >= check.needed:
            return None, costs
        return (failures[0] if agreed + len(failures) >= check.needed else DISAGREEMENT), costs


def _length(validator: LengthValidator, answer: str) -> str | None:
    if len(answer) < validator.minimum:
        return TOO_SHORT
    return TOO_LONG_ANSWER if validator.maximum is not None and len(answer) > validator.maximum else None


def _rating(answer: Answer) -> int | None:
    """The rating in a judge's answer, from 1 to 5."""
    value: Any = answer.value.get("rating") if isinstance(answer.value, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 5 else None


def as_item(sample: Sample, scorer: Scorer) -> Item | None:
    """The row as an examination item whose reference is the result in its answer; ``None`` when there is none.

    Of an answer with its working, only the result is compared; where the scorer would not take that for the answer's
    own, as when order and layout count, the whole answer is.
    """
    whole = Item(sample.id, sample.fields, sample.prompt, sample.answer, sample.skill, sample.id)
    try:
        extracted = scorer.score(whole, sample.answer).extracted
        if extracted is None:
            return None
        item = Item(sample.id, sample.fields, sample.prompt, extracted, sample.skill, sample.id)
        return item if scorer.score(item, sample.answer).correct else whole
    except TaskError:
        return None
