from __future__ import annotations

from dataclasses import replace

from preceptor.recipes.sample import Receipt, Sample

RECEIPT = Receipt(
    recipe="r", attempt=2, generator="letter", difficulty=1, unit=3, index=4, teacher="procedural:0", parents=("p",)
)


def sample(answer: str = "4") -> Sample:
    return Sample.create(skill="sums", fields={"b": [1], "a": "ä"}, prompt="2 + 2?", answer=answer, receipt=RECEIPT)


def test_a_sample_survives_its_row() -> None:
    row = sample().to_row()
    assert row["fields"] == '{"a": "ä", "b": [1]}'
    assert row["receipt"]["parents"] == ["p"]
    assert Sample.from_row(row) == sample()


def test_what_a_later_release_wrote_into_a_receipt_is_ignored() -> None:
    row = sample().to_row()
    row["receipt"]["judge"] = "new"
    row["receipt"]["parents"] = None  # as tables read an empty list
    assert Sample.from_row(row).receipt.parents == ()


def test_an_id_is_of_the_content_and_not_of_the_receipt() -> None:
    assert sample().id == sample().carried("v1").id
    assert sample().id != sample("5").id
    assert len(sample().id) == 16


def test_a_carried_sample_names_the_version_and_keeps_its_origin() -> None:
    receipt = sample().carried("v1").carried("v2").receipt
    assert (receipt.carried_from, receipt.attempt, receipt.unit) == ("v2", 2, 3)


def test_a_row_that_a_model_wrote_says_how_and_a_procedural_one_is_as_it_always_was() -> None:
    assert set(sample().to_row()["receipt"]) == {
        "recipe",
        "attempt",
        "generator",
        "difficulty",
        "unit",
        "index",
        "teacher",
        "parents",
        "carried_from",
    }
    told = {"source": "prompt", "model": "m", "requests": ("a", "b"), "validators": ("judge",), "tokens": 7, "usd": 0.5}
    written = replace(sample(), receipt=replace(RECEIPT, **told))
    assert written.to_row()["receipt"]["requests"] == ["a", "b"]
    assert Sample.from_row(written.to_row()) == written


def test_a_receipt_beside_others_that_say_more_is_read_as_it_was_written() -> None:
    row = sample().to_row()
    row["receipt"] |= {"source": None, "requests": None, "tokens": None, "usd": None}
    assert Sample.from_row(row) == sample()
