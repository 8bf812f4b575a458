from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from preceptor.errors import GateError
from preceptor.gates.contamination import ExamIndex, Protected
from preceptor.gates.gate import Safeguards
from preceptor.loop.safeguards import PLANTS, SelfTest, exam_index, protected
from preceptor.spec.document import Spec
from preceptor.storage import layout
from preceptor.storage.store import Store
from preceptor.synthesis.context import Seed
from preceptor.tasks.items import build_items
from preceptor.tasks.scorers import build_scorer
from preceptor.tasks.splits import Split, SplitName, cut
from support.payments import spec, task

LONG = (
    "A train leaves the harbour town at nine with 400 passengers, stops at every village along the coast, and by noon "
    "half of those aboard have left while twice as many crates of herring were taken on; how many seats stay empty?"
)


def document(**gates: Any) -> Spec:
    exact = task("Say it in a word.\n{{ message }}", {"kind": "exact"})
    return spec(task=exact, dataset={"size": 100, "gates": gates})


def examination(spec: Spec, texts: list[str]) -> dict[SplitName, Split]:
    records = [{"message": text, "answer": f"answer {n}"} for n, text in enumerate(texts)]
    return cut(spec.task, build_items(spec.task, records, "items"))


def self_test(spec: Spec, store: Store, splits: dict[SplitName, Split], index: ExamIndex | None) -> SelfTest:
    return SelfTest(spec, store, splits, build_scorer(spec.task.scorer), Safeguards(exam=index))


WORDS = [
    "Paris?",
    "What is 2 + 2?",
    "who wrote it",
    *(f"{name} says: {LONG}" for name in ("Ann", "Bo", "Cy", "Di", "Ed")),
]


def test_every_planted_row_is_stopped_and_counted(tmp_path: Path) -> None:
    spec, store = document(), Store.open(str(tmp_path))
    splits = examination(spec, [f"{word} {n}" for n in range(4) for word in WORDS])
    index = exam_index(spec, store, splits, ())
    event = self_test(spec, store, splits, index).carry_out()
    assert index is not None
    assert event.planted == event.stopped
    for split, held in splits.items():
        copies = min(PLANTS, len(held.items))
        assert event.planted[f"exact copy ({split})"] == copies
        assert event.planted[f"copy in other case and spacing ({split})"] == copies
    assert {"secret", "unrendered template", "question asked twice"} < set(event.planted)
    assert event.protected == {split: len(held.items) for split, held in splits.items()}
    assert event.index == index.digest
    assert event.off == ()


def test_long_items_are_copied_with_an_edit_too(tmp_path: Path) -> None:
    spec, store = document(), Store.open(str(tmp_path))
    stories = [" ".join(f"{word}{n}" for word in LONG.split()) for n in range(12)]
    splits = examination(spec, stories)
    event = self_test(spec, store, splits, exam_index(spec, store, splits, ())).carry_out()
    assert event.stopped["lightly edited copy (private)"] == len(splits["private"].items)


def test_gates_that_let_a_copy_pass_end_the_run_before_it_starts(tmp_path: Path) -> None:
    spec, store = document(), Store.open(str(tmp_path))
    splits = examination(
        spec, [f"who wrote {title}" for title in ("Emma", "Hamlet", "Faust", "Nana", "Ulysses", "Emil")]
    )
    known = [one for one in protected(spec, splits, ()) if one.split != "private"]
    index = ExamIndex.build(known, spec.dataset.gates.contamination)
    copies = len(splits["private"].items)
    with pytest.raises(GateError, match=rf"exact copy \(private\): {copies} of {copies}") as caught:
        self_test(spec, store, splits, index).carry_out()
    assert "feedback" not in str(caught.value)
    assert not store.exists(layout.EXAM_INDEX)


def test_a_gate_that_is_off_is_named_and_not_tested(tmp_path: Path) -> None:
    off = {"enabled": False}
    spec, store = document(contamination=off, labels=off, duplicates=off), Store.open(str(tmp_path))
    splits = examination(spec, WORDS)
    assert exam_index(spec, store, splits, ()) is None
    event = self_test(spec, store, splits, None).carry_out()
    assert event.off == ("contamination", "labels", "duplicates")
    assert set(event.planted) == {"secret", "unrendered template"}
    assert (event.protected, event.index) == ({}, "")


def test_a_run_that_continues_uses_the_index_it_began_with(tmp_path: Path) -> None:
    spec, store = document(), Store.open(str(tmp_path))
    splits = examination(spec, WORDS)
    first = exam_index(spec, store, splits, [Seed({"message": "a raw seed question"})])
    assert first is not None
    self_test(spec, store, splits, first).carry_out()
    again = exam_index(spec, store, {}, ())
    assert again is not None
    assert again.digest == first.digest
    store.write(layout.EXAM_INDEX, store.read(layout.EXAM_INDEX)[:-5])
    with pytest.raises(GateError):
        exam_index(spec, store, {}, ())


def test_the_stored_index_tells_nothing_of_what_it_protects(tmp_path: Path) -> None:
    spec, store = document(), Store.open(str(tmp_path))
    splits = examination(spec, WORDS)
    self_test(spec, store, splits, exam_index(spec, store, splits, ())).carry_out()
    stored = store.read(layout.EXAM_INDEX)
    assert not [word for word in LONG.split() if len(word) > 4 and word.encode() in stored]


def test_seeds_are_protected_under_a_name_of_their_own() -> None:
    spec = document()
    splits = examination(spec, WORDS)
    seed = Seed({"message": "a raw seed question"})
    found = list(protected(spec, splits, [seed]))
    assert [one.split for one in found[-1:]] == ["seeds"]
    assert found[-1].text == "a raw seed question"
    assert all(isinstance(one, Protected) and one.text.strip() not in one.digest for one in found)


questions = st.lists(
    st.text(min_size=1, max_size=120).filter(lambda text: text.strip()),
    min_size=6,
    max_size=20,
    unique_by=lambda text: " ".join(text.casefold().split()),
)


@given(questions)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_examination_keeps_a_run_from_starting(tmp_path: Path, texts: list[str]) -> None:
    spec, store = document(), Store.open(str(tmp_path))
    splits = examination(spec, texts)
    store.delete(layout.EXAM_INDEX)  # of the example before
    index = exam_index(spec, store, splits, ())
    event = self_test(spec, store, splits, index).carry_out()
    assert event.stopped == event.planted
