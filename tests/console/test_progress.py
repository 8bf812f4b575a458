"""What a person sees of a run as it goes, drawn to a terminal that keeps it and to a file."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from preceptor.console.progress import ConsoleReporter
from preceptor.loop.events import AnyEvent, AttemptFailed, RunStarted
from preceptor.loop.state import fold
from preceptor.loop.telling import Both
from preceptor.recipes.amount import PICODOLLARS, Amount
from preceptor.spec.document import Spec, Specialization
from support.history import history, started
from support.silent import SilentReporter


class FakeTime:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def spec(first: AnyEvent) -> Spec:
    assert isinstance(first, RunStarted)
    return Specialization.model_validate(first.document).spec


def plain() -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    return Console(file=written, width=80), written


def drawn(reporter: ConsoleReporter, width: int) -> str:
    """The picture as a terminal of this width shows it, colours left out."""
    console = Console(file=io.StringIO(), record=True, width=width, force_terminal=True)
    console.print(reporter.picture())
    return console.export_text()


def test_without_a_terminal_each_event_is_a_line_and_long_steps_a_line_a_minute() -> None:
    clock = FakeTime()
    console, written = plain()
    events = history()
    with ConsoleReporter(console, now=clock) as reporter:
        reporter.begins(spec(events[0]), fold(events[:2]))
        with reporter.stage("train the student", 600) as stage:
            for done in range(1, 601):
                clock.now += 0.5
                stage.advance(done)
        reporter.happened(events[2])
        with reporter.stage("examine", 10) as stage:
            clock.now += 59
            stage.advance(5)
    lines = written.getvalue().splitlines()
    assert len(lines) == 6, "300 s are five minutes, the fifth of them ends the step; the short step is silent"
    assert lines[0] == "  1:00  train the student: 120 of 600, 60 s so far, 2.0 a second, about 4 min left"
    assert lines[-1].startswith("  0:20  examined untrained student")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", written.getvalue())


def working(width: int) -> str:
    clock = FakeTime()
    events = history(started(budget__teacherRequests=5000, budget__usd=40.0))
    reporter = ConsoleReporter(Console(file=io.StringIO(), width=width), now=clock)
    judged = next(place for place, event in enumerate(events) if event.type == "iteration-judged")
    reporter.begins(spec(events[0]), fold(events[: judged + 2]))
    with reporter.stage("generate rows for attempt 2", 400) as stage:
        clock.now += 10
        stage.advance(100)
        clock.now += 20
        stage.advance(200)
        stage.spend(Amount(rows=250, requests=30, tokens=9000, picodollars=PICODOLLARS // 2))
        return drawn(reporter, width)


def test_the_picture_tells_of_step_totals_best_and_time() -> None:
    picture = " ".join(working(120).split())
    assert "searching: 1 of at most 2 iterations done" in picture
    assert "best so far: v1-abc, 75.0% on selection, untrained 25.0%" in picture
    assert "spent: 130 of 5,000 requests, 14,000 tokens, $0.75 of $40.00" in picture, "the step in progress included"
    assert "generate rows for attempt 2" in picture
    assert "200 of 400" in picture
    assert "250 rows made, 30 requests, 9,000 tokens, $0.50" in picture
    assert "5.0 a second, about 40 s left" in picture
    assert re.search(r"at most about \d+ min left", picture)


@pytest.mark.parametrize("width", [40, 60, 100])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost(width: int) -> None:
    picture = working(width)
    assert all(len(line) <= width for line in picture.splitlines())
    assert "200 of 400" in picture
    assert "14,000 tokens" in " ".join(picture.split())


def test_a_terminal_is_drawn_on_without_colours_if_wanted_and_left_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=60, legacy_windows=False)
    events = history()
    with ConsoleReporter(console) as reporter:
        reporter.begins(spec(events[0]), fold(events[:2]))
        with reporter.stage("train the student", 10) as stage:
            stage.advance(3)
            reporter.happened(events[2])
    shown = written.getvalue()
    assert "train the student" in shown
    assert "examined untrained student" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l"), "the cursor is there again"
    assert not re.search(r"\x1b\[[0-9;]*3[0-8][0-9;]*m", shown)


def test_a_terminal_that_cannot_move_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    written = io.StringIO()
    events = history()
    with ConsoleReporter(Console(file=written, force_terminal=True, width=80)) as reporter:
        reporter.begins(spec(events[0]), fold(events[:2]))
        with reporter.stage("train", 10) as stage:
            stage.advance(1)
        reporter.happened(events[2])
    assert "\x1b[?25" not in written.getvalue()
    assert written.getvalue().count("\n") == 1


def test_what_a_model_wrote_cannot_move_the_cursor() -> None:
    console, written = plain()
    reporter = ConsoleReporter(console)
    hostile = "\x1b[2J\x1b]0;owned\x07\r\u202e[bold]x[/bold]"
    event = AttemptFailed(attempt=1, reason=hostile, accepted=0, made=0, dropped={}, seconds=1)
    reporter.happened(event, within=hostile)
    with reporter.stage(hostile, 5) as stage:
        stage.advance(1)
        picture = drawn(reporter, 120)
    assert not re.search("[\x1b\x07\r\u202e]", written.getvalue() + picture)
    assert "[bold]x[/bold]" in written.getvalue()
    assert "[bold]x[/bold]" in picture


def test_a_run_within_the_run_is_named_and_changes_nothing() -> None:
    console, written = plain()
    reporter, other = ConsoleReporter(console), SilentReporter()
    events = history()
    both = Both(reporter, other)
    both.begins(spec(events[0]), fold(events[:2]))
    both.happened(events[3], within="control oneShot")
    assert "control oneShot: attempt 1, draft" in written.getvalue()
    assert reporter.standing().state.attempts == ()
    with both.stage("outer", None), both.stage("inner", 4) as stage:
        stage.advance(2)
        assert reporter.standing().stage is not None
        assert reporter.standing().stage.title == "inner"
    assert reporter.standing().stage is None
