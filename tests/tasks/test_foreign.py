"""Scorers of other packages: found, made, asked, and named when they fail."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from preceptor.errors import TaskError
from preceptor.loop.examining import Examinations, Paper
from preceptor.planning import check_inputs
from preceptor.spec.load import load
from preceptor.spec.task import EntryPointScorer, ExactScorer, MathScorer
from preceptor.spec.task import Scorer as ScorerConfig
from preceptor.tasks.items import Item
from preceptor.tasks.scorers import Score, build_scorer, packages
from support.documents import edit, items, jsonl, write_document
from support.payments import spec

CODE = '''
"""A package that somebody else wrote."""

from preceptor.tasks.scorers import Score


class Near:
    """The share of leading letters that are right."""

    def __init__(self, fold=False):
        self.fold = fold

    def score(self, item, output):
        said, wanted = output.strip(), item.reference
        if self.fold:
            said, wanted = said.lower(), wanted.lower()
        same = sum(a == b for a, b in zip(said, wanted))
        return same / max(len(said), len(wanted))


class Whole:
    def score(self, item, output):
        first = output.split()[0] if output.split() else None
        return Score(float(first == item.reference), first == item.reference, first)

    def readable(self, answer, fields):
        return answer != "unreadable"


class Gives:
    def __init__(self, what=0.0, kind="number"):
        self.what = {"number": what, "none": None, "text": str(what), "nan": float("nan"), "infinite": float("inf"),
                     "score": Score(2.0, True, "x"), "extracted": Score(1.0, True, 7),
                     "parts": Score(1.0, True, "x", {"a": 3.0})}[kind]

    def score(self, item, output):
        return self.what


class Fails:
    def score(self, item, output):
        raise KeyError(output)

    def readable(self, answer, fields):
        raise RuntimeError(answer)


def no_scorer():
    return "not a scorer"
'''
POINTS = """[preceptor.scorers]
near = letters_scorers:Near
whole = letters_scorers:Whole
gives = letters_scorers:Gives
fails = letters_scorers:Fails
no-scorer = letters_scorers:no_scorer
not-there = letters_scorers:Nothing
"""
ITEM = Item("i-7", {}, "p", "Paris", "s", "c")


def install(folder: Path, version: str) -> None:
    """A package as pip installs one."""
    (folder / "letters_scorers.py").write_text(CODE)
    metadata = folder / "letters_scorers.dist-info"
    metadata.mkdir(exist_ok=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: letters-scorers\nVersion: {version}\n")
    (metadata / "entry_points.txt").write_text(POINTS)


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    install(folder, "1.0")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "letters_scorers", raising=False)
    return folder


def config(name: str, **options: Any) -> EntryPointScorer:
    found: Any = TypeAdapter(ScorerConfig).validate_python({"kind": "entryPoint", "name": name, "options": options})
    assert isinstance(found, EntryPointScorer)
    return found


def test_another_package_s_scorer_is_made_with_its_options_and_asked() -> None:
    assert build_scorer(config("near")).score(ITEM, " paris ") == Score(0.8, False, "paris")
    assert build_scorer(config("near", fold=True)).score(ITEM, "paris") == Score(1.0, True, "paris")
    assert build_scorer(config("whole")).score(ITEM, "Paris it is") == Score(1.0, True, "Paris")
    assert build_scorer(config("whole")).score(ITEM, "") == Score(0.0, False, None)


def test_it_may_say_what_is_readable() -> None:
    assert build_scorer(config("near")).readable("anything", {})
    assert not build_scorer(config("near")).readable(" \n", {})
    assert build_scorer(config("whole")).readable("Paris", {})
    assert not build_scorer(config("whole")).readable("unreadable", {})


@pytest.mark.parametrize(
    ("name", "options", "message", "mend"),
    [
        ("no-such", {}, "no scorer `no-such` is installed; there is: `fails`, `gives`, `near`", "install the package"),
        ("near", {"unknown": 1}, "the scorer `near` cannot be made: TypeError\n", "task.scorer.options"),
        ("not-there", {}, "the scorer `not-there` cannot be made: AttributeError\n", "letters_scorers:Nothing"),
        ("no-scorer", {}, "the scorer `no-scorer` has no `score`", "score"),
    ],
)
def test_a_scorer_that_cannot_be_made_is_one_message(
    name: str, options: dict[str, Any], message: str, mend: str
) -> None:
    with pytest.raises(TaskError, match=message) as caught:
        build_scorer(config(name, **options))
    assert mend in caught.value.mend
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"what": 1.01}, "gave 1.01"),
        ({"what": -1}, "gave -1"),
        ({"kind": "nan"}, "gave a|gave nan"),
        ({"kind": "infinite"}, "gave inf"),
        ({"kind": "none"}, "gave a value of type NoneType"),
        ({"kind": "text"}, "gave a value of type str"),
        ({"kind": "score"}, r"gave 2\.0"),
        ({"kind": "extracted"}, "gave "),
        ({"kind": "parts"}, "gave "),
    ],
)
def test_what_is_no_score_is_refused(options: dict[str, Any], shown: str) -> None:
    with pytest.raises(TaskError, match=f"the scorer `gives` ({shown}).* for item i-7"):
        build_scorer(config("gives", **options)).score(ITEM, "x")


def test_its_failure_is_one_message_without_what_the_model_wrote() -> None:
    scorer = build_scorer(config("fails"))
    with pytest.raises(TaskError, match="the scorer `fails` failed on item i-7: KeyError\n") as caught:
        scorer.score(ITEM, "<script>")
    assert "<script>" not in str(caught.value)
    with pytest.raises(TaskError, match="the scorer `fails` failed on an answer: RuntimeError\n"):
        scorer.readable("x", {})


def test_another_version_of_the_scorer_names_another_examination(package: Path, tmp_path: Path) -> None:
    document = spec()
    unused: Any = None
    examinations = Examinations(document, tmp_path, unused, unused, unused)

    def named(scorer: ScorerConfig) -> str:
        task = document.task.model_copy(update={"scorer": scorer})
        return examinations.id("base", Paper("private", (ITEM,), "d", task))

    first, options = named(config("near")), named(config("near", fold=True))
    assert packages(config("near")) == {"letters-scorers": "1.0"}
    assert first == named(config("near")) != options
    install(package, "1.1")
    assert packages(config("near")) == {"letters-scorers": "1.1"}
    assert named(config("near")) != first
    assert packages(ExactScorer(kind="exact")) == {}
    assert packages(MathScorer(kind="math")).keys() == {"math-verify", "latex2sympy2_extended", "sympy"}


@pytest.mark.parametrize(("name", "says"), [("near", None), ("nearly", "no scorer `nearly` is installed")])
def test_validating_a_document_says_whether_it_is_installed(name: str, says: str | None, tmp_path: Path) -> None:
    text = edit("scorer: {kind: numeric}", f"scorer: {{kind: entryPoint, name: {name}}}")
    document = load(write_document(tmp_path, text))
    (tmp_path / "items.jsonl").write_text(jsonl(items()))
    if says is None:
        check_inputs(document)
    else:
        with pytest.raises(TaskError, match=says):
            check_inputs(document)
