"""The teacher answers selection itself: paid once, within a tenth of every budget, on the evaluator's side alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from preceptor import app
from preceptor.closing.ceiling import DIRECTORY, ceiling
from preceptor.closing.parts import Parts
from preceptor.endpoints.client import Client, Sent
from preceptor.endpoints.index import LogIndex
from preceptor.endpoints.messages import AnyRequest
from preceptor.endpoints.records import unpack
from preceptor.loop.events import ControlEnded
from preceptor.loop.examining import Examinations
from preceptor.loop.generating import Generation
from preceptor.loop.in_process import InProcess
from preceptor.loop.schooling import Schooling
from preceptor.loop.state import RunState
from preceptor.recipes.amount import Amount
from preceptor.spec.load import load
from preceptor.storage import evaluations
from preceptor.synthesis.context import UnitContext
from support.faulty import Fault, FaultyServer, scripted
from support.model_run import KEY, write_model_run
from support.sensible import Body
from support.silent import SilentReporter

ROOMY = {"iterations": 1, "teacherRequests": 4000, "tokens": 20_000_000, "usd": 20}


class KilledError(BaseException):
    """Stands for SIGKILL: nothing catches it."""


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRECEPTOR_TEST_KEY", KEY)


def knowing(body: Body) -> str:
    """Knows what is warm, and takes everything for it."""
    return "<think>Cold, or not?</think> Warm"


def parts_of(document: Path, epoch: int = 1) -> Parts:
    """What the application gives a comparison of a document's run."""
    loaded = load(document)
    spec, reporter, hands = loaded.spec.spec, SilentReporter(), InProcess(loaded.spec.spec)
    store, here = app.run_store(loaded, None), loaded.base_dir
    context = UnitContext.gather(spec, lambda uri, limit: [])
    return Parts(
        document=loaded.spec,
        base_dir=here,
        store=store,
        splits=app.examination(loaded),
        generation=Generation(spec, store, hands, reporter, context, epoch),
        schooling=Schooling(spec, here, store, hands, reporter),
        examinations=Examinations(spec, here, store, hands, reporter),
        reporter=reporter,
        epoch=epoch,
        arm=_none,
    )


def _none(*_: object) -> RunState:
    raise AssertionError("a ceiling runs no document")


def write(directory: Path, tiny: Path, url: str, **changes: Any) -> Path:
    return write_model_run(directory, tiny, url, **{"budget": ROOMY, **changes})


def contents(directory: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file of a run, and what is compressed once more as it reads."""
    for file in sorted(path for path in directory.rglob("*") if path.is_file()):
        yield file, file.read_bytes()
        if file.suffix == ".zst":
            yield file, b"".join(unpack(file.read_bytes()))


def spent(event: ControlEnded) -> Amount:
    return Amount.from_data(event.spent)


def test_the_teacher_is_asked_what_the_student_is(tiny: Path, tmp_path: Path) -> None:
    with FaultyServer(answer=knowing, key=KEY) as server:
        document = write(tmp_path, tiny, server.url)
        parts = parts_of(document)
        ended = ceiling(parts, RunState())
        asked = [exchange.body for exchange in server.exchanges]

    paper = parts.paper("selection")
    assert sorted(json.dumps(body["messages"]) for body in asked) == sorted(
        json.dumps(list(paper.conversation(item))) for item in paper.items
    )
    assert {(body["temperature"], body["max_tokens"]) for body in asked} == {(0.0, 256)}
    [score] = ended.scores
    rows = evaluations.read(parts.store.child(ended.directory), score.evaluation)
    assert [row.item_id for row in rows] == [item.id for item in paper.items]
    assert {(row.skill, row.output, row.correct) for row in rows} == {("warm", "Warm", True), ("cold", "Warm", False)}
    assert score.value == 0.5
    assert (ended.split, ended.skipped, ended.directory) == ("selection", "", DIRECTORY)
    assert spent(ended).requests == len(paper.items) == server.carried_out
    assert spent(ended).tokens == server.tokens


def test_a_temperature_in_the_document_is_kept(tiny: Path, tmp_path: Path) -> None:
    with FaultyServer(answer=knowing, key=KEY) as server:
        document = write(tmp_path, tiny, server.url, teacher__sampling={"temperature": 0.3, "maxTokens": 32})
        ceiling(parts_of(document), RunState())
        assert {body["temperature"] for body in (exchange.body for exchange in server.exchanges)} == {0.3}


def test_a_model_with_one_temperature_is_asked_with_that(tiny: Path, tmp_path: Path) -> None:
    def refuses(body: Body, before: int) -> Fault | None:
        return Fault("status", status=400, message="temperature") if body["temperature"] != 1.0 else None

    with FaultyServer(answer=knowing, key=KEY, faults=refuses) as server:
        ended = ceiling(parts_of(write(tmp_path, tiny, server.url)), RunState())
        assert ended.scores[0].value == 0.5
        assert spent(ended).requests == server.carried_out == 4


def test_what_is_lost_is_asked_again_and_what_is_refused_is_wrong(tiny: Path, tmp_path: Path) -> None:
    def faults(body: Body, before: int) -> Fault | None:
        if "under deep snow" in body["messages"][-1]["content"]:
            return Fault("refusal")
        return [Fault("busy", retry_after=0.01, message=KEY), Fault("error", message=KEY), None][min(before, 2)]

    with FaultyServer(answer=knowing, key=KEY, faults=faults) as server:
        document = write(tmp_path, tiny, server.url)
        ended = ceiling(parts_of(document), RunState())
        carried = server.carried_out

    assert ended.scores[0].skills["warm"].value == 1
    assert ended.scores[0].skills["cold"].value == 0
    assert ended.detail.endswith("wrong but for what a cut-off answer says: 2 refused")
    assert spent(ended).requests == carried == 6  # two refusals, two that were lost, two answers
    for file, data in contents(tmp_path / "runs"):
        assert KEY.encode() not in data, file


def test_what_never_comes_is_wrong_after_three_tries(tiny: Path, tmp_path: Path) -> None:
    with FaultyServer(answer=knowing, key=KEY, faults=scripted(then=Fault("error"))) as server:
        ended = ceiling(parts_of(write(tmp_path, tiny, server.url)), RunState())
        assert server.carried_out == spent(ended).requests == 12
    assert ended.scores[0].value == 0
    assert ended.detail.endswith(": 4 lost")


def test_cut_off_answers_are_graded_as_a_students_are(tiny: Path, tmp_path: Path) -> None:
    with FaultyServer(answer=lambda body: "warmwarm", key=KEY, faults=scripted(then=Fault("cut-off"))) as server:
        ended = ceiling(parts_of(write(tmp_path, tiny, server.url)), RunState())
    assert (ended.scores[0].value, ended.scores[0].truncated) == (0.5, 4)
    assert ended.detail.endswith(": 4 cut-off")


@pytest.mark.parametrize("after", [0, 1, 3])
def test_killed_it_pays_for_nothing_twice(
    after: int, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, sent = Client.send, 0

    async def dying(client: Client, request: AnyRequest) -> Sent:
        nonlocal sent
        if sent == after:
            raise KilledError
        sent += 1
        return await send(client, request)

    with FaultyServer(answer=knowing, key=KEY) as server:
        document = write(tmp_path, tiny, server.url, teacher__concurrency=1)
        with monkeypatch.context() as patch:
            patch.setattr(Client, "send", dying)
            with pytest.raises(KilledError):
                ceiling(parts_of(document), RunState())
        parts = parts_of(document, epoch=2)
        ended = ceiling(parts, RunState())
        assert ended.scores[0].value == 0.5
        assert server.received == 4
        again = ceiling(parts_of(document, epoch=3), RunState())
        assert server.received == 4
    assert again == ended
    index = LogIndex.read(parts.store.child(DIRECTORY), 0)
    assert index.lost.requests > 0  # nobody knows whether what was killed was carried out: it counts
    assert spent(ended) == index.spent
    assert spent(ended).requests == 4 + index.lost.requests


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        ({"teacherRequests": 39}, "may take 4 teacher requests, and a tenth of the budget is 3 teacher requests"),
        ({"tokens": 50_000}, "tokens, and a tenth of the budget is 5000 tokens"),
        ({"usd": 0.01}, "and a tenth of the budget is $0.001"),
    ],
)
def test_what_would_take_over_a_tenth_is_left_out(
    budget: dict[str, float], words: str, tiny: Path, tmp_path: Path
) -> None:
    with FaultyServer(answer=knowing, key=KEY) as server:
        document = write(tmp_path, tiny, server.url, budget={"iterations": 1, **budget})
        ended = ceiling(parts_of(document), RunState())
        assert server.received == 0
    assert words in ended.skipped
    assert (ended.spent, ended.scores, ended.split) == ({}, (), "selection")


def test_second_tries_stay_within_a_tenth_too(tiny: Path, tmp_path: Path) -> None:
    with FaultyServer(answer=knowing, key=KEY, faults=scripted(then=Fault("error"))) as server:
        document = write(tmp_path, tiny, server.url, budget={"iterations": 1, "teacherRequests": 60})
        ended = ceiling(parts_of(document), RunState())
        assert server.carried_out == spent(ended).requests == 6
    assert ended.detail.endswith(": 4 lost")


def test_when_a_lost_sending_leaves_too_little_no_score_is_told(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dying(client: Client, request: AnyRequest) -> Sent:
        raise KilledError

    with FaultyServer(answer=knowing, key=KEY) as server:
        document = write(tmp_path, tiny, server.url, budget={"iterations": 1, "teacherRequests": 40})
        with monkeypatch.context() as patch:
            patch.setattr(Client, "send", dying)
            with pytest.raises(KilledError):
                ceiling(parts_of(document), RunState())
        ended = ceiling(parts_of(document, epoch=2), RunState())
        assert server.received < 4
    assert ended.skipped.startswith("what was begun before an interruption")
    assert ended.scores == ()
    assert spent(ended).requests <= 4


def test_questions_lie_nowhere_but_on_the_evaluators_side(tiny: Path, tmp_path: Path) -> None:
    with FaultyServer(answer=knowing, key=KEY) as server:
        document = write(tmp_path, tiny, server.url)
        parts = parts_of(document)
        ceiling(parts, RunState())
    questions = [item.prompt.encode() for item in parts.paper("selection").items]
    told = [file for file, data in contents(tmp_path / "runs") if any(one in data for one in questions)]
    assert told
    assert all(f"/{DIRECTORY}/teacher/" in file.as_posix() for file in told)
