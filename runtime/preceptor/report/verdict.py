"""The outcome in a sentence, and what a reader has to know before believing it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from preceptor.loop.events import Published
from preceptor.report import schema

NAMED = 5
"""Runs that an alarm names."""
_FORM = {
    "prompted": "the untrained student, shown worked examples, does as well or nearly so",
    "format": "students that could learn only what answers look like do as well or nearly so",
}
"""Controls that a gain has to beat to be more than form."""


def sentence(published: Published, private: schema.Private | None, suites: Sequence[schema.Suite] = ()) -> str:
    """The verdict for people: points first, the relative gain second.

    The word "significant" stands only where the gain is at least the smallest that the split can be relied on to show.
    """
    if published.verdict == "no-dataset":
        return "No attempt gave a valid dataset."
    if private is None:
        return "No improvement: nothing beat the untrained student on selection, so the private split stayed closed."
    figures = _figures(private)
    if published.verdict == "forgot":
        lost = ", ".join(suite.document for suite in suites if suite.dropped and not suite.allowed)
        return f"Not published: the student became worse at {lost}. On its own task: {figures}."
    if published.verdict == "improved":
        return f"Improved: {figures}."
    return f"No improvement shown: {figures}; the interval includes 0."


def _figures(private: schema.Private) -> str:
    low, high = private.interval
    relative = "" if private.relative_gain is None else f"; {private.relative_gain:+.0%} relative"
    return (
        f"{private.before:.1%} before, {private.after:.1%} after: {private.gain_points:+.1f} points "
        f"({100 * private.confidence:g}% interval {low:+.1f} to {high:+.1f}{relative})"
        f"{', significant' if private.significant else ''} on {private.items} private items"
    )


def alarms(
    readings: Sequence[schema.Reading],
    optimism: schema.Optimism | None,
    controls: Mapping[str, schema.Control],
    suites: Iterable[schema.Suite],
) -> tuple[str, ...]:
    """What speaks against the outcome itself."""
    return (*_read_before(readings), *_chosen_by_luck(optimism), *_form_alone(controls), *_forgotten(suites))


def _read_before(readings: Sequence[schema.Reading]) -> Iterable[str]:
    if len(readings) > 1:
        yield (
            f"The private split was read {len(readings)} times by this run: "
            "whoever goes on after a reading chooses by it."
        )
    others = list(dict.fromkeys(name for reading in readings for name in reading.others))
    if others:
        named = ", ".join(others[:NAMED]) + (f" and {len(others) - NAMED} more" if len(others) > NAMED else "")
        runs = "another run" if len(others) == 1 else f"{len(others)} other runs"
        yield f"The same private items had been read before by {runs}: {named}."


def _chosen_by_luck(optimism: schema.Optimism | None) -> Iterable[str]:
    if optimism is not None and optimism.excludes_zero:
        low, high = optimism.interval
        more = "larger" if optimism.points > 0 else "smaller"
        yield (
            f"The gain on selection is {abs(optimism.points):.1f} points {more} than on private, more than chance "
            f"explains (interval of the difference {low:+.1f} to {high:+.1f}): believe the private one."
        )


def _form_alone(controls: Mapping[str, schema.Control]) -> Iterable[str]:
    for name, meaning in _FORM.items():
        control = controls.get(name)
        if control is None or control.value is None or control.student is None or control.difference_interval is None:
            continue
        low, high = control.difference_interval
        if low <= 0:
            yield (
                f"The gain may be form alone: {meaning} ({control.value:.1%}, the published student "
                f"{control.student:.1%}, interval of the difference {low:+.1f} to {high:+.1f} points)."
            )


def _forgotten(suites: Iterable[schema.Suite]) -> Iterable[str]:
    for suite in suites:
        if suite.dropped:
            low, high = suite.interval
            yield (
                f"The student became worse at {suite.document}: {suite.change_points:+.1f} points "
                f"(interval {low:+.1f} to {high:+.1f})"
                + ("; the document allows it." if suite.allowed else "; so nothing was published.")
            )
