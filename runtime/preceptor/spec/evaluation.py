"""The ``evaluation`` section: how the outcome is judged, and what it is compared with."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from preceptor.spec.base import ContradictionError, Model

ControlName = Literal["ceiling", "prompted", "format", "oneShot", "heuristic", "distillation"]
"""The comparisons, in the order in which they are run."""


class Controls(Model):
    """Comparisons that say what a gain is worth: each on or off, those that cost little on by default."""

    ceiling: bool = True
    """The teacher's model answers the selection split itself. Left out when it would take over a tenth of a budget,
    and with teachers that have no model."""
    prompted: bool = True
    """The untrained student, shown `shots` rows of the published version before every question: is it only form?"""
    shots: int = Field(default=4, ge=1, le=32)
    """Rows that `prompted` shows; fewer when more would leave no room for question and answer."""
    instructions: str | None = Field(default=None, min_length=1, examples=["Answer with one word."])
    """A text that `prompted` adds to the end of the system message, such as what form answers have."""
    format: bool = False
    """Students trained on the published version with answers exchanged between the rows of a skill: they can learn
    what answers look like and nothing else. Costs as much as the finalists."""
    one_shot: bool = False
    """The same engineer, one version of full size without feedback, with as large a budget as the search."""
    heuristic: bool = False
    """The `heuristic` engineer for as many iterations, with as large a budget. The teacher needs `generators`."""
    distillation: bool = False
    """The task's raw `seeds`, solved by the teacher, with as large a budget: plain distillation."""

    @model_validator(mode="after")
    def _has_a_use(self) -> Self:
        if not self.prompted:
            for name in ("shots", "instructions"):
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ContradictionError(
                        f"`{name}` is for `prompted`, which is off",
                        mend=f"remove `{name}`, or write `prompted: true`",
                        at=(name,),
                    )
        return self


class Forgetting(Model):
    """Another task, at which the student must not become worse."""

    document: str = Field(min_length=1, examples=["general.yaml"])
    """A Specialization whose `task` is examined; a path counts from this document. Its private split stays closed:
    items of its feedback and selection splits are asked."""
    limit: int | None = Field(default=None, gt=0)
    """Ask at most so many items, the same ones in every run."""
    allow_drop: bool = False
    """Publish even when the student becomes worse by more than chance explains."""


class Evaluation(Model):
    """How the outcome is judged."""

    seeds: int = Field(default=2, gt=0)
    """Training seeds of the finalist."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Coverage of the intervals."""
    patience: int = Field(default=5, gt=0)
    """Iterations without a new best after which the search stops."""
    controls: Controls = Controls()
    """Comparisons to run beside the search."""
    forgetting: tuple[Forgetting, ...] = ()
    """Tasks at which the student must not become worse; a drop beyond chance keeps it from being published."""
    attribution: bool = False
    """Train the published version once more without each of its skills, to say what each is worth."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        named = [suite.document for suite in self.forgetting]
        for place, document in enumerate(named):
            if document in named[:place]:
                at = ("forgetting", place, "document")
                raise ContradictionError(f"`{document}` is listed twice", mend="list every task once", at=at)
        return self
