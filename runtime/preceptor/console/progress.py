"""Progress of a run: a live line on a terminal, one line a step elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from preceptor.loop.events import (
    BASE,
    AnyEvent,
    AttemptFailed,
    ControlEnded,
    DatasetCommitted,
    DocumentChanged,
    IterationJudged,
    PrivateOpened,
    ProposalFailed,
    Published,
    RecipeDrafted,
    Reopened,
    RunStarted,
    SafeguardsTested,
    SearchEnded,
    SkillRemoved,
    StudentExamined,
    StudentTrained,
    SuiteExamined,
)
from preceptor.loop.state import RunState
from preceptor.recipes.amount import Amount
from preceptor.spec.document import Spec


def describe(event: AnyEvent) -> str:
    """An event in one line."""
    match event:
        case RunStarted():
            items = ", ".join(f"{n} {split}" for split, n in event.items.items())
            return f"started on {items} items"
        case DocumentChanged():
            return f"continues under a changed document: {'; '.join(event.changes)}"
        case SafeguardsTested():
            off = f"; off: {', '.join(event.off)}" if event.off else ""
            stopped, planted = sum(event.stopped.values()), sum(event.planted.values())
            return f"gates tested: {stopped} of {planted} planted rows stopped{off}"
        case StudentExamined():
            who = "untrained student" if event.subject == BASE else event.subject
            scores = ", ".join(
                f"{split} {score.value:.1%} (exact {score.exact:.1%})" for split, score in event.splits.items()
            )
            return f"examined {who}: {scores} in {event.seconds:.0f} s"
        case RecipeDrafted() | ProposalFailed() | DatasetCommitted() | AttemptFailed():
            return _attempted(event)
        case StudentTrained():
            loss = "" if event.first_loss is None else f", loss {event.first_loss:.2f} to {event.last_loss:.2f}"
            work = f"{event.steps} steps, {event.tokens} tokens{loss}"
            return f"trained {event.training} on {event.version}: {work} in {event.seconds:.0f} s"
        case PrivateOpened() | Reopened() | ControlEnded() | SuiteExamined() | SkillRemoved():
            return _compared(event)
        case IterationJudged():
            word = "new best" if event.best else "not better than the best"
            change = f"{100 * event.improvement:+.1f} points, standard error {100 * event.standard_error:.1f}"
            return f"iteration {event.attempt} on selection: {change}: {word}"
        case SearchEnded():
            return f"search ended: {event.detail or event.reason}"
        case Published():
            return f"published: {event.verdict.replace('-', ' ')}"


def _compared(event: PrivateOpened | Reopened | ControlEnded | SuiteExamined | SkillRemoved) -> str:
    """What came of a comparison."""
    match event:
        case PrivateOpened():
            others = f", after {', '.join(event.others)}" if event.others else ""
            return f"the private split is opened (reading {event.reading}{others})"
        case Reopened():
            return f"the search goes on: {'; '.join(event.changes)}"
        case ControlEnded():
            if event.skipped:
                return f"control {event.control} left out: {event.skipped}"
            scores = ", ".join(f"{score.value:.1%}" for score in event.scores)
            return f"control {event.control}: {scores} on {event.split} in {event.seconds:.0f} s"
        case SuiteExamined():
            after = ", ".join(f"{score.value:.1%}" for score in event.after)
            word = "worse" if event.dropped else "no loss shown"
            return f"{event.document}: {event.before.value:.1%} before, {after} after: {word}"
        case SkillRemoved():
            low, high = event.interval
            worth = f"{100 * event.worth:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})"
            return f"without the {event.rows} rows of {event.skill}: they are worth {worth} on {event.split}"


def _attempted(event: RecipeDrafted | ProposalFailed | DatasetCommitted | AttemptFailed) -> str:
    """What came of a proposal, or of carrying it out."""
    match event:
        case RecipeDrafted():
            quotas = ", ".join(f"{plan.skill} {plan.quota}" for plan in event.recipe.skills)
            card = f", after {event.card}" if event.card else ""
            price = _asked(event.expected).replace("; ", "; about ", 1)
            return f"attempt {event.attempt}, {event.operation}{card}: {event.recipe.rows} rows ({quotas}){price}"
        case ProposalFailed():
            return f"attempt {event.attempt}, {event.operation}: {event.reason}"
        case DatasetCommitted():
            rows = f"{event.rows} rows, {event.carried} carried over, {event.made} made"
            return f"dataset {event.version}: {rows} in {event.seconds:.0f} s{_asked(event.spent)}"
        case AttemptFailed():
            return f"attempt {event.attempt} failed: {event.reason}{_asked(event.spent)}"


def _asked(spent: dict[str, int]) -> str:
    """What asking a model used up, in words; nothing when nobody was asked."""
    amount = Amount.from_data(spent)
    if not amount.requests:
        return ""
    return f"; {amount.requests:,} requests, {amount.tokens:,} tokens, ${amount.usd:.2f}"


class _Bar:
    def __init__(self, progress: Progress, task: object) -> None:
        self._progress, self._task = progress, task

    def advance(self, done: int) -> None:
        self._progress.update(self._task, completed=done)  # type: ignore[arg-type]

    def spend(self, amount: Amount) -> None:
        pass


class _Silent:
    def advance(self, done: int) -> None:
        pass

    def spend(self, amount: Amount) -> None:
        pass


class ConsoleReporter:
    """Tells a person. Plain lines when the output is not a terminal, so that logs stay readable."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[_Bar | _Silent]:
        """See :class:`preceptor.loop.parts.Reporter`."""
        if not self._console.is_terminal:
            yield _Silent()
            return
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            yield _Bar(progress, progress.add_task(title, total=total))

    def begins(self, spec: Spec, state: RunState) -> None:
        """See :class:`preceptor.loop.parts.Audience`."""

    def happened(self, event: AnyEvent, within: str = "") -> None:
        """See :class:`preceptor.loop.parts.Reporter`."""
        minutes, seconds = divmod(int(event.elapsed), 60)
        prefix = f"{within}: " if within else ""
        self._console.print(
            f"{minutes:3d}:{seconds:02d}  {prefix}{describe(event)}", highlight=False, markup=False, soft_wrap=True
        )
