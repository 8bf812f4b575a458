"""Rows that ask the examination's questions in other words: found, paid for within the budget, decided again alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from preceptor.endpoints.index import LogIndex, records
from preceptor.errors import EndpointError, GateError, StorageError
from preceptor.gates.contamination import Protected
from preceptor.loop.inspection import Inspected, Inspection
from preceptor.loop.verdicts import NEIGHBOUR, SEED_NEIGHBOUR, UNCHECKED
from preceptor.recipes.amount import Limit
from preceptor.recipes.sample import Sample
from preceptor.storage.spool import Spool
from preceptor.storage.store import Store
from support.faulty import Fault, FaultyServer, Plan, scripted, seeded
from support.llama import MODEL, serve_llama
from support.model_run import KEY
from support.near import (
    CHECKER,
    EMBEDDER,
    PRICE,
    QUESTIONS,
    SECRET,
    assembled,
    different,
    mixed,
    paraphrase,
    protected,
    row,
    seeds,
    seeing,
    spec_of,
    unlike,
)
from support.sensible import Body
from support.silent import SilentReporter


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRECEPTOR_TEST_KEY", KEY)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer(answer=seeing, key=KEY) as server:
        yield server


class Bench:
    """Inspects rows of one run."""

    def __init__(self, directory: Path, server: FaultyServer, **changes: Any) -> None:
        self.spec = spec_of(directory, server.url, **changes)
        self.store = Store.open(str(directory / "runs")).child("small")
        self.left: list[Sample] = []

    def inspect(
        self,
        rows: Sequence[Sample],
        *,
        attempt: int = 1,
        epoch: int = 1,
        limit: Limit | None = None,
        questions: Sequence[Protected] | None = None,
    ) -> Inspected:
        questions = protected() if questions is None else questions
        inspection = Inspection(self.spec, self.store, reporter=SilentReporter(), protected=questions, epoch=epoch)
        with Spool() as spool:
            inspected = inspection.carry_out(attempt, assembled(spool, rows), limit or Limit())
            self.left = list(spool)
        return inspected

    def check_replay(self, rows: Sequence[Sample], inspected: Inspected, *, attempt: int = 1) -> None:
        """The log alone leaves the same rows and counts, without questions, server or key."""
        inspection = Inspection(self.spec, self.store)
        with Spool() as spool:
            again = inspection.replayed(attempt, assembled(spool, rows))
            assert list(spool) == self.left
        assert again.assembled.funnel == inspected.assembled.funnel
        assert again.near == inspected.near

    def logged(self, attempt: int = 1) -> LogIndex:
        return LogIndex.read(self.store.child("inspection"), attempt)


def texts(server: FaultyServer) -> list[str]:
    """Everything that was embedded."""
    return [text for exchange in server.exchanges for text in exchange.body.get("input", ())]


def pairs(server: FaultyServer) -> list[Body]:
    return [exchange.body for exchange in server.exchanges if exchange.body["model"] == CHECKER]


def dropped(inspected: Inspected) -> dict[str, dict[str, int]]:
    return {skill: part.dropped for skill, part in inspected.assembled.funnel.skills.items() if part.dropped}


def test_paraphrases_are_dropped_and_what_only_sounds_alike_stays(tmp_path: Path, server: FaultyServer) -> None:
    bench, rows = Bench(tmp_path, server), mixed()
    inspected = bench.inspect(rows)
    assert not inspected.failure
    assert dropped(inspected) == {"warm": {NEIGHBOUR: 8}}
    assert {sample.skill for sample in bench.left} == {"cold"}
    assert len(bench.left) == 16
    assert inspected.near == 16
    funnel = inspected.assembled.funnel
    assert all(part.made == part.accepted + sum(part.dropped.values()) for part in funnel.skills.values())
    assert (funnel.accepted, funnel.skills["warm"].missing) == (16, 8)

    spent = inspected.assembled.spent
    assert (spent.requests, spent.tokens) == (0, server.tokens)
    true = sum(exchange.prompt * 100_000 + exchange.completion * 400_000 for exchange in server.exchanges)
    assert spent.picodollars == true
    asked = Counter(text for text in texts(server))
    assert asked.keys() == {*QUESTIONS, *(sample.prompt for sample in rows)}
    assert set(asked.values()) == {1}
    server.stop()
    bench.check_replay(rows, inspected)
    server.start()


def test_without_the_section_nobody_is_asked(tmp_path: Path, server: FaultyServer) -> None:
    bench = Bench(tmp_path, server)
    gates = bench.spec.dataset.gates
    off = gates.model_copy(update={"contamination": gates.contamination.model_copy(update={"neighbours": None})})
    dataset = bench.spec.dataset.model_copy(update={"gates": off})
    bench.spec = bench.spec.model_copy(update={"dataset": dataset})
    inspected = bench.inspect(mixed())
    assert (server.received, len(bench.left), inspected.failure) == (0, 24, "")
    bench.check_replay(mixed(), inspected)


def test_questions_are_embedded_once_in_a_run_and_every_attempt_can_be_replayed(
    tmp_path: Path, server: FaultyServer
) -> None:
    bench = Bench(tmp_path, server)
    bench.inspect(mixed())
    first = server.tokens
    later = [
        row(paraphrase(QUESTIONS[0]).replace("kettle", "kettle kettle")),
        *(row(unlike(100 + n)) for n in range(5)),
    ]
    inspected = bench.inspect(later, attempt=2, epoch=3)
    assert inspected.assembled.spent.tokens == server.tokens - first, "what an earlier attempt paid is not paid again"
    assert all(count == 1 for count in Counter(texts(server)).values())
    assert dropped(inspected) == {"warm": {NEIGHBOUR: 1}}
    bench.check_replay(later, inspected, attempt=2)


def test_carried_rows_were_inspected_before(tmp_path: Path, server: FaultyServer) -> None:
    rows = [row(unlike(1), carried="v1-000000000000"), row(unlike(2))]
    bench = Bench(tmp_path, server)
    inspected = bench.inspect(rows)
    assert not any(unlike(1) in text for text in texts(server))
    assert (inspected.assembled.carried, len(bench.left)) == (1, 2)


def test_rows_that_answer_seeds_may_copy_seeds_and_nothing_else(tmp_path: Path, server: FaultyServer) -> None:
    seed = f"how many stripes has a {SECRET} on its legs and tail"
    rows = [row(paraphrase(seed), source="solve"), row(paraphrase(QUESTIONS[0]), "cold", source="solve")]
    bench = Bench(tmp_path, server)
    inspected = bench.inspect(rows, questions=[*protected(), *seeds(seed)])
    assert dropped(inspected) == {"cold": {NEIGHBOUR: 1}}
    bench.check_replay(rows, inspected)
    rows = [row(paraphrase(seed), source="evolve")]
    inspected = bench.inspect(rows, attempt=2, questions=[*protected(), *seeds(seed)])
    assert dropped(inspected) == {"warm": {SEED_NEIGHBOUR: 1}}
    told = [pair["messages"][0]["content"] for pair in pairs(server)]
    assert ["Other figures do not either" in words for words in told] == [True, False]


# --- in doubt ---


def test_rows_that_nobody_can_embed_are_dropped_and_those_beside_them_are_not(tmp_path: Path) -> None:
    def too_long(body: Body, before: int) -> Fault | None:
        long = any("endless" in text for text in body.get("input", ()))
        return Fault("status", status=400, message=f"too long: {body}") if long else None

    rows = [*(row(unlike(number)) for number in range(9)), row("an endless story", "cold")]
    with FaultyServer(answer=seeing, faults=too_long, key=KEY) as server:
        bench = Bench(tmp_path, server)
        inspected = bench.inspect(rows)
    assert dropped(inspected) == {"cold": {UNCHECKED: 1}}
    assert len(bench.left) == 9
    assert inspected.assembled.spent.tokens == server.tokens
    bench.check_replay(rows, inspected)


@pytest.mark.parametrize("kind", ["prose", "refusal", "cut-off", "error"])
def test_a_checker_that_gives_no_verdict_clears_nobody(kind: Any, tmp_path: Path) -> None:
    def mute(body: Body, before: int) -> Fault | None:
        return Fault(kind) if body["model"] == CHECKER else None

    rows = [row(different(QUESTIONS[0])), row(unlike(1), "cold")]
    with FaultyServer(answer=seeing, faults=mute, key=KEY) as server:
        bench = Bench(tmp_path, server)
        inspected = bench.inspect(rows)
    assert dropped(inspected) == {"warm": {UNCHECKED: 1}}
    assert len(pairs(server)) == 3
    bench.check_replay(rows, inspected)


def test_a_verdict_is_asked_for_again_when_it_cannot_be_read(tmp_path: Path) -> None:
    faults: Plan = lambda body, before: (  # noqa: E731
        Fault("prose") if body["model"] == CHECKER and len(pairs(server)) == 0 else None
    )
    rows = [row(different(QUESTIONS[0]))]
    with FaultyServer(answer=seeing, faults=faults, key=KEY) as server:
        bench = Bench(tmp_path, server, concurrency=1)
        inspected = bench.inspect(rows)
    assert len(bench.left) == 1
    bench.check_replay(rows, inspected)


def test_a_question_that_cannot_be_embedded_stops_the_run_and_is_not_told(tmp_path: Path) -> None:
    def refuses(body: Body, before: int) -> Fault | None:
        long = QUESTIONS[3] in body.get("input", ())
        return Fault("status", status=400, message=f"too long: {body['input']}") if long else None

    questions = pytest.raises(GateError, match="1 of 8 protected questions")
    with FaultyServer(answer=seeing, faults=refuses, key=KEY) as server, questions as caught:
        Bench(tmp_path, server).inspect(mixed())
    assert SECRET not in str(caught.value)


# --- budgets ---


def test_what_cannot_be_compared_for_lack_of_money_may_not_be_used(tmp_path: Path, server: FaultyServer) -> None:
    bench, rows = Bench(tmp_path, server), mixed()
    inspected = bench.inspect(rows, limit=Limit(tokens=1500, requests=0))
    assert "budget" in inspected.failure
    assert SECRET not in inspected.failure
    assert len(bench.left) == 24
    assert server.tokens == inspected.assembled.spent.tokens <= 1500
    assert not pairs(server)


def test_rows_that_cannot_be_checked_for_lack_of_money_are_dropped(tmp_path: Path, server: FaultyServer) -> None:
    bench, rows = Bench(tmp_path, server), mixed()
    inspected = bench.inspect(rows, limit=Limit(picodollars=750_000_000))
    reasons = inspected.assembled.funnel.dropped
    assert 0 < reasons[UNCHECKED] < 16
    assert 0 < len(pairs(server)) < 16
    assert inspected.assembled.spent.picodollars <= 750_000_000
    assert not any(sample for sample in bench.left if sample.skill == "warm")
    bench.check_replay(rows, inspected)


FAULTS = {
    Fault("busy", retry_after=0.01): 0.05,
    Fault("away"): 0.03,
    Fault("error"): 0.05,
    Fault("reset"): 0.05,
    Fault("half"): 0.05,
    Fault("malformed"): 0.05,
    Fault("prose"): 0.06,
    Fault("empty"): 0.05,
    Fault("usage", usage="plenty"): 0.05,
    Fault("usage", usage=frozenset({"prompt_tokens": -5, "completion_tokens": 1}.items())): 0.05,
}


@pytest.mark.parametrize("most", [20_000, 400_000])
def test_budgets_hold_whatever_the_server_does_and_no_paraphrase_passes(most: int, tmp_path: Path) -> None:
    rows = mixed(16)
    with FaultyServer(answer=seeing, faults=seeded(3, FAULTS), key=KEY) as server:
        bench = Bench(tmp_path, server)
        inspected = bench.inspect(rows, limit=Limit(tokens=most))
    spent = inspected.assembled.spent
    assert server.tokens <= spent.tokens <= most
    assert bench.logged().spent.tokens == spent.tokens
    assert not inspected.failure
    assert not any(sample.skill == "warm" for sample in bench.left)
    assert bench.left
    assert (most > 20_000) == (inspected.assembled.funnel.dropped.get(UNCHECKED, 0) < 8)
    bench.check_replay(rows, inspected)


# --- the wall ---


def test_no_question_leaves_by_an_error_or_by_the_embeddings_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def echoes(body: Body, before: int) -> Fault | None:
        return Fault("status", status=404, message=f"no model for {body}") if body["model"] == EMBEDDER else None

    absent = pytest.raises(EndpointError, match=r"/embeddings with the model embedder is not there")
    with FaultyServer(answer=seeing, faults=echoes, key=KEY) as server, absent as caught:
        Bench(tmp_path, server).inspect(mixed())
    assert SECRET not in str(caught.value)
    out, err = capfd.readouterr()
    assert SECRET not in out + err

    with FaultyServer(answer=seeing, key=KEY) as server:
        (tmp_path / "other").mkdir()
        bench = Bench(tmp_path / "other", server)
        inspected = bench.inspect(mixed())
    assert SECRET not in repr(inspected.assembled.funnel) + repr(bench.left) + inspected.failure
    for record in records(bench.store.child("inspection"), 1):
        line = record.to_line().decode()
        assert KEY not in line
        if record.request is not None and "texts" in record.request:
            assert SECRET not in line


def test_a_log_that_is_not_whole_replays_nothing(tmp_path: Path, server: FaultyServer) -> None:
    bench, rows = Bench(tmp_path, server), mixed()
    inspected = bench.inspect(rows)
    with pytest.raises(StorageError, match="cannot be replayed"):
        bench.check_replay([*rows, row(unlike(77))], inspected)


def test_any_endpoint_that_is_away_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    with FaultyServer(answer=seeing, faults=scripted(Fault("away")), key=KEY) as server:
        bench = Bench(tmp_path, server)
        inspected = bench.inspect(mixed(2))
    assert dropped(inspected) == {"warm": {NEIGHBOUR: 2}}
    assert inspected.assembled.spent.tokens == server.tokens


@pytest.mark.slow
def test_real_models_are_asked_and_what_they_said_decides_again(tmp_path: Path) -> None:
    """What so small a model says is not asserted: that rows near a question reach it, others do not, and replay is."""
    apples = "How many apples does Tom have after he gives three of his eight apples to Ann?"
    near = "Tom has eight apples and gives three of his apples to Ann. How many apples does Tom have after that?"
    rows = [row(near), row("Which enzyme unwinds the double helix during DNA replication?", "cold")]
    with serve_llama(slots=1, context=512, embeddings=True) as embedder, serve_llama(slots=1) as talker:
        checker = {"model": MODEL, "endpoint": {"baseUrl": talker.url}, "sampling": {"maxTokens": 96}, "price": PRICE}
        section = {"model": MODEL, "endpoint": {"baseUrl": embedder.url}, "threshold": 0.9, "checker": checker}
        spec = spec_of(tmp_path, talker.url, **section)
        store = Store.open(str(tmp_path / "runs")).child("small")
        inspection = Inspection(spec, store, protected=protected([apples]), epoch=1)
        with Spool() as spool:
            inspected = inspection.carry_out(1, assembled(spool, rows), Limit(tokens=50_000))
            left = list(spool)
    assert inspected.near == 1
    assert [sample.skill for sample in left] in (["cold"], ["warm", "cold"], ["cold", "warm"])
    assert 100 < inspected.assembled.spent.tokens < 5_000
    with Spool() as spool:
        again = Inspection(spec, store).replayed(1, assembled(spool, rows))
        assert list(spool) == left
    assert again.assembled.funnel == inspected.assembled.funnel
