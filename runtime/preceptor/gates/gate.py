"""What every gate does, and the gates a document asks for."""

from __future__ import annotations

from typing import Protocol

from preceptor.errors import TaskError
from preceptor.gates.duplicates import DuplicatesGate
from preceptor.gates.format import FormatGate
from preceptor.recipes.sample import Sample
from preceptor.spec.document import Spec
from preceptor.tasks.scorers import Scorer


class Gate(Protocol):
    """Keeps or drops a sample."""

    name: str
    """The gate's key in the document."""

    def check(self, sample: Sample) -> str | None:
        """Why the sample is dropped, as a short code that is counted; ``None`` when it may pass."""
        ...


def stateless_gates(spec: Spec, scorer: Scorer) -> tuple[Gate, ...]:
    """The gates that judge a sample by itself, so that any worker may apply them."""
    if not spec.dataset.gates.format.enabled:
        return ()
    return (FormatGate(scorer, max_tokens=spec.student.training.max_tokens),)


def stateful_gates(spec: Spec) -> tuple[Gate, ...]:
    """The gates that remember what has passed; one place applies them, in one order."""
    gate = spec.dataset.gates.duplicates
    if not gate.enabled:
        return ()
    if gate.threshold is not None:
        raise TaskError(
            "near-duplicates cannot be found yet, only exact ones",
            mend="leave `dataset.gates.duplicates.threshold` out",
        )
    return (DuplicatesGate(),)
