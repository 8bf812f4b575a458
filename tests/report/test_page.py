"""The page shows the report's figures, escapes what models and datasets wrote, and loads nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from preceptor.report import schema
from preceptor.report.page import LONGEST, render_page
from support.reports import full, report

NONE = "\N{EN DASH}"
"""What stands in a table where there is no figure."""


class Reader(HTMLParser):
    """Collects tags and what could load something."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.references += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]


def test_the_main_figures_stand_on_the_page() -> None:
    page = render_page(report())
    for figure in ("12.5 %", "62.5 %", "+50.0", "+44.2 to +55.5", "5 min 01 s"):
        assert figure in page


def test_nothing_is_loaded_and_nothing_runs() -> None:
    reader = Reader()
    reader.feed(render_page(full()))
    assert all(reference.startswith("#") for reference in reader.references)
    assert not {"script", "link", "img", "iframe"} & set(reader.tags)


@pytest.mark.parametrize(
    "place", ["name", "description", "prompt", "rationale", "alarms", "author", "reason", "version"]
)
def test_hostile_text_is_escaped(place: str) -> None:
    hostile = "<script>alert(1)</script>{{ 7 * 7 }}"
    changes: dict[str, object] = {place: hostile}
    if place == "prompt":
        changes = {"samples": (schema.SampleRow(skill="chat", prompt=hostile, answer=hostile, generator=hostile),)}
    if place == "rationale":
        changes = {"iterations": tuple(row.model_copy(update={place: hostile}) for row in report().iterations)}
    if place == "alarms":
        changes = {"alarms": (hostile,)}
    if place == "author":
        written = {"author": hostile, "where": hostile, "detail": (hostile,), "at": hostile, "kind": hostile}
        changes = {"human_input": tuple(entry.model_copy(update=written) for entry in report().human_input)}
    if place == "reason":
        funnel = {"made": 1, "accepted": 0, "dropped": {hostile: 1}, "gates": {hostile: {hostile: 1}}}
        contamination = {"checked_rows": 1, "exact_questions": {hostile: 1}, "enabled": True, "dropped": {hostile: 1}}
        tested = {"planted": {hostile: 1}, "stopped": {hostile: 1}, "off": (hostile,)}
        changes = {"funnel": funnel, "contamination": contamination, "self_test": tested}
    if place == "version":
        changes = {"diversity": (schema.Diversity(version=hostile, alarms=(hostile,)),) * 2}
    page = render_page(report(**changes))
    assert "<script" not in page
    assert "{{ 7 * 7 }}" in page


HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> javascript:alert(3) \" onload=' \u202egnp\u202c\u200b\x1b[2J"
)


def test_whatever_is_hostile_anywhere_is_shown_and_does_nothing() -> None:
    """Every text of a whole report is hostile; what is a number stays one."""
    hostile = schema.Report.model_validate(_poisoned(full().model_dump(mode="json")))
    page = render_page(hostile)
    reader = Reader()
    reader.feed(page)
    assert not {"script", "img", "iframe", "object", "a:onload"} & set(reader.tags)
    assert all(re.fullmatch("#[a-z]+", reference) for reference in reader.references)
    assert not reader.handlers
    assert page.count("&lt;script&gt;alert(1)") > 100
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\x1b]", page)
    assert "\\u202egnp" in page


def _poisoned(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        free = key in ("quotas", "failures", "skills", "dropped", "gates", "planted", "stopped", "digests", "versions")
        names = {name: f"{HOSTILE}{place}" if free else name for place, name in enumerate(value)}
        return {names[name]: _poisoned(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_poisoned(one, f"{key} item") for one in value]
    kept = key in ("verdict", "reach", "split", "stage")
    return HOSTILE if isinstance(value, str) and not kept else value


def test_endless_texts_are_cut_on_the_page() -> None:
    endless = "x" * 3_000_000
    row = schema.SampleRow(skill=endless, prompt=endless, answer=endless, generator=endless)
    page = render_page(report(samples=(row,) * 3, name=endless, sentence=endless))
    assert len(page) < 300_000
    assert f"({3_000_000 - LONGEST:,} more characters)" in page


def test_a_run_without_an_outcome_has_a_page_too() -> None:
    empty = report(verdict="no-dataset", private=None, iterations=(), contamination=None, samples=(), diversity=())
    page = render_page(empty)
    assert "The private split stayed closed" in page
    assert "McNemar" not in page


def cells(page: str, first: str) -> list[str]:
    """The texts of the table row whose first cell has the text."""
    for line in re.findall(r"<tr>(.*?)</tr>", page, flags=re.DOTALL):
        texts = [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", line, flags=re.DOTALL)]
        if texts and texts[0] == first:
            return texts
    raise AssertionError(f"no row begins with {first}")


def test_the_charts_lie_within_their_frames_and_say_their_figures_in_words() -> None:
    page = render_page(full())
    places = re.findall(r' (?:x1|x2|cx|cy|x|width)="(-?[\d.]+)%"', page)
    assert len(places) > 200
    assert all(0 <= float(place) <= 100 for place in places)
    assert all(0 <= float(y) <= 270 for y in re.findall(r' (?:y1|y2|cy)="(-?[\d.]+)"', page))
    titles = dict(re.findall(r'<title id="([a-z-]+)">(.*?)</title>', page))
    assert titles["variety-title"].startswith("distinct pairs among 500: 82.0 %, 79.0 %, 76.0 %")
    assert "selection: 30.0 % (21.0 to 40.0), 48.0 % (39.0 to 56.0)" in titles["scores-title"]
    assert "attempt 1, amounts: predicted +13.0, came +11.0." in titles["predictions-title"]
    for drawing in re.findall(r"<svg[^>]*>", page):
        named = re.search(r'aria-labelledby="([a-z-]+)"', drawing)
        words = titles[named[1]] if named else ""
        assert words or 'aria-label="' in drawing or "aria-hidden" in drawing or 'width="100%"' in drawing


def test_alarms_stand_before_the_figures_and_nothing_is_said_when_there_is_none() -> None:
    page = render_page(report(alarms=("The secrets gate is switched off: rows may hold keys.",)))
    assert page.index("The secrets gate is switched off") < page.index("Scores over iterations")
    assert "Before you believe this" in page
    assert "No alarms" not in page
    assert "Before you believe this" not in render_page(report())


def test_that_there_is_no_alarm_is_said_only_where_it_was_looked_for() -> None:
    tested = schema.SelfTest(planted={"secret": 1}, stopped={"secret": 1})
    assert "No alarms" in render_page(report(self_test=tested))
    assert "No alarms" not in render_page(report())


def test_planted_rows_are_a_table() -> None:
    tested = schema.SelfTest(
        planted={"exact copy (private)": 8, "secret": 1}, stopped={"exact copy (private)": 8, "secret": 1}
    )
    page = render_page(report(self_test=tested))
    assert cells(page, "exact copy (private)") == ["exact copy (private)", "8", "8"]
    assert "9 of 9 were stopped" in page
    assert "No rows were planted" in render_page(report())


def test_a_contamination_gate_that_is_off_is_said_in_a_sentence() -> None:
    off = schema.Contamination(checked_rows=96, exact_questions={"private": 0}, enabled=False)
    tested = schema.SelfTest(planted={}, stopped={}, off=("contamination",))
    page = render_page(report(contamination=off, self_test=tested))
    assert "The contamination gate is switched off, so nothing was planted for it: rows may copy" in page
    assert "The contamination gate is switched off: rows may copy the examination." in page


def test_the_overlap_is_told_by_split() -> None:
    found = schema.Contamination(
        checked_rows=1296,
        exact_questions={"feedback": 0, "private": 2},
        enabled=True,
        thresholds={"ngram": 13, "coverage": 0.5, "similarity": 0.8},
        protected={"feedback": 20, "private": 1130, "seeds": 400},
        dropped={"contaminated-ngram": 12, "contaminated-exact": 3},
        neighbours={
            "private": schema.Neighbours(rows=7, highest=0.3125),
            "seeds": schema.Neighbours(rows=1, highest=0.2),
        },
    )
    page = render_page(report(contamination=found))
    assert "15 dropped as copies (contaminated-ngram 12, contaminated-exact 3)" in page
    assert (
        "has 13 of its words in a row, holds 50 % of its 8-word sequences, or is 80 % similar to it, or more." in page
    )
    assert "Meaning was not compared" in page
    assert "compared by meaning too: x" in render_page(
        report(contamination=found.model_copy(update={"by_meaning": "x"}))
    )
    assert "the 1,296 rows of the published version" in page
    assert cells(page, "feedback") == ["feedback", "20", "0", "0", NONE]
    assert cells(page, "private") == ["private", "1,130", "2", "7", "31.2 %"]
    assert cells(page, "seeds") == ["seeds", "400", NONE, "1", "20.0 %"]


def test_rows_dropped_are_told_by_gate() -> None:
    gates = {"format": {"empty": 4}, "duplicates": {"duplicate": 20}}
    funnel = schema.Funnel(made=1200, accepted=96, dropped={"duplicate": 20, "empty": 4}, gates=gates)
    page = render_page(report(funnel=funnel))
    assert "1,200 rows made, 96 accepted, 24 dropped." in page
    assert cells(page, "format") == ["format", "empty", "4", "0.3 %"]
    assert cells(page, "duplicates") == ["duplicates", "duplicate", "20", "1.7 %"]


def test_what_people_put_in_is_told_with_who_and_when() -> None:
    edit = schema.HumanInput(
        kind="manual edit",
        where="spec.budget.iterations",
        items=1,
        words=1,
        digest="e" * 64,
        reach="rules",
        author="Ada <b>",
        at="2026-11-23T12:00:00+00:00",
        detail=("3 → 5",),
    )
    page = render_page(
        report(human_input=(edit,), human_totals={"all": {"items": 1, "words": 1}, "rules": {"items": 1, "words": 1}})
    )
    assert "2026-11-23 12:00:00 UTC" in page
    assert "3 → 5" in page
    assert "Ada &lt;b&gt;" in page
    assert cells(page, "in all") == ["in all", "1", "1"]
    assert cells(page, "rules of the run") == ["rules of the run", "1", "1"]


def test_a_version_that_collapsed_is_marked_where_its_variety_is_told() -> None:
    versions = (
        schema.Diversity(version="v1-0", distinct2=0.5, skill_evenness=1),
        schema.Diversity(version="v2-0", distinct2=0.25, skill_evenness=1, rows=60, measured=60, mean_words=12.25,
                         clusters=9, skills=2, skill_entropy=1, alarms=("the rows become alike",)),
    )  # fmt: skip
    page = render_page(report(diversity=versions))
    assert "⚠ v2-0: the rows become alike." in page
    assert "large dots: collapsed" in page
    assert cells(page, "v1-0") == ["v1-0", NONE, NONE, "50.0 %", NONE, NONE, NONE, "100.0 %"]
    assert cells(page, "v2-0") == ["v2-0", "60", "12.2", "25.0 %", "9", "2", "1.00 bits", "100.0 %"]


def test_a_report_of_an_older_release_is_read_and_shown() -> None:
    stored = report().model_dump(mode="json", by_alias=True)
    later = (
        "alarms selfTest humanTotals finished optimism readings mistakes baselineIntervals spending suites attribution"
    )
    for name in (*later.split(), "failures", "failedItems"):
        del stored[name]
    for part, names in (
        (stored["private"], ("clusters", "beforeInterval", "afterInterval", "detectablePoints", "significant")),
        (stored["private"]["seeds"][0], ("gained", "lost", "p")),
        (stored["private"]["skills"]["chat"], ("beforeInterval", "afterInterval")),
        (stored["iterations"][0], ("feedbackInterval", "selectionInterval", "gainPoints", "gainInterval")),
        (stored["samples"][0], ("id", "receipt")),
    ):
        for name in names:
            del part[name]
    stored["contamination"] = {"checkedRows": 96, "exactQuestions": {"private": 0}}
    stored["diversity"] = [{"version": "v123", "distinct2": 0.7, "skillEvenness": 1.0}]
    stored["humanInput"] = [{"kind": "prompt", "where": "spec.task.prompt", "items": 1, "words": 9, "digest": "f" * 64}]
    stored["funnel"] = {"made": 120, "accepted": 96, "dropped": {"duplicates": 24}}
    read = schema.Report.model_validate(stored)
    assert read == report()
    assert cells(render_page(read), "v123")[3] == "70.0 %"


def test_the_report_survives_being_stored() -> None:
    stored = report().model_dump(mode="json", by_alias=True)
    assert stored["private"]["gainPoints"] == 50.0
    assert schema.Report.model_validate({**stored, "later": 1}) == report()


def test_what_makes_a_gain_believable_is_on_the_page() -> None:
    page = render_page(full())
    for text in (
        "+133 %",
        "9.8 points",
        "so it is called significant",
        "The difference, +3.5 points (interval -2.0 to +9.0), may be chance.",
        "Reading 1 by this run",
        "before it: payments-first",
        "left out: the budget&#39;s wall clock was spent",
        "worse, allowed",
        "20 of 31 items of the feedback split",
        "Items of selection and private are never shown",
    ):
        assert text in page
    assert cells(page, "one-shot recipe")[1:4] == ["65.5 %", "+6.6 (+0.6 to +12.6)", "55.5 %"]
    assert cells(page, "amounts") == ["amounts", "600", "+14.2 (+9.0 to +19.1)", "+2.4", "+5.7"]
    assert cells(page, "search") == ["search", "engineer", "5 min 10 s", NONE, "14", "210,000", "$1.25"]
    assert cells(page, "t-00000000000b") == ["t-00000000000b", "11", "72.0 %", "62.0 %", "55", "6", "&lt; 0.0001"]


def test_a_gain_below_what_can_be_told_is_not_called_significant() -> None:
    private = full().private
    assert private is not None
    small = private.model_copy(update={"gain_points": 8.0, "significant": False})
    page = render_page(report(private=small))
    assert "The gain is smaller, so it is not called significant." in page
