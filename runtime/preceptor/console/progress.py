"""Progress of a run: lines that move on a terminal, one line an event elsewhere."""

from __future__ import annotations

import time
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from preceptor.console.standing import RunStatus, overall_lines, run_status, stage_figures, stage_line
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
from preceptor.loop.telling import Clock, Follower
from preceptor.printable import printable
from preceptor.recipes.amount import Amount
from preceptor.spec.document import Spec

PLAIN_SECONDS = 60.0
"""Without a terminal, a long step is told of no more often than this."""
REFRESHES = 4
"""Pictures a second on a terminal."""
BAR = 30
"""Width of a bar, in characters."""


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


class ConsoleReporter(Follower):
    """Tells a person. Plain lines when the output is not a terminal, so that logs stay readable.

    Use it in a ``with`` block: on a terminal, the last lines of the screen are the run's until it ends.
    """

    def __init__(self, console: Console, *, now: Clock = time.monotonic) -> None:
        super().__init__(now=now)
        self._console = console
        self._spec: Spec | None = None
        self._told = now()
        self._draws = console.is_terminal and not console.is_dumb_terminal
        self._live: Live | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def begins(self, spec: Spec, state: RunState) -> None:
        """See :class:`preceptor.loop.parts.Audience`."""
        super().begins(spec, state)
        self._spec = spec
        if self._draws:
            self._live = Live(
                get_renderable=self.picture, console=self._console, refresh_per_second=REFRESHES, transient=True
            )
            self._live.start()

    def happened(self, event: AnyEvent, within: str = "") -> None:
        """See :class:`preceptor.loop.parts.Reporter`."""
        super().happened(event, within)
        self._say(event.elapsed, f"{within}: {describe(event)}" if within else describe(event))

    def changed(self) -> None:
        """See :class:`preceptor.loop.telling.Follower`."""
        self._told = self._now()
        if self._live is not None:
            self._live.refresh()

    def advanced(self) -> None:
        """See :class:`preceptor.loop.telling.Follower`: now and then a line, where nothing moves on the screen."""
        if self._draws or self._now() - self._told < PLAIN_SECONDS:
            return
        self._told = self._now()
        standing = self.standing()
        if standing.stage is not None:
            self._say(standing.elapsed, stage_line(standing.stage))

    def picture(self) -> RenderableType:
        """What the last lines of the screen show."""
        return live_picture(run_status("", self._spec, self.standing()), self._now())

    def _say(self, elapsed: float, text: str) -> None:
        self._console.print(event_line(elapsed, text), highlight=False, markup=False, soft_wrap=True)


def event_line(elapsed: float, text: str) -> str:
    """A line of what happened, with the time drivers had been active by then; fit for a terminal."""
    minutes, seconds = divmod(int(elapsed), 60)
    return f"{minutes:3d}:{seconds:02d}  {printable(text)}"


def live_picture(status: RunStatus, moment: float) -> RenderableType:
    """Where a run stands, as drawn again and again; ``moment``, in seconds, turns the spinner."""
    parts: list[RenderableType] = [Text(line, style="dim") for line in overall_lines(status)]
    stage = status.stage
    if stage is not None:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True, overflow="ellipsis")
        grid.add_row(Spinner("dots").render(moment), Text(printable(stage.title), style="bold"))
        parts.append(grid)
        figures = ", ".join(stage_figures(stage))
        if stage.total:
            bar = Table.grid(padding=(0, 1))
            bar.add_row(
                "",
                ProgressBar(total=stage.total, completed=stage.done, width=BAR),
                f"{stage.done:,} of {stage.total:,}",
            )
            parts.append(bar)
        parts.append(Text(f"  {figures}", style="dim"))
    return Group(*parts)
