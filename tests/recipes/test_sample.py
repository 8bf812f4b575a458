from __future__ import annotations

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
