"""Whole runs whose rows, and whose recipes if a model plans, come over HTTP from a server that misbehaves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from preceptor import app
from preceptor.endpoints.index import LogIndex
from preceptor.endpoints.records import unpack
from preceptor.errors import BudgetError, EndpointDownError, EndpointError
from preceptor.loop.events import (
    AnyEvent,
    AttemptFailed,
    DatasetCommitted,
    ProposalFailed,
    RecipeDrafted,
    SearchEnded,
    from_record,
)
from preceptor.loop.in_process import InProcess
from preceptor.recipes.amount import PICODOLLARS, Amount
from preceptor.report.schema import Report
from preceptor.spec.load import load
from preceptor.storage import datasets, layout
from preceptor.storage.ledger import read_records
from preceptor.storage.store import Store
from support.faulty import Fault, FaultyServer, seeded
from support.model_run import KEY, PLAN, write_model_run
from support.sensible import Body
from support.silent import SilentReporter
from support.small_run import OTHER_THINGS
from support.versatile import HARD, PLANNER, operation, planned, versatile, wish

PRICE = {"input": 0.15, "output": 0.6}
QUICK: dict[str, Any] = {"student__training__epochs": 1, "evaluation__seeds": 1}
FAULTS: Mapping[Fault, float] = {
    Fault("busy", message=f"{KEY} asks too much"): 0.02,
    Fault("busy", retry_after=0.01): 0.03,
    Fault("away"): 0.01,
    Fault("away", retry_after=0.01): 0.02,
    Fault("error", message=f"{KEY} broke it"): 0.03,
    Fault("hang"): 0.01,
    Fault("reset"): 0.03,
    Fault("half"): 0.03,
    Fault("malformed"): 0.03,
    Fault("prose"): 0.03,
    Fault("usage", usage="plenty"): 0.02,
    Fault("usage", usage=frozenset({"prompt_tokens": 10**15, "completion_tokens": 10**15}.items())): 0.02,
    Fault("usage", usage=frozenset({"prompt_tokens": -5, "completion_tokens": 1}.items())): 0.02,
    Fault("usage", usage=None): 0.02,
    Fault("cut-off"): 0.03,
    Fault("empty"): 0.03,
    Fault("refusal"): 0.02,
    Fault("filtered"): 0.02,
    Fault("drip", seconds=0.002): 0.02,
}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRECEPTOR_TEST_KEY", KEY)


class Watching(SilentReporter):
    """Keeps how many requests the server had carried out when each event happened."""

    def __init__(self, server: FaultyServer) -> None:
        super().__init__()
        self._server = server
        self.carried_out: list[int] = []

    def happened(self, event: AnyEvent, within: str = "") -> None:
        super().happened(event, within)
        self.carried_out.append(self._server.carried_out)

    def by_attempt(self) -> list[int]:
        """Requests carried out for the rows of each attempt."""
        made = zip(self.carried_out, self.carried_out[1:], self.events[1:], strict=False)
        return [after - before for before, after, event in made if isinstance(event, DatasetCommitted | AttemptFailed)]


def carry_out(document: Path, reporter: SilentReporter | None = None) -> Report:
    """The report of the run, whether it came to a dataset or not."""
    try:
        return app.run(load(document), storage=None, reporter=reporter or SilentReporter(), workforce=InProcess).report
    except BudgetError:
        return app.read_report(stored(document))


def stored(document: Path) -> Store:
    return Store.open(str(document.parent / "runs")).child("small")


def events(document: Path) -> list[AnyEvent]:
    return [from_record(record) for record in read_records(stored(document))]


def of_kind(document: Path, *kinds: type[Any]) -> list[Any]:
    return [event for event in events(document) if isinstance(event, kinds)]


def spent(document: Path) -> tuple[Amount, Amount]:
    """What the ledger says that teacher and engineer used up."""
    teacher = sum((Amount.from_data(e.spent) for e in of_kind(document, DatasetCommitted, AttemptFailed)), Amount())
    plans = [event for event in events(document) if event.type in ("recipe-drafted", "proposal-failed", "search-ended")]
    return teacher, sum((Amount.from_data(event.spent) for event in plans), Amount())


def check_accounts(document: Path, report: Report) -> None:
    """The report says what the ledger says, the ledger what the log says, and no row is unaccounted for."""
    teacher, engineer = spent(document)
    assert report.budget["teacherRequests"].spent == teacher.requests
    assert report.budget["tokens"].spent == teacher.tokens + engineer.tokens
    assert report.budget["usd"].spent == (teacher + engineer).usd
    assert report.budget["engineerRequests"].spent == engineer.requests
    assert report.budget["engineerUsd"].spent == engineer.usd
    logged = sum((LogIndex.read(stored(document), n).spent for n in range(1, report.attempts.total + 1)), Amount())
    assert logged == teacher + engineer
    outcomes = of_kind(document, DatasetCommitted, AttemptFailed)
    fresh = [e.rows - e.carried if isinstance(e, DatasetCommitted) else e.accepted for e in outcomes]
    for event, accepted in zip(outcomes, fresh, strict=True):
        assert event.made == accepted + sum(event.dropped.values())
    assert report.funnel.made == report.budget["rows"].spent == sum(event.made for event in outcomes)
    assert report.funnel.made == report.funnel.accepted + sum(report.funnel.dropped.values())


def check_replay(document: Path) -> None:
    """Every version comes out of the log again, without a server and without a key."""
    again = list(app.replayed(stored(document), document.parent))
    assert [one.version for one in again] == [event.version for event in of_kind(document, DatasetCommitted)]
    assert all(one.same for one in again)
    assert all(one.requests for one in again)


def contents(document: Path) -> Iterator[tuple[str, bytes]]:
    """Every file that the run left, and what is compressed once more as it reads."""
    for file in sorted(path for path in (document.parent / "runs").rglob("*") if path.is_file()):
        yield file.name, file.read_bytes()
        if f"/{layout.TEACHER}" in file.as_posix():
            yield file.name, b"".join(unpack(file.read_bytes()))
    for version in datasets.versions(stored(document)):
        yield version, repr(datasets.read_rows(stored(document), version)).encode()


def fixed(quota: int = 16, **changes: Any) -> dict[str, Any]:
    plan = deepcopy(PLAN) | {
        "validators": [
            {"kind": "agreement", "solutions": 2, "agree": 1},
            {"kind": "judge", "rubric": "It says where the thing is.", "threshold": 3},
        ],
        **changes,
    }
    for skill in plan["skills"]:
        skill["quota"] = quota
    return {"kind": "fixed", "recipe": plan}


# --- faults and budgets ---


@pytest.mark.parametrize(
    ("budget", "most"),
    [
        ("teacherRequests", 60),
        ("teacherRequestsPerAttempt", 60),
        ("tokens", 100_000),
        ("usd", 0.016),
    ],
)
def test_budgets_hold_whatever_the_server_does_and_everything_is_accounted_for(
    budget: str,
    most: float,
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with FaultyServer(answer=versatile(), faults=seeded(7, FAULTS), key=KEY) as server:
        document = write_model_run(
            tmp_path,
            tiny,
            server.url,
            **QUICK,
            engineer=fixed(quota=12),
            teacher__endpoint__timeout="0.5s",
            dataset={"size": 24, "minimum": 4},
            budget={"iterations": 1, "attempts": 3, budget: most},
        )
        watching = Watching(server)
        report = carry_out(document, watching)
    monkeypatch.delenv("PRECEPTOR_TEST_KEY")

    teacher, _ = spent(document)
    assert server.carried_out <= teacher.requests
    assert server.tokens <= teacher.tokens
    true = sum(exchange.prompt * PRICE["input"] + exchange.completion * PRICE["output"] for exchange in carried(server))
    assert true / 1e6 <= teacher.usd
    used = {
        "teacherRequests": teacher.requests,
        "teacherRequestsPerAttempt": max(e.spent["requests"] for e in of_kind(document, DatasetCommitted)),
        "tokens": teacher.tokens,
        "usd": teacher.usd,
    }
    assert most / 2 < used[budget] <= most
    assert all(
        after <= event.spent.get("requests", 0)
        for after, event in zip(watching.by_attempt(), of_kind(document, DatasetCommitted, AttemptFailed), strict=True)
    )
    short = [event.short for event in of_kind(document, DatasetCommitted, AttemptFailed)]
    [ended] = of_kind(document, SearchEnded)
    assert any(short) or ended.reason == budget, "the budget never bound"
    assert len({exchange.fault.kind for exchange in server.exchanges if exchange.fault}) >= 8

    check_accounts(document, report)
    check_replay(document)
    secret = KEY.encode()
    assert [name for name, data in contents(document) if secret in data] == []
    out, err = capfd.readouterr()
    assert KEY not in out + err + repr(watching.events)


def carried(server: FaultyServer) -> list[Any]:
    return [exchange for exchange in server.exchanges if exchange.carried_out]


# --- endpoints that nobody can work with ---


def test_a_wrong_key_is_one_error_that_costs_nothing_and_the_right_one_continues(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultyServer(answer=versatile(), key=KEY) as server:
        document = write_model_run(tmp_path, tiny, server.url, **QUICK, engineer=fixed(), budget__iterations=1)
        monkeypatch.setenv("PRECEPTOR_TEST_KEY", "sk-of-somebody-else")
        with pytest.raises(EndpointError) as caught:
            carry_out(document)
        assert caught.value.exit_code == 2
        assert caught.value.mend
        assert "sk-of-somebody-else" not in str(caught.value)
        assert server.received > server.carried_out == 0
        assert LogIndex.read(stored(document), 1).spent == Amount()

        monkeypatch.setenv("PRECEPTOR_TEST_KEY", KEY)
        report = carry_out(document)
        assert report.budget["tokens"].spent == server.tokens
        assert report.budget["teacherRequests"].spent == server.carried_out
        check_accounts(document, report)
    check_replay(document)


def test_an_endpoint_that_is_away_stops_the_run_until_it_is_back(tiny: Path, tmp_path: Path) -> None:
    with FaultyServer(answer=versatile(), key=KEY) as server:
        document = write_model_run(
            tmp_path,
            tiny,
            server.url,
            **QUICK,
            engineer=fixed(),
            teacher__endpoint__patience="1s",
            budget__iterations=1,
        )
        server.stop()
        with pytest.raises(EndpointDownError, match="same command continues"):
            carry_out(document)
        assert events(document)[-1].type == "recipe-drafted"
        server.start()
        report = carry_out(document)
        assert report.budget["tokens"].spent == server.tokens
        check_accounts(document, report)
    check_replay(document)


# --- a model plans ---


def test_a_model_that_plans_goes_through_every_operation(tiny: Path, tmp_path: Path) -> None:
    def planner(prompt: str) -> Any:
        match operation(prompt):
            case "debug":
                return planned(*(plan(skill, wish(skill, f" {HARD}")) for skill in ("warm", "cold")))
            case "repair":  # the template fails for some of the values, none of which is tried beforehand
                odd = {**wish("cold"), "template": wish("cold")["template"] + " {{ 6 // (wish % 7) }}"}
                return planned(plan("warm", wish("warm")), plan("cold", odd))
            case "improve":
                return planned(*(plan(skill, wish(skill, " indeed")) for skill in ("warm", "cold")))
            case _:
                return "I should think about this first."

    with FaultyServer(answer=versatile(planner), key=KEY) as server:
        document = write_model_run(tmp_path, tiny, server.url, llm=True, evaluation__seeds=1, engineer__price=PRICE)
        report = carry_out(document)

    proposals = of_kind(document, RecipeDrafted, ProposalFailed)
    assert [event.operation for event in proposals] == ["draft", "debug", "repair", "improve"]
    failed, debugged, repaired, _ = proposals
    assert (failed.kind, failed.spent["requests"]) == ("unreadable", 3)
    assert debugged.prompts.keys() >= {"system", "proposal", "invalid"}
    [gave_up] = of_kind(document, AttemptFailed)
    assert (gave_up.attempt, gave_up.kind, gave_up.accepted) == (2, "too-few-rows", 0)
    committed = of_kind(document, DatasetCommitted)
    assert committed[0].attempt == repaired.attempt == 3
    assert committed[0].dropped["unrenderable"] > 0
    assert (report.attempts.total, report.attempts.valid, report.attempts.mats) == (4, 2, 2.0)
    assert report.attempts.failures == {"unreadable": 1, "too-few-rows": 1}

    assert {(one.attempt, one.skill, one.predicted) for one in report.forecasts} == {
        (attempt, skill, 0.5) for attempt in (3, 4) for skill in ("warm", "cold")
    }
    assert all(one.actual is not None and one.n > 0 for one in report.forecasts)
    asked = Counter(exchange.body["model"] for exchange in server.exchanges)
    assert report.budget["engineerRequests"].spent == asked[PLANNER] == 6
    assert report.budget["teacherRequests"].spent == asked["writer"]
    assert report.budget["tokens"].spent == server.tokens
    assert round(report.budget["engineerUsd"].spent * PICODOLLARS) == sum(
        exchange.prompt * 150_000 + exchange.completion * 600_000
        for exchange in server.exchanges
        if exchange.body["model"] == PLANNER
    )
    check_accounts(document, report)
    check_replay(document)


def test_the_tries_of_a_one_shot_plan_know_nothing_of_each_other(tiny: Path, tmp_path: Path) -> None:
    tries = iter(
        [
            *["no plan"] * 3,
            planned(*(plan(skill, wish(skill, f" {HARD}")) for skill in ("warm", "cold"))),
            planned(*(plan(skill, wish(skill)) for skill in ("warm", "cold"))),
        ]
    )
    with FaultyServer(answer=versatile(lambda prompt: next(tries)), key=KEY) as server:
        document = write_model_run(tmp_path, tiny, server.url, **QUICK, llm=True, engineer__strategy="oneShot")
        report = carry_out(document)

    assert [event.operation for event in of_kind(document, RecipeDrafted, ProposalFailed)] == ["draft"] * 3
    assert (report.attempts.total, report.attempts.valid) == (3, 1)
    assert len(report.iterations) == 1
    questions = [turns(exchange.body) for exchange in server.exchanges if exchange.body["model"] == PLANNER]
    first, second, third = (_without_budget(question) for question in (questions[0], questions[3], questions[4]))
    assert first == second == third, "every try is asked the same, but for what is left"
    items = [json.loads(line)["q"] for line in (tmp_path / "items.jsonl").read_text().splitlines()]
    assert len(items) == 2 * len(OTHER_THINGS)
    for question in (message for turn in questions for message in turn):
        assert not any(item in question for item in items)
        assert "got wrong" not in question
        assert "Accuracy on feedback" not in question
    check_accounts(document, report)
    check_replay(document)


def _without_budget(messages: list[str]) -> list[str]:
    system, question = messages
    before, _, rest = question.partition("# What is left")
    return [system, before, rest.partition("\n\n#")[2]]


def turns(body: Body) -> list[str]:
    return [message["content"] for message in body["messages"]]


def plan(skill: str, *sources: Mapping[str, Any]) -> dict[str, Any]:
    return {"skill": skill, "quota": 16, "sources": list(sources)}


# --- every kind of source ---


def test_every_kind_of_source_in_one_run(tiny: Path, tmp_path: Path) -> None:
    pairs = [(thing, *pair) for pair in WORDS for thing in OTHER_THINGS]
    questions = [{"q": f"a {thing} {word}", "skill": skill} for thing, skill, word in pairs]
    pool = [{"q": f"that {thing} {word}", "skill": skill, "a": skill} for thing, skill, word in pairs]
    for name, records in (("seeds.jsonl", questions), ("pool.jsonl", pool)):
        (tmp_path / name).write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")

    def planner(prompt: str) -> Any:
        if operation(prompt) == "improve":
            sources = ({"kind": "evolve", "change": "numbers"}, {"kind": "solve"}, {"kind": "pool"})
            return planned(*(plan(skill, *sources) for skill in ("warm", "cold")), carryOver={"share": 0.25})
        sources = (wish("any", weight=2), {"kind": "solve"}, {"kind": "pool"})
        return planned(*(plan(skill, *sources) for skill in ("warm", "cold")))

    with FaultyServer(answer=versatile(planner), key=KEY) as server:
        document = write_model_run(
            tmp_path,
            tiny,
            server.url,
            llm=True,
            evaluation__seeds=1,
            task__seeds={"uri": "seeds.jsonl"},
            teacher__pool={"uri": "pool.jsonl", "answer": "{{ a }}", "skill": "{{ skill }}"},
        )
        report = carry_out(document)
    check_accounts(document, report)
    check_replay(document)

    first, second = of_kind(document, DatasetCommitted)
    assert sources_of(document, first.version) == {"prompt": 16, "solve": 8, "pool": 8}
    assert (second.carried, second.rows) == (8, 32)
    fresh = [row for row in rows_of(document, second.version) if row["receipt"]["carried_from"] is None]
    made = Counter(row["receipt"]["source"] for row in fresh)
    assert made.keys() == {"evolve", "solve", "pool"}
    twice = second.dropped.get("duplicate", 0)  # the pool's rows and the seeds that are carried over come again
    assert max(made.values()) - min(made.values()) <= 4 + twice, "a unit's rows apart, but for what was dropped"
    parents = {row["id"] for row in rows_of(document, first.version)}
    for row in [*rows_of(document, first.version), *fresh]:
        receipt = row["receipt"]
        if receipt["source"] == "pool":
            assert not any(receipt.get(name) for name in ("model", "requests", "tokens"))
            continue
        assert receipt["model"] == "writer"
        assert receipt["tokens"] > 0 < receipt["usd"]
        known = LogIndex.read(stored(document), receipt["attempt"])
        assert len(receipt["requests"]) >= 2
        assert all(request in known for request in receipt["requests"])
        assert len(receipt["parents"]) == (receipt["source"] == "evolve")
        assert set(receipt["parents"]) <= parents

    duckdb = pytest.importorskip("duckdb")
    files = document.parent / "runs" / "small" / "datasets" / second.version / "data-*.parquet"
    counted = duckdb.sql(
        f"select coalesce(receipt.source, 'procedural'), sum(receipt.tokens) > 0 from '{files}' group by 1 order by 1"
    )
    assert dict(counted.fetchall()).keys() >= {"evolve", "solve", "pool"}


WORDS = (("warm", "by a fire"), ("cold", "under some snow"))


def rows_of(document: Path, version: str) -> list[Any]:
    return list(datasets.read_rows(stored(document), version))


def sources_of(document: Path, version: str) -> Counter[str]:
    return Counter(row["receipt"]["source"] for row in rows_of(document, version))
