"""The ``task`` section: what the student is examined on."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from preceptor.spec.base import ContradictionError, Fraction, Model, Template


class ExactScorer(Model):
    """Right when the answer equals the reference after white space (and case, unless told) is folded."""

    kind: Literal["exact"]
    case_sensitive: bool = False
    """Whether upper and lower case differ."""


class NumericScorer(Model):
    r"""Right when the last number of the answer (in ``\boxed{}`` if there is one) is close to the reference.

    A reference such as ``3.52 10^{-19} J``, a number and a unit with a power of ten, is met by 3.52 and by
    3.52e-19; a reference ``true`` or ``false`` by that word, or by yes or no.
    """

    kind: Literal["numeric"]
    relative_tolerance: float = Field(default=0.0, ge=0)
    """Allowed distance as a share of the reference."""
    absolute_tolerance: float = Field(default=0.0, ge=0)
    """Allowed distance in the reference's unit."""


class ChoiceScorer(Model):
    """Right when the answer names the reference's choice and no other."""

    kind: Literal["choice"]
    choices: tuple[str, ...] = Field(default=("A", "B", "C", "D"), min_length=2, examples=[["A", "B", "C"]])
    """The labels to choose from."""


class JsonField(Model):
    """How one field of a JSON answer is compared."""

    compare: Literal["exact", "number", "text", "members"] = "exact"
    """``exact``: same JSON value; ``number``: within tolerance; ``text``: equal but for case and punctuation.

    ``members``: both are objects; the field's credit is the F1 of their members, which are compared like ``text``.
    """
    absolute_tolerance: float = Field(default=0.0, ge=0)
    """For ``number``: allowed distance."""


class JsonScorer(Model):
    """Compares a JSON object with the reference, field by field."""

    kind: Literal["json"]
    fields: dict[str, JsonField] = Field(min_length=1, examples=[{"amount": {"compare": "number"}}])
    """The fields that count; others in the answer are ignored."""
    credit: Literal["fields", "all"] = "fields"
    """The item's score: the mean credit of its fields, or 1 only when all are right."""


class LiteralScorer(Model):
    """Right when the answer is the same Python literal as the reference, however it is quoted and spaced.

    Nothing is ever run: numbers, texts, bytes, ``None``, truth values, lists, tuples, dictionaries and sets are read.
    """

    kind: Literal["literal"]


class MathScorer(Model):
    r"""Right when the answer is mathematically equal to the reference, as the library math-verify finds.

    The answer is the formula in ``\boxed{}``, between ``$``, after "the answer is", or the last number. Fractions,
    roots, sets, intervals, matrices, equations and algebra are understood; ``x^2 + 2x`` is ``x(x + 2)``. A number
    is met exactly, up to ``decimals``; for tolerances and units take ``numeric``. Needs ``preceptor[math]``.
    """

    kind: Literal["math"]
    decimals: int = Field(default=6, ge=0, le=15)
    """Digits after the point to which decimal numbers are compared."""


class ReasoningGymScorer(Model):
    """Scores with the verifier of the reasoning-gym dataset the item came from (column ``source_dataset``)."""

    kind: Literal["reasoning-gym"]
    threshold: Fraction = 1.0
    """The verifier's score from which an answer counts as exactly right."""


class EntryPointScorer(Model):
    """A third party's scorer, found through the entry-point group ``preceptor.scorers``.

    An entry point names what makes a scorer: it is called with ``options`` and gives an object with
    ``score(item, output)``, which returns a number from 0 to 1, or a ``preceptor.tasks.scorers.Score`` that also says
    which answer was read; ``item`` has ``reference``, ``prompt`` and ``fields``. If the object has
    ``readable(answer, fields)`` too, it says whether an answer can be read out of a text at all. Output is whatever a
    model wrote: judge it, never run it. The same output must always get the same score.
    """

    kind: Literal["entryPoint"]
    name: str = Field(min_length=1, examples=["my-scorer"])
    """The entry point's name."""
    options: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """What the scorer is made with."""


Scorer = Annotated[
    ExactScorer
    | NumericScorer
    | ChoiceScorer
    | JsonScorer
    | LiteralScorer
    | MathScorer
    | ReasoningGymScorer
    | EntryPointScorer,
    Field(discriminator="kind"),
]


def _distinct(uri: str | tuple[str, ...]) -> str | tuple[str, ...]:
    """Refuse a file without a name, no file at all, and one file twice."""
    uris = (uri,) if isinstance(uri, str) else uri
    if not uris:
        raise ContradictionError("the list is empty", mend="list at least one file, such as [items.jsonl]")
    for position, each in enumerate(uris):
        at = () if isinstance(uri, str) else (position,)
        if not each:
            raise ContradictionError("the text is empty", mend="write `uri: items.jsonl`", at=at)
        if each in uris[:position]:
            raise ContradictionError(f"`{each}` is listed twice", mend="list every file once", at=at)
    return uri


Uris = Annotated[str | tuple[str, ...], AfterValidator(_distinct)]
"""One file of records or several, read in their order."""


class Items(Model):
    """Where the examination's items lie and how their records are read."""

    uri: Uris = Field(examples=["items.jsonl"])
    """Path or URI of the records, or a list of them: JSONL, JSON, CSV or Parquet.

    A path counts from the document. URIs are those of buckets (``s3://`` …), ``https://``,
    ``hf://datasets/OWNER/NAME[@REVISION]/PATH`` and ``github://OWNER/REPO@REF/PATH``.
    """
    answer: Template = Field(examples=["{{ answer }}"])
    """Template over a record's columns that gives the reference answer."""
    id: Template | None = None
    """Template that gives the item's id; the record's digest when absent."""
    skill: Template | None = None
    """Template that gives the skill the item exercises; one skill, ``all``, when absent."""
    cluster: Template | None = None
    """Template that gives a context's identity: items of one cluster never sit in two splits."""
    limit: int | None = Field(default=None, gt=0)
    """Read only the first so many records, of all files together."""
    name_column: str | None = Field(default=None, min_length=1, examples=["topic"])
    """Column that takes the name a record stands under, for JSON files such as ``{"Sums": [{…}], "Words": [{…}]}``."""
    columns: dict[str, Template] = Field(default_factory=dict)
    """Templates of columns to add to every record, over those it has; every other template may read them."""
    duplicates: Literal["refuse", "skip"] = "refuse"
    """What to do with a record that an earlier one equals: refuse the file, or leave it out, as some files need."""


class Splits(Model):
    """How items are cut into feedback (seen by the engineer), selection (chooses the best) and private (read once)."""

    feedback: Fraction | None = None
    """Share of items whose failures the engineer may see."""
    selection: Fraction | None = None
    """Share of items that only choose the best version."""
    private: Fraction | None = None
    """Share of items read once, at the end."""
    seed: int = 0
    """Seed of the cut."""
    column: Template | None = None
    """Instead of shares: a template that gives ``feedback``, ``selection`` or ``private`` for each record."""

    @model_validator(mode="after")
    def _shares_or_column(self) -> Self:
        shares = (self.feedback, self.selection, self.private)
        if self.column is not None:
            if any(share is not None for share in shares):
                raise ContradictionError(
                    "items are cut either by shares or by a column",
                    mend="remove `column`, or remove `feedback`, `selection` and `private`",
                    at=("column",),
                )
            return self
        if any(share is None for share in shares):
            raise ContradictionError(
                "every split needs its share",
                mend="give `feedback`, `selection` and `private` as shares such as 0.2, 0.2 and 0.6, or `column`",
            )
        total = sum(share for share in shares if share is not None)
        if not 0 < total <= 1 + 1e-9:
            raise ContradictionError(f"the shares sum to {total:g}", mend="lower them until they sum to 1 at most")
        for name, share in zip(("feedback", "selection", "private"), shares, strict=True):
            if share == 0:
                raise ContradictionError(
                    "a split with share 0 would be empty", mend="give every split a share above 0", at=(name,)
                )
        return self


class Seeds(Model):
    """Raw questions without answers that the engineer may build on ("with seed" in the paper)."""

    uri: Uris = Field(examples=["seeds.jsonl"])
    """Path or URI of the records, or a list of them, as for `items`; they need the columns that `prompt` reads."""
    limit: int = Field(default=1000, gt=0)
    """Use at most so many."""


class FewShot(Model):
    """A worked example that stands before every question."""

    prompt: str = Field(examples=["What is 2 + 2?"])
    """The question as the student would see it."""
    answer: str = Field(examples=["4"])
    """Its answer."""


class Task(Model):
    """What the student has to be good at, and how that is measured."""

    description: str = Field(min_length=1, examples=["Questions about invoices."])
    """What the domain is, for the engineer and the report."""
    system: str | None = None
    """System message in front of every prompt; the model's own default when absent."""
    prompt: Template = Field(examples=["{{ question }}"])
    """Template over an item's columns that gives the question the student sees."""
    scorer: Scorer = Field(examples=[{"kind": "exact"}])
    """How an answer is compared with the reference."""
    items: Items = Field(examples=[{"uri": "items.jsonl", "answer": "{{ answer }}"}])
    """The examination's items."""
    splits: Splits = Field(examples=[{"feedback": 0.2, "selection": 0.2, "private": 0.6}])
    """How the items are cut."""
    seeds: Seeds | None = None
    """Raw questions for the engineer."""
    few_shot: tuple[FewShot, ...] = ()
    """Worked examples before every question."""
