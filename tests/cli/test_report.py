"""`preceptor report`: the page is written anew from report.json."""

from __future__ import annotations

import json
from pathlib import Path

from preceptor.report.page import render_page
from preceptor.report.schema import Report
from support.reports import full


def stored(directory: Path) -> Report:
    made = full()
    (directory / "report").mkdir()
    text = json.dumps(made.model_dump(mode="json", by_alias=True))
    (directory / "report" / "report.json").write_text(text, "utf-8")
    return made


def test_the_page_is_written_anew(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    made = stored(tmp_path)
    page, data = tmp_path / "report" / "index.html", tmp_path / "report" / "report.json"
    page.write_text("of an older release", "utf-8")
    before = data.read_bytes()
    code, out, _ = call("report", str(tmp_path))
    assert code == 0
    assert page.read_text("utf-8") == render_page(made)
    assert data.read_bytes() == before
    assert str(page) in out.replace("\n", "")


def test_the_terminal_says_what_a_gain_is_worth(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    made = stored(tmp_path)
    _, out, _ = call("report", str(tmp_path))
    words = " ".join(out.split())
    assert made.sentence in words
    for alarm in made.alarms:
        assert f"⚠ {alarm}" in words
    assert "one-shot recipe 65.5% +6.6 (+0.6 to +12.6) 1100" in words
    assert "left out: trained on form alone (the budget's wall clock was spent)" in words
    assert "general.yaml 200 51.0% 44.8% -6.2 (-9.8 to -2.1) worse, allowed" in words
    assert "amounts 600 +14.2 (+9.0 to +19.1) +2.4 +5.7" in words
    assert "relied on to show: 9.8 points" in words


def test_json_prints_and_writes_nothing(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    made = stored(tmp_path)
    code, out, _ = call("report", str(tmp_path), "--json")
    assert code == 0
    assert Report.model_validate_json(out) == made
    assert not (tmp_path / "report" / "index.html").exists()
