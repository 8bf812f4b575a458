"""The untrained student with rows of the version before every question."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from preceptor import app
from preceptor.closing.prompted import examples, shown_task
from preceptor.errors import DocumentError
from preceptor.inference.engine import Output
from preceptor.loop.events import AnyEvent, ControlEnded, from_record
from preceptor.loop.in_process import InProcess
from preceptor.loop.parts import Sitting, Tick
from preceptor.recipes.sample import Receipt, Sample
from preceptor.spec.load import load
from preceptor.spec.task import Task
from preceptor.storage import datasets
from preceptor.storage.ledger import Ledger, Record, read_records
from preceptor.storage.store import Store
from preceptor.students.context import context_length
from preceptor.students.encoding import Encoder
from support.silent import SilentReporter
from support.small_run import write_small_run

QUICK = {"budget__iterations": 1, "student__training__epochs": 4}


class KilledError(BaseException):
    """Stands for SIGKILL: nothing catches it."""


class Hands(InProcess):
    """Keeps what students are asked."""

    sittings: list[Sitting]

    def answer(self, sitting: Sitting, tick: Tick) -> list[Output]:
        self.sittings.append(sitting)
        return super().answer(sitting, tick)


@pytest.fixture
def hands() -> type[Hands]:
    return type("TheseHands", (Hands,), {"sittings": []})


def carry_out(document: Path, hands: type[Hands]) -> ControlEnded:
    app.run(load(document), storage=None, reporter=SilentReporter(), workforce=hands)
    return control(from_record(record) for record in read_records(stored(document)))


def stored(document: Path) -> Store:
    return Store.open(str(document.parent / "runs")).child("small")


def control(events: Iterable[AnyEvent]) -> ControlEnded:
    [event] = [event for event in events if isinstance(event, ControlEnded) and event.control == "prompted"]
    return event


def row(skill: str, prompt: str, answer: str = "yes", neighbour: str = "") -> Sample:
    receipt = Receipt("", 1, "", 1, 0, 0, "", neighbour=neighbour)
    return Sample.create(skill=skill, fields={"q": prompt}, prompt=prompt, answer=answer, receipt=receipt)


def with_few(document: Path, **task: object) -> Path:
    content = yaml.safe_load(document.read_text("utf-8"))
    content["spec"]["task"] |= task
    document.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    return document


# --- which rows ---


def test_skills_take_turns_and_rows_lie_evenly() -> None:
    rows = [row(skill, f"{skill}{n}") for skill in "ba" for n in range(9)]
    chosen = examples(rows, 6)
    assert [one.prompt for one in chosen] == ["a1", "b1", "a4", "b4", "a7", "b7"]
    assert examples(rows[::-1], 6) == chosen


def test_of_many_skills_those_are_shown_that_lie_evenly() -> None:
    rows = [row(f"skill{n}", f"{n}") for n in range(9)]
    assert [one.skill for one in examples(rows, 3)] == ["skill1", "skill4", "skill7"]


def test_answers_of_a_skill_are_shown_in_their_variety() -> None:
    rows = [row("mood", f"{n}", "bad" if n % 2 else "good") for n in range(20)]
    assert [one.answer for one in examples(rows, 2)] == ["bad", "good"]


def test_where_a_skill_has_too_few_rows_others_are_shown_and_no_row_twice() -> None:
    rows = [row("a", "a0"), row("a", "a0"), *(row("b", f"b{n}") for n in range(3))]
    assert sorted(one.prompt for one in examples(rows, 9)) == ["a0", "b0", "b1", "b2"]
    assert [one.skill for one in examples(rows, 4)] == ["a", "b", "b", "b"]
    assert examples([], 4) == ()


def test_instructions_come_after_what_the_task_says(tiny: Path, tmp_path: Path) -> None:
    task = load(write_small_run(tmp_path, tiny)).spec.spec.task
    assert shown_task(task, (), "Be brief.").system == "Be brief."
    own = Task.model_validate(task.model_dump(by_alias=True) | {"system": "You know things."})
    assert shown_task(own, (), "Be brief.").system == "You know things.\n\nBe brief."
    assert shown_task(own, (), None) == own


# --- in a run ---


def test_rows_of_the_published_version_stand_before_every_question(
    tiny: Path, tmp_path: Path, hands: type[Hands]
) -> None:
    controls = {"shots": 2, "instructions": "One word."}
    own = [{"prompt": "the sun", "answer": "warm"}]
    document = with_few(
        write_small_run(
            tmp_path, tiny, **QUICK, student__training__maxTokens=256, evaluation={"seeds": 1, "controls": controls}
        ),
        system="S.",
        fewShot=own,
    )
    ended = carry_out(document, hands)
    asked = hands.sittings[-1]

    assert ended.version is not None
    pairs = {(one["prompt"], one["answer"]) for one in datasets.read_rows(stored(document), ended.version)}
    assert asked.checkpoint is None
    assert len(asked.conversations) == 8
    for system, first, reply, *shown, question in asked.conversations:
        assert system == {"role": "system", "content": "S.\n\nOne word."}
        assert (first["content"], reply["content"]) == ("the sun", "warm")
        assert [turn["role"] for turn in shown] == ["user", "assistant"] * 2
        assert {(one["content"], other["content"]) for one, other in zip(shown[::2], shown[1::2], strict=True)} <= pairs
        assert [turn["content"] for turn in shown[1::2]] == ["cold", "warm"]
        assert question["role"] == "user"
    assert (ended.split, ended.rows, len(ended.scores), ended.scores[0].n, ended.skipped) == ("private", 2, 1, 8, "")
    assert ended.scores[0].evaluation.startswith("base-prompted-")
    assert ended.detail == (
        "2 rows of the version shown before every question; `instructions` at the end of the system message"
    )


def test_rows_near_the_examination_are_not_shown(
    tiny: Path, tmp_path: Path, hands: type[Hands], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = datasets.read_rows

    def marked(store: Store, version: str) -> list[datasets.Row]:
        rows = read(store, version)
        near = {"neighbour": "private:0123456789abcdef", "similarity": 0.1}
        return [one | {"receipt": one["receipt"] | (near if one["skill"] == "warm" else {})} for one in rows]

    monkeypatch.setattr(datasets, "read_rows", marked)
    document = write_small_run(tmp_path, tiny, **QUICK, evaluation={"seeds": 1, "controls": {"shots": 2}})
    carry_out(document, hands)
    assert [turn["content"] for turn in hands.sittings[-1].conversations[0][1:-1:2]] == ["cold", "cold"]


def test_no_more_rows_are_shown_than_leave_room_for_an_answer(tiny: Path, tmp_path: Path, hands: type[Hands]) -> None:
    document = write_small_run(tmp_path, tiny, **QUICK, evaluation={"seeds": 1, "controls": {"shots": 32}})
    ended = carry_out(document, hands)
    encoder, longest = Encoder(tiny), max(hands.sittings[-1].conversations, key=lambda turns: len(turns[-1]["content"]))

    room = context_length(str(tiny), tmp_path)
    assert room == 256
    tokens = len(encoder.prompt(longest)) + 4
    assert tokens <= room
    assert ended.version is not None
    chosen = examples([Sample.from_row(one) for one in datasets.read_rows(stored(document), ended.version)], 32)
    following = chosen[ended.rows]
    more = [{"role": "user", "content": following.prompt}, {"role": "assistant", "content": following.answer}]
    assert len(encoder.prompt([*longest[:-1], *more, longest[-1]])) + 4 > room
    assert 0 < ended.rows < 31
    assert ended.detail == (
        f"{ended.rows} rows of the version shown before every question; "
        "32 would leave no room for question and answer in the student's 256 tokens"
    )


def test_without_room_for_a_single_row_nobody_is_asked(tiny: Path, tmp_path: Path, hands: type[Hands]) -> None:
    long = [{"prompt": "?" * 180, "answer": "!"}]
    document = with_few(
        write_small_run(tmp_path, tiny, **QUICK, student__training__maxTokens=256, evaluation={"seeds": 1}),
        fewShot=long,
    )
    ended = carry_out(document, hands)
    assert ended.skipped == "not one row fits into the student's 256 tokens"
    assert ended.scores == ()
    assert len(hands.sittings) == 4  # base and student in the search, base and finalist on private


def test_killed_after_the_examination_it_reads_what_was_answered(
    tiny: Path, tmp_path: Path, hands: type[Hands], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = write_small_run(tmp_path, tiny, **QUICK, evaluation={"seeds": 1})
    append = Ledger.append

    def killed(ledger: Ledger, type: str, data: dict[str, Any]) -> Record:
        if type == "control-ended":
            raise KilledError
        return append(ledger, type, data)

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "append", killed)
        with pytest.raises(KilledError):
            carry_out(document, hands)
    before = len(hands.sittings)
    assert carry_out(document, hands).scores[0].n == 8
    assert len(hands.sittings) == before == 5


# --- the document ---


@pytest.mark.parametrize(("name", "value"), [("shots", 2), ("instructions", "Be brief.")])
def test_wishes_for_a_comparison_that_is_off_are_refused(name: str, value: object, tiny: Path, tmp_path: Path) -> None:
    document = write_small_run(tmp_path, tiny, evaluation={"controls": {"prompted": False, name: value}})
    with pytest.raises(DocumentError) as refused:
        load(document)
    [problem] = refused.value.problems
    assert problem.path == f"spec.evaluation.controls.{name}"
    assert problem.message == f"`{name}` is for `prompted`, which is off"
    assert problem.mend == f"remove `{name}`, or write `prompted: true`"


def test_a_document_with_its_defaults_written_out_is_valid(tiny: Path, tmp_path: Path) -> None:
    document = write_small_run(tmp_path, tiny, evaluation={"controls": {"prompted": False}})
    whole = load(document).spec.model_dump(mode="json", by_alias=True)
    document.write_text(json.dumps(whole), "utf-8")
    assert load(document).spec.spec.evaluation.controls.prompted is False


@pytest.mark.parametrize(
    ("config", "length"),
    [
        ({"max_position_embeddings": 8192}, 8192),
        ({"n_positions": 1024, "n_ctx": 512}, 1024),
        ({"text_config": {"max_position_embeddings": 77}}, 77),
        ({"max_position_embeddings": None}, None),
    ],
)
def test_context_lengths_are_read_from_configurations(
    config: dict[str, object], length: int | None, tiny: Path, tmp_path: Path
) -> None:
    for file in tiny.iterdir():
        if file.name != "config.json":
            (tmp_path / file.name).symlink_to(file)
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    assert context_length(str(tmp_path), tmp_path) == length
