"""What a run may still use up, and whether another attempt fits into it. Pure, from the ledger alone.

Budgets are kept by leases while rows are made; here it is only decided whether to begin. What the smallest attempt
needs is bounded from below, so the search never ends while one might still fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from preceptor.spec.evaluation import ControlName

ROWS_PER_REQUEST = 32
"""Most rows that one request can ask for (``PromptSource.rows_per_request``)."""
_FEW = "too few for another version"


ARMS: tuple[ControlName, ...] = ("oneShot", "heuristic", "distillation")
"""Comparisons that search, and so have a budget: each may use up as much as the search."""


def arms(spec: Spec) -> tuple[ControlName, ...]:
    """Those of :data:`ARMS` that the document wants."""
    asked = spec.evaluation.controls
    wanted: dict[ControlName, bool] = {
        "oneShot": asked.one_shot,
        "heuristic": asked.heuristic,
        "distillation": asked.distillation,
    }
    return tuple(name for name in ARMS if wanted[name])


def share(spec: Spec, state: RunState) -> Limit:
    """What the search may use up in all, so that every comparison that searches may use up as much.

    With k of them that is one part in k + 1 of what the comparisons that are over, such as the teacher's own
    examination, left of the document's budget. Of rows k counts all; of requests, tokens and money those that can
    ask anybody.
    """
    rest = whole(spec) - _compared(state)
    return _part(rest, 1 + len(arms(spec)), 1 + _asking(spec, arms(spec)))


def left(spec: Spec, state: RunState) -> Limit:
    """What the search may still use up. ``requests`` are the teacher's; tokens and money are everybody's."""
    return share(spec, state) - used(state)


def left_for_attempt(spec: Spec, state: RunState) -> Limit:
    """What the teacher may use up for the next attempt."""
    return left(spec, state) & Limit(requests=spec.budget.teacher_requests_per_attempt)


def left_for_arm(spec: Spec, state: RunState, name: ControlName) -> Limit:
    """What a comparison that searches may use up: as much as the search might, and no more than its part of the rest.

    The rest is smaller than that only when a search went on again (``--again``) under a budget that grew too little.
    What cannot be used up has no limit.
    """
    wanted = arms(spec)
    waiting = [arm for arm in wanted if arm not in state.controls]
    over = sum((_of_arm(state, arm) for arm in wanted if arm in state.controls), Amount())
    before = whole(spec) - (_compared(state) - over)
    equal = _part(before, 1 + len(wanted), 1 + _asking(spec, wanted))
    rest = whole(spec) - _compared(state) - used(state)
    most = equal & _part(rest, max(1, len(waiting)), max(1, _asking(spec, waiting)))
    return most if may_ask(spec, name) else Limit(rows=most.rows)


def _of_arm(state: RunState, name: ControlName) -> Amount:
    """What a comparison that is over has used up of the budget."""
    event = state.controls[name]
    return replace(Amount.from_data(event.spent), rows=event.made) - Amount(requests=event.planned_with)


def used(state: RunState) -> Amount:
    """What the search has used up of the budget: all that was spent on it, but for the engineer's requests."""
    return state.spent_on_teacher + replace(state.spent_on_engineer, requests=0)


def _compared(state: RunState) -> Amount:
    """What comparisons have used up of the budget."""
    return state.spent_on_controls - Amount(requests=state.planned_for_controls)


def whole(spec: Spec) -> Limit:
    """The document's budget, of which comparisons have their part too."""
    return budget_limit(spec.budget.model_copy(update={"teacher_requests_per_attempt": None}), Amount())


def _part(rest: Limit, rows: int, asked: int) -> Limit:
    """One part in ``rows`` of the rows, one in ``asked`` of everything else."""
    return Limit(
        rows=None if rest.rows is None else rest.rows // rows,
        requests=None if rest.requests is None else rest.requests // asked,
        tokens=None if rest.tokens is None else rest.tokens // asked,
        picodollars=None if rest.picodollars is None else rest.picodollars // asked,
    )


def _asking(spec: Spec, names: Sequence[ControlName]) -> int:
    return sum(may_ask(spec, name) for name in names)


def may_ask(spec: Spec, name: ControlName) -> bool:
    """Whether one of :data:`ARMS` may ask a model: generators ask nobody, and `heuristic` plans with nothing else."""
    return name != "heuristic" or spec.dataset.gates.contamination.neighbours is not None


def out_of_budget(spec: Spec, state: RunState) -> SearchEnded | None:
    """Why no attempt fits any more, or ``None``."""
    rest, most = left(spec, state), share(spec, state)
    whose = " that are the search's share" if arms(spec) else ""
    rows = 1 if state.best else spec.dataset.minimum
    if rest.rows is not None and rest.rows < rows:
        return SearchEnded(reason="rows", detail=f"{rest.rows} of {most.rows} rows{whose} are left, {_FEW}")
    for least in _least(spec, rows):
        if rest.requests is not None and rest.requests < least.requests:
            detail = f"{rest.requests} of {most.requests} teacher requests{whose} are left, {_FEW}"
            return SearchEnded(reason="teacherRequests", detail=detail)
        if rest.tokens is not None and rest.tokens < least.tokens:
            return SearchEnded(reason="tokens", detail=f"{rest.tokens} of {most.tokens} tokens{whose} are left, {_FEW}")
        if rest.picodollars is not None and rest.picodollars < least.picodollars:
            assert most.picodollars is not None
            money = f"${rest.picodollars / PICODOLLARS:.4g} of ${most.picodollars / PICODOLLARS:g}"
            return SearchEnded(reason="usd", detail=f"{money}{whose} are left, {_FEW}")
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
