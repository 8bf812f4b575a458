"""The ``dataset.gates`` section: what every sample must pass before it may teach."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from preceptor.spec.base import ContradictionError, Fraction, Model, Name
from preceptor.spec.endpoint import Endpoint, Price, Sampling


def _abbreviated(language: str) -> str:
    if not re.fullmatch("[a-z]{2}", language):
        raise ContradictionError(
            f"`{language}` is not the abbreviation of a language", mend="write two letters, such as `en` (ISO 639-1)"
        )
    return language


Language = Annotated[str, AfterValidator(_abbreviated), WithJsonSchema({"type": "string", "pattern": "^[a-z]{2}$"})]
"""A language as ISO 639-1 abbreviates it, as in ``en``."""


class FormatGate(Model):
    """Drops a row that is empty, unreadable to the task's scorer, a refusal, or longer than the student's limit."""

    enabled: bool = True
    """Whether it runs."""
    refusals: bool = True
    """Whether rows in which a model refuses, or speaks of itself, are dropped."""
    language: Language | None = None
    """The language questions must be in; any when absent. Needs the extra ``language``."""


class SecretsGate(Model):
    """Drops a row that holds what looks like a key, a token or a private key."""

    enabled: bool = True
    """Whether it runs."""


class CheckerSampling(Sampling):
    """How the checker samples."""

    temperature: float = Field(default=0.0, ge=0)
    """Softmax temperature."""
    max_tokens: int = Field(default=512, gt=0)
    """Longest answer."""


class Checker(Model):
    """A model that is shown a row's question beside an item's and says whether both ask the same."""

    model: str = Field(examples=["gpt-5.2-mini"])
    """Model name at the endpoint."""
    endpoint: Endpoint = Endpoint()
    """Where it is served."""
    sampling: CheckerSampling = CheckerSampling()
    """How it samples."""
    price: Price = Price()
    """What it costs; counts towards `budget.usd` and `budget.tokens`, not towards `budget.teacherRequests`."""


class NeighbourCheck(Model):
    """Finds paraphrases: rows whose embedding is near an item's are shown, beside it, to a model that decides.

    Whoever serves the models sees the questions of the examination, and they lie in the log below ``inspection/``.
    """

    model: str = Field(examples=["text-embedding-3-small"])
    """Name of the embedding model at the endpoint."""
    endpoint: Endpoint = Endpoint()
    """Where it is served; anything that has ``/embeddings``, such as vLLM or llama.cpp."""
    price: Price = Price()
    """What it costs; counts as the checker's does."""
    threshold: Fraction = 0.85
    """Similarity (cosine) from which a row and an item are shown to the checker."""
    concurrency: int = Field(default=8, gt=0)
    """Requests in flight at most, to each of both models."""
    checker: Checker = Field(examples=[{"model": "gpt-5.2-mini"}])
    """Who decides."""


class ContaminationGate(Model):
    """Drops a row that copies an item of the examination, of any split, or a raw seed question.

    What the task's prompt template says around every question is not compared. Items too short for ``ngram`` words are
    compared whole.
    """

    enabled: bool = True
    """Whether it runs. A run without it says so in its report."""
    ngram: int = Field(default=13, ge=5, le=50)
    """A row that has this many consecutive words in common with an item is dropped."""
    coverage: Fraction = 0.5
    """A row is dropped when this share of an item's 8-word sequences, or more, is in it."""
    similarity: Fraction = 0.8
    """A row is dropped from this similarity (Jaccard, of 5-word sequences) to an item."""
    neighbours: NeighbourCheck | None = None
    """Compares by meaning too, with models that are asked for it; by words alone when absent."""

    @model_validator(mode="after")
    def _neighbours_of_something(self) -> Self:
        if self.neighbours is not None and not self.enabled:
            raise ContradictionError(
                "`neighbours` is part of a gate that is switched off",
                mend="remove `neighbours`, or write `enabled: true`",
                at=("neighbours",),
            )
        return self


class LabelsGate(Model):
    """Drops a row that was made by changing another one and whose answer nobody has verified since."""

    enabled: bool = True
    """Whether it runs."""


class DuplicatesGate(Model):
    """Drops a row whose question is in the version already, carried rows included; the better verified one stays.

    Questions with other numbers are other questions.
    """

    enabled: bool = True
    """Whether it runs."""
    threshold: Fraction | None = 0.8
    """Similarity (Jaccard, of 5-word sequences, estimated by MinHash) from which rows are near-duplicates.

    Only exact ones, after case and white space are folded, when ``null``.
    """


class BalanceGate(Model):
    """Drops rows of skills that would make up too much of a version."""

    max_share: Fraction | None = None
    """Share of a version that one skill's rows make up at most; any when absent."""


class CustomGate(Model):
    """A third party's gate, found through the entry-point group ``preceptor.gates``."""

    name: Name = Field(examples=["my-gate"])
    """The entry point's name."""
    options: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """What the gate is made with."""


class Gates(Model):
    """What a sample must pass, in the order in which it is asked."""

    format: FormatGate = FormatGate()
    """Answer readable, length within bounds, no refusal."""
    secrets: SecretsGate = SecretsGate()
    """No keys."""
    contamination: ContaminationGate = ContaminationGate()
    """No copy of the examination."""
    custom: tuple[CustomGate, ...] = ()
    """Gates of other packages."""
    labels: LabelsGate = LabelsGate()
    """Rewritten rows verified again."""
    duplicates: DuplicatesGate = DuplicatesGate()
    """No question twice."""
    balance: BalanceGate = BalanceGate()
    """No skill above its share."""

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        names = [gate.name for gate in self.custom]
        for position, name in enumerate(names):
            if name in type(self).model_fields:
                mend = "give your entry point a name of its own"
                raise ContradictionError(f"`{name}` is a gate of ours", mend=mend, at=("custom", position, "name"))
            if name in names[:position]:
                raise ContradictionError(
                    f"`{name}` is listed twice", mend="list every gate once", at=("custom", position, "name")
                )
        return self
