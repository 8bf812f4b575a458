"""One-shot, heuristic and distilled comparisons of a run that a model plans: what is asked stays within the budget."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from preceptor import app
from preceptor.closing.arms import LeftOutError, solving
from preceptor.endpoints.index import LogIndex
from preceptor.loop.events import ControlEnded, from_record
from preceptor.loop.in_process import InProcess
from preceptor.recipes.amount import Amount
from preceptor.spec.load import load
from preceptor.storage import datasets
from preceptor.storage.ledger import read_records
from preceptor.storage.store import Store
from support.faulty import Fault, FaultyServer, seeded
from support.model_run import KEY, write_model_run
from support.silent import SilentReporter
from support.small_run import THINGS
from support.versatile import planned, versatile, wish

BUDGET = {"iterations": 2, "attempts": 4, "teacherRequests": 1200, "tokens": 900_000, "usd": 2, "rows": 400}
THING = {"thing": {"kind": "category", "of": list(THINGS)}, "number": {"kind": "number", "low": 1, "high": 99}}
GENERATORS = {
    "warm": {"kind": "sampler", "answer": "warm", "forms": [{"input": {"q": "{{ number }} {{ thing }} on the fire"}}]},
    "cold": {"kind": "sampler", "answer": "cold", "forms": [{"input": {"q": "{{ number }} {{ thing }} in the snow"}}]},
}


def plans(prompt: str) -> dict[str, Any]:
    return planned(*({"skill": skill, "quota": 12, "sources": [wish(skill)]} for skill in ("warm", "cold")))


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRECEPTOR_TEST_KEY", KEY)


def test_three_comparisons_search_within_what_the_run_leaves_them(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = ("beside a fire", "below the snow")
    seeds = [{"q": f"one {thing} {place}"} for thing in THINGS for place in places]
    (tmp_path / "seeds.jsonl").write_text("".join(json.dumps(seed) + "\n" for seed in seeds))
    faults = seeded(3, {Fault("busy", retry_after=0.01): 0.03, Fault("malformed"): 0.03, Fault("reset"): 0.02})
    with FaultyServer(answer=versatile(plans), faults=faults, key=KEY) as server:
        document = write_model_run(
            tmp_path,
            tiny,
            server.url,
            llm=True,
            teacher__generators=GENERATORS,
            teacher__values=THING,
            task__seeds={"uri": "seeds.jsonl"},
            dataset={"size": 24, "minimum": 8},
            budget=BUDGET,
            evaluation={
                "seeds": 1,
                "controls": {"prompted": False, "ceiling": True, "oneShot": True, "heuristic": True}
                | {"distillation": True},
            },
        )
        app.run(load(document), storage=None, reporter=SilentReporter(), workforce=InProcess)
        asked, tokens = server.carried_out, server.tokens
    monkeypatch.delenv("PRECEPTOR_TEST_KEY")

    store = Store.open(str(tmp_path / "runs")).child("small")
    events = [from_record(record) for record in read_records(store)]
    state = app.read_state(store)
    ended = {event.control: event for event in events if isinstance(event, ControlEnded)}
    assert state.best is not None, (state.ended, [attempt.failure for attempt in state.attempts])
    assert [ended[name].skipped for name in ("ceiling", "oneShot", "heuristic", "distillation")] == [""] * 4

    # The whole of it, as the server counted it, is accounted for and within the document's budget.
    whole = state.spent
    planned_with = state.spent_on_engineer.requests + state.planned_for_controls
    assert asked <= whole.requests
    assert tokens <= whole.tokens <= BUDGET["tokens"]
    assert whole.requests - planned_with <= BUDGET["teacherRequests"]
    assert whole.usd <= BUDGET["usd"]
    assert whole.rows <= BUDGET["rows"]

    # Each used up no more than the search might have.
    for name in ("oneShot", "heuristic", "distillation"):
        event, child = ended[name], store.child(ended[name].directory)
        arm = app.read_state(child)
        assert event.made <= BUDGET["rows"] // 4
        assert Amount.from_data(event.spent).tokens <= BUDGET["tokens"] // 3
        logged = sum((LogIndex.read(child, n).spent for n in range(1, len(arm.attempts) + 2)), Amount())
        assert logged.tokens == Amount.from_data(event.spent).tokens
        assert app.read_report(child).name.startswith("small-")
        assert all(version.same for version in app.replayed(child, tmp_path))
    assert Amount.from_data(ended["heuristic"].spent) == Amount()
    assert ended["distillation"].planned_with == 0

    distilled = store.child("controls/distillation")
    questions = {seed["q"] for seed in seeds}
    rows = [row for version in datasets.versions(distilled) for row in datasets.read_rows(distilled, version)]
    assert rows
    assert {row["prompt"] for row in rows} <= questions
    heuristic = app.read_state(store.child("controls/heuristic"))
    assert len(heuristic.iterations) == len(state.iterations)


def test_a_distillation_shares_its_rows_out_over_the_skills_of_the_seeds(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "seeds.jsonl").write_text('{"q": "one thing beside a fire"}\n')
    seeds, dataset = {"uri": "seeds.jsonl"}, {"size": 24, "minimum": 8}
    path = write_model_run(tmp_path, tiny, "http://127.0.0.1:9", llm=True, task__seeds=seeds, dataset=dataset)
    spec = load(path).spec.spec

    def quotas(skills: list[str | None]) -> dict[str, int]:
        return {plan.skill: plan.quota for plan in solving(spec, skills).skills}

    assert quotas([None] * 30) == {"all": 24}
    assert quotas(["warm"] * 30 + ["cold"] * 10) == {"cold": 6, "warm": 18}
    assert quotas(["warm"] * 8 + [None] * 4) == {"all": 12}
    with pytest.raises(LeftOutError, match="there are 7 seeds, too few for a version"):
        solving(spec, [None] * 7)
