"""What every gate does, and the gates a document asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from preceptor.gates.contamination import ContaminationGate, ExamIndex
from preceptor.gates.custom import CustomGate
from preceptor.gates.format import FormatGate, Lengths
from preceptor.gates.labels import LabelsGate
from preceptor.gates.secrets import SecretsGate
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
        if settings.secrets.enabled:
            gates.append(SecretsGate())
        self._contamination = None
        if settings.contamination.enabled and safeguards.exam is not None:
            self._contamination = ContaminationGate(safeguards.exam, Content(spec.task))
            gates.append(self._contamination)
        gates += [CustomGate(custom) for custom in settings.custom]
        self._gates = tuple(gates)

    @property
    def names(self) -> tuple[str, ...]:
        """The gates, in order."""
        return tuple(gate.name for gate in self._gates)

    def check(self, gate: str, sample: Sample) -> str | None:
        """Why one gate, by its name, drops a row; ``None`` when it may pass."""
        return next(one for one in self._gates if one.name == gate).check(sample)

    def judge(self, sample: Sample) -> Sample | str:
        """Why a row is dropped, or the row with what the gates noted in its receipt."""
        for gate in self._gates:
            if (reason := gate.check(sample)) is not None:
                return reason
        return sample if self._contamination is None else self._contamination.noted(sample)


def label_gates(spec: Spec) -> tuple[Gate, ...]:
    """The gates that look at what a row's validators said."""
    return (LabelsGate(),) if spec.dataset.gates.labels.enabled else ()


COPIES = ("contaminated-", "seed-copy-")
"""How the reasons of the contamination gate begin; the rest is the kind of copy."""
_KINDS = ("exact", "ngram", "coverage", "similar", "neighbour", "unchecked")
"""How a row is found to copy a protected question; see :mod:`preceptor.gates.shelf` and the check by meaning."""
REASONS: Mapping[str, frozenset[str]] = {
    "format": frozenset(
        {"empty", "malformed", "template-residue", "refusal", "unreadable", "too-long", "other-language"}
    ),
    "secrets": frozenset({"secret"}),
    "contamination": frozenset(copy + kind for copy in COPIES for kind in _KINDS),
    "labels": frozenset({"unverified-label", "changed-answer"}),
    "duplicates": frozenset({"duplicate"}),
    "balance": frozenset({"over-share"}),
    "length": frozenset({"too-short", "too-long-answer"}),
    "judge": frozenset({"judge", "judge-unreadable"}),
    "agreement": frozenset({"disagreement"}),
    "verifier": frozenset({"verifier"}),
    "teacher": frozenset({"cut-off", "refused", "timeout", "lost", "rejected", "budget", "missing", "unrenderable"}),
}
"""Why rows are dropped, by the gate that says so.

``length``, ``judge`` and ``agreement`` are the recipe's validators, ``verifier`` is a generator's own, and ``teacher``
is for rows that there never were: nothing was answered, or not that.
"""
OTHER = "other"
"""Stands for the gate of a reason that this release does not know."""

_GATES = {reason: gate for gate, reasons in REASONS.items() for reason in reasons}


def gate_of(reason: str) -> str:
    """The gate that gives a reason; of another package's it is what stands before the colon."""
    name, colon, _ = reason.partition(":")
    if colon:
        return name
    return "contamination" if reason.startswith(COPIES) else _GATES.get(reason, OTHER)
