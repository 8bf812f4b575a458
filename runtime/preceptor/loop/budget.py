"""What a run may still use up, and whether another attempt fits into it. Pure, from the ledger alone.

Budgets are kept by leases while rows are made; here it is only decided whether to begin. What the smallest attempt
needs is bounded from below, so the search never ends while one might still fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import ceil
from typing import Literal

from preceptor.endpoints.messages import Usage
from preceptor.endpoints.meter import charge
from preceptor.loop.events import ProposalFailed, SearchEnded
from preceptor.loop.state import MENDS_IN_A_ROW, RunState
from preceptor.recipes.amount import PICODOLLARS, Amount, Limit
from preceptor.recipes.pricing import budget_limit
from preceptor.spec.actors import LLMEngineer, OpenAITeacher
from preceptor.spec.document import Budget, Spec
from preceptor.spec.endpoint import Price, Sampling

ROWS_PER_REQUEST = 32
"""Most rows that one request can ask for (``PromptSource.rows_per_request``)."""
_FEW = "too few for another version"


def left(spec: Spec, state: RunState) -> Limit:
    """What the run may still use up. ``requests`` are the teacher's; tokens and money are everybody's."""
    whole = spec.budget.model_copy(update={"teacher_requests_per_attempt": None})
    return budget_limit(whole, used(state))


def left_for_attempt(spec: Spec, state: RunState) -> Limit:
    """What the teacher may use up for the next attempt."""
    return budget_limit(spec.budget, used(state))


def used(state: RunState) -> Amount:
    """What counts towards the budget: all that was spent, but for the engineer's requests.

    Of the comparisons it is the teacher's own examination; those that search have a share of the budget to themselves.
    """
    ceiling = state.controls.get("ceiling")
    examined = Amount.from_data(ceiling.spent) if ceiling else Amount()
    return state.spent_on_teacher + replace(state.spent_on_engineer, requests=0) + examined


def out_of_budget(spec: Spec, state: RunState) -> SearchEnded | None:
    """Why no attempt fits any more, or ``None``."""
    rest = left(spec, state)
    rows = 1 if state.best else spec.dataset.minimum
    if rest.rows is not None and rest.rows < rows:
        detail = f"{rest.rows} of {spec.budget.rows} rows are left, too few for another version"
        return SearchEnded(reason="rows", detail=detail)
    for least in _least(spec, rows):
        if rest.requests is not None and rest.requests < least.requests:
            detail = f"{rest.requests} of {spec.budget.teacher_requests} teacher requests are left, {_FEW}"
            return SearchEnded(reason="teacherRequests", detail=detail)
        if rest.tokens is not None and rest.tokens < least.tokens:
            return SearchEnded(reason="tokens", detail=f"{rest.tokens} of {spec.budget.tokens} tokens are left, {_FEW}")
        if rest.picodollars is not None and rest.picodollars < least.picodollars:
            money = rest.picodollars / PICODOLLARS
            return SearchEnded(reason="usd", detail=f"${money:.4g} of ${spec.budget.usd:g} are left, {_FEW}")
    return _nothing_fitted(spec, state)


def _least(spec: Spec, rows: int) -> Iterator[Amount]:
    """The least that each part of an attempt sets aside before it sends its first request."""
    engineer, teacher = spec.engineer, spec.teacher
    if isinstance(engineer, LLMEngineer):
        yield _one_answer(engineer.sampling, engineer.price)
    if isinstance(teacher, OpenAITeacher) and not teacher.generators and teacher.pool is None:
        yield replace(_one_answer(teacher.sampling, teacher.price), requests=ceil(rows / ROWS_PER_REQUEST))


def _one_answer(sampling: Sampling, price: Price) -> Amount:
    """The worst case of a request without its prompt: an answer as long as it may get."""
    return replace(charge(Usage(prompt=0, completion=sampling.max_tokens), price), requests=0)


def _nothing_fitted(spec: Spec, state: RunState) -> SearchEnded | None:
    """The engineer could not even be asked, or several recipes in a row did not fit: the next will not either."""
    failures = [attempt.failure for attempt in state.attempts[-MENDS_IN_A_ROW:]]
    if failures and isinstance(failures[-1], ProposalFailed) and failures[-1].kind == "budget":
        detail = "what is left of the budget is less than a question to the engineer may cost"
    elif len(failures) == MENDS_IN_A_ROW and all(failure and failure.kind == "budget" for failure in failures):
        detail = f"the budget ended {len(failures)} attempts in a row before there were enough rows"
    else:
        return None
    return SearchEnded(reason=_tightest(spec.budget, used(state)), detail=detail)


def _tightest(budget: Budget, spent: Amount) -> Literal["teacherRequests", "tokens", "usd"]:
    """The limit of which the largest share is spent."""
    shares: dict[Literal["teacherRequests", "tokens", "usd"], float] = {"teacherRequests": 0.0}
    if budget.teacher_requests is not None:
        shares["teacherRequests"] = spent.requests / budget.teacher_requests
    if budget.tokens is not None:
        shares["tokens"] = spent.tokens / budget.tokens
    if budget.usd is not None:
        shares["usd"] = spent.usd / budget.usd
    return max(shares, key=lambda name: shares[name])
