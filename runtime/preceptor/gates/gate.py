"""What every gate does, and the gates a document asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from preceptor.gates.contamination import ContaminationGate, ExamIndex
from preceptor.gates.format import FormatGate, Lengths
from preceptor.gates.labels import LabelsGate
from preceptor.recipes.sample import Sample
from preceptor.spec.document import Spec
from preceptor.tasks.content import Content
from preceptor.tasks.scorers import Scorer


class Gate(Protocol):
    """Keeps or drops a sample."""

    name: str
    """The gate's key in the document; for a third party's the entry point's name."""

    def check(self, sample: Sample) -> str | None:
        """Why the sample is dropped, as a short code that is counted; ``None`` when it may pass."""
        ...


@dataclass(frozen=True)
class Safeguards:
    """What gates need beyond the document. Picklable; holds no text of the examination."""

    exam: ExamIndex | None = None
    """What rows must not copy; ``None`` lets everything pass."""
    lengths: Lengths | None = None
    """Counts a row in the student's tokens; characters decide when absent."""


class Screen:
    """The gates that judge a row by itself, so that any worker may apply them before anything more is paid for it."""

    def __init__(self, spec: Spec, scorer: Scorer, safeguards: Safeguards) -> None:
        """Raises :class:`GateError` for a third party's gate that cannot be made."""
        settings = spec.dataset.gates
        gates: list[Gate] = []
        if settings.format.enabled:
            limit = spec.student.training.max_tokens
            gates.append(FormatGate(scorer, settings.format, max_tokens=limit, lengths=safeguards.lengths))
        self._contamination = None
        if settings.contamination.enabled and safeguards.exam is not None:
            self._contamination = ContaminationGate(safeguards.exam, Content(spec.task))
            gates.append(self._contamination)
        self._gates = tuple(gates)

    @property
    def names(self) -> tuple[str, ...]:
        """The gates, in order."""
        return tuple(gate.name for gate in self._gates)

    def judge(self, sample: Sample) -> Sample | str:
        """Why a row is dropped, or the row with what the gates noted in its receipt."""
        for gate in self._gates:
            if (reason := gate.check(sample)) is not None:
                return reason
        return sample if self._contamination is None else self._contamination.noted(sample)


def label_gates(spec: Spec) -> tuple[Gate, ...]:
    """The gates that look at what a row's validators said."""
    return (LabelsGate(),) if spec.dataset.gates.labels.enabled else ()
