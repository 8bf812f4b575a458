"""What the gates dropped, what was planted, and the check of the published version that does without them."""

from __future__ import annotations

from typing import Any

import pytest

from preceptor.loop.events import (
    AnyEvent,
    AttemptFailed,
    DatasetCommitted,
    RecipeDrafted,
    RunStarted,
    SafeguardsTested,
)
from preceptor.loop.state import RunState, fold
from preceptor.report import safeguards, schema
from preceptor.spec.document import Spec
from preceptor.tasks.items import Item
from preceptor.tasks.splits import Split, SplitName
from support.payments import recipe, spec

STARTED = RunStarted(document={}, document_digest="d", splits={}, items={}, versions={})
TESTED = SafeguardsTested(
    planted={"exact copy (private)": 8, "secret": 1},
    stopped={"exact copy (private)": 8, "secret": 1},
    protected={"private": 1, "seeds": 40},
    index="abc",
)


def drafted(attempt: int) -> RecipeDrafted:
    return RecipeDrafted(attempt=attempt, operation="draft", recipe=recipe(letter=20), digest="r")


def run(*events: AnyEvent) -> RunState:
    return fold([STARTED, *events])


def two_attempts() -> RunState:
    failed = AttemptFailed(
        attempt=1, reason="few", accepted=1, made=9, dropped={"contaminated-ngram": 3, "empty": 5}, seconds=1
    )
    committed = DatasetCommitted(
        attempt=2,
        version="v1-000000000000",
        rows=20,
        skills={"letter": 20},
        made=40,
        dropped={"duplicate": 15, "contaminated-ngram": 1, "contaminated-exact": 2, "seed-copy-coverage": 2},
        seconds=1,
    )
    return run(TESTED, drafted(1), failed, drafted(2), committed)


def splits() -> dict[SplitName, Split]:
    def split(name: SplitName, *questions: str) -> Split:
        items = tuple(Item(f"{name}{n}", {}, text, "r", "all", "c") for n, text in enumerate(questions))
        return Split(name, items, "digest")

    return {
        "feedback": split("feedback", "Pay Anna 5"),
        "selection": split("selection", "Pay Bela 6"),
        "private": split("private", "Pay Chen 7"),
    }


def gates(**changes: Any) -> Spec:
    document = spec()
    plain = {"dataset": {**document.dataset.model_dump(by_alias=True), "gates": changes}}
    return Spec.model_validate({**document.model_dump(by_alias=True), **plain})


def checked(*rows: tuple[str, str, float], state: RunState | None = None, document: Spec | None = None) -> Any:
    recheck = safeguards.Recheck(document or spec(), splits(), state or run(TESTED))
    for prompt, neighbour, similarity in rows:
        receipt = {"neighbour": neighbour, "similarity": similarity} if neighbour else {}
        recheck.add({"prompt": prompt, "receipt": receipt})
    return recheck.result()


def test_rows_that_ask_an_item_are_found_without_the_gate() -> None:
    found = checked(("pay  CHEN\n7", "", 0), ("Pay Chen 8", "", 0), ("pay chen 7", "", 0), ("Pay Anna 5", "", 0))
    assert found.checked_rows == 4
    assert found.exact_questions == {"feedback": 1, "selection": 0, "private": 2}


def test_near_items_are_counted_by_split_and_anything_else_is_not() -> None:
    found = checked(
        ("a", "private:0f", 0.25),
        ("b", "private:1f", 0.125),
        ("c", "seeds:2f", 0.5),
        ("d", "", 0),
        ("e", "<b>:3f", 0.9),
    )
    assert found.neighbours == {
        "private": schema.Neighbours(rows=2, highest=0.25),
        "seeds": schema.Neighbours(rows=1, highest=0.5),
    }


def test_what_the_gate_dropped_over_all_attempts_stands_beside_it() -> None:
    found = checked(state=two_attempts())
    assert found.enabled is True
    assert found.thresholds == {"ngram": 13, "coverage": 0.5, "similarity": 0.8}
    assert found.dropped == {"contaminated-ngram": 4, "contaminated-exact": 2, "seed-copy-coverage": 2}
    assert found.protected == {"private": 1, "seeds": 40}


def test_a_gate_that_is_off_has_no_thresholds() -> None:
    found = checked(document=gates(contamination={"enabled": False}))
    assert (found.enabled, found.thresholds) == (False, {})


def test_models_that_compare_by_meaning_are_named() -> None:
    check = {"model": "small-embedder", "threshold": 0.9, "checker": {"model": "judge"}}
    found = checked(document=gates(contamination={"neighbours": check}))
    assert found.by_meaning == "embeddings of small-embedder from a cosine of 0.9 on, decided by judge"
    assert checked().by_meaning == ""


def test_an_older_run_that_knew_no_such_gate_does_not_claim_one() -> None:
    found = checked(state=run())
    assert (found.enabled, found.thresholds, found.protected) == (None, {}, {})


def test_rows_are_counted_by_gate_in_the_order_of_the_gates() -> None:
    found = safeguards.by_gate(safeguards.dropped(two_attempts()))
    assert list(found) == ["format", "contamination", "duplicates"]
    assert found["contamination"] == {"contaminated-ngram": 4, "contaminated-exact": 2, "seed-copy-coverage": 2}
    assert found["duplicates"] == {"duplicate": 15}


def test_gates_of_other_packages_and_full_quotas_come_last() -> None:
    found = safeguards.by_gate({"surplus": 9, "polite:rude": 2, "duplicate": 1, "later": 3, "secret": 1})
    assert list(found) == ["secrets", "duplicates", "other", "polite", "quota"]
    assert found["polite"] == {"polite:rude": 2}
    assert found["quota"] == {"surplus": 9}


def test_planted_rows_are_told_in_numbers() -> None:
    found = safeguards.self_test(run(TESTED))
    assert found is not None
    assert found.planted == found.stopped == {"exact copy (private)": 8, "secret": 1}
    assert safeguards.self_test(run()) is None


def test_a_clean_run_raises_no_alarm() -> None:
    assert safeguards.alarms(checked(("Pay Dora 9", "", 0)), (schema.Diversity(version="v1"),), spec()) == ()


def test_alarms_name_copies_gates_that_are_off_and_variety_that_collapsed() -> None:
    versions = (schema.Diversity(version="v2", alarms=("the rows become alike: x",)),)
    found = safeguards.alarms(checked(("pay chen 7", "", 0)), versions, gates(contamination={"enabled": False}))
    assert found == (
        "Questions of the private items stand in the published version: 1.",
        "The contamination gate is switched off: rows may copy the examination.",
        "Variety collapsed in v2: the rows become alike: x.",
    )


@pytest.mark.parametrize("gate", ["format", "secrets", "contamination", "labels", "duplicates"])
def test_every_gate_that_is_off_is_an_alarm(gate: str) -> None:
    (alarm,) = safeguards.alarms(checked(), (), gates(**{gate: {"enabled": False}}))
    assert alarm.startswith(f"The {gate} gate is switched off: ")
