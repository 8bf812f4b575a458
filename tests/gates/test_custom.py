from __future__ import annotations

import sys
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from preceptor.errors import GateError
from preceptor.gates.custom import CustomGate
from preceptor.gates.gate import Safeguards, Screen, gate_of
from preceptor.recipes.digests import recipe_digest
from preceptor.recipes.sample import Receipt, Sample
from preceptor.spec.gates import CustomGate as Settings
from preceptor.synthesis.units import make_unit
from preceptor.synthesis.worker import UnitWorker
from preceptor.tasks.scorers import build_scorer
from support.payments import recipe, spec

CODE = '''
"""A package that somebody else wrote."""


class NoShouting:
    """Drops rows that shout."""

    def __init__(self, limit=1, code="shouting"):
        if limit < 0:
            raise ValueError("limit must not be negative, but somebody's text is")
        self.limit, self.code = limit, code

    def check(self, sample):
        """The reason, or None."""
        return self.code if sample.prompt.count("!") > self.limit else None


class Fails:
    def check(self, sample):
        raise KeyError(sample.prompt)


class Meddles:
    def check(self, sample):
        sample.answer = "5"


def no_gate():
    return "not a gate"
'''
POINTS = """[preceptor.gates]
no-shouting = shouting_gates:NoShouting
fails = shouting_gates:Fails
meddles = shouting_gates:Meddles
no-gate = shouting_gates:no_gate
not-there = shouting_gates:Nothing
"""
ROW = Sample.create(
    skill="sums", fields={}, prompt="What!! Is 2 + 2?", answer="4", receipt=Receipt("", 1, "", 1, 0, 0, "")
)


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package as pip installs one."""
    (tmp_path / "shouting_gates.py").write_text(CODE)
    metadata = tmp_path / "shouting_gates-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting-gates\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "shouting_gates", raising=False)


def gate(name: str, **options: Any) -> CustomGate:
    return CustomGate(Settings(name=name, options=options))


def test_another_package_s_gate_is_made_with_its_options() -> None:
    assert gate("no-shouting").check(ROW) == "no-shouting:shouting"
    assert gate("no-shouting", limit=2).check(ROW) is None
    assert gate_of("no-shouting:shouting") == gate("no-shouting").name == "no-shouting"


@pytest.mark.parametrize("code", ["Too Rude", "", "x" * 41, "a:b", "ok\n", "what the row said: 2 + 2?", 7, True])
def test_what_is_no_short_code_is_counted_without_it(code: Any) -> None:
    assert gate("no-shouting", code=code).check(ROW) == "no-shouting:dropped"


@pytest.mark.parametrize(
    ("name", "options", "message", "mend"),
    [
        ("no-such", {}, "no gate `no-such` is installed; there is: .*`no-shouting`", "install the package"),
        ("no-shouting", {"limit": -1}, "the gate `no-shouting` cannot be made: ValueError$", "options"),
        ("no-shouting", {"unknown": 1}, "the gate `no-shouting` cannot be made: TypeError$", "options"),
        ("not-there", {}, "the gate `not-there` cannot be made: AttributeError$", "shouting_gates:Nothing"),
        ("no-gate", {}, "the gate `no-gate` has no `check`", "check"),
    ],
)
def test_a_gate_that_cannot_be_made_is_one_message(name: str, options: dict[str, Any], message: str, mend: str) -> None:
    with pytest.raises(GateError) as caught:
        gate(name, **options)
    assert caught.match(message) if "$" not in message else True
    assert message.removesuffix("$").split("; ")[0] in caught.value.message
    assert mend in caught.value.mend


def test_what_a_gate_raises_is_one_message_without_the_row() -> None:
    with pytest.raises(GateError, match="the gate `fails` failed on a row: KeyError") as caught:
        gate("fails").check(ROW)
    assert "2 + 2" not in str(caught.value)
    assert caught.value.mend


def test_a_gate_cannot_change_a_row() -> None:
    with pytest.raises(GateError, match="meddles") as caught:
        gate("meddles").check(ROW)
    assert isinstance(caught.value.__cause__, FrozenInstanceError)


def test_a_worker_asks_it_of_every_row() -> None:
    plan = recipe(letter=10)
    unit = make_unit(attempt=1, recipe=recipe_digest(plan), skill="letter", index=0, size=8, root_seed=1)
    custom = [{"name": "no-shouting", "options": {"limit": -0, "code": "loud"}}]
    document = spec(dataset={"size": 10, "gates": {"custom": custom}})
    assert Screen(document, build_scorer(document.task.scorer), Safeguards()).names[-1] == "no-shouting"
    loud = spec(
        dataset={"size": 10, "gates": {"custom": custom}},
        task={**document.task.model_dump(by_alias=True), "prompt": "{{ message }} Now!"},
    )
    plain, shouted = UnitWorker(document).make(plan, unit), UnitWorker(loud).make(plan, unit)
    assert len(plain.samples) == 8
    assert shouted.dropped == {"no-shouting:loud": 8}
