"""What the gates did, whether they work, and one more look at the published version that does not rely on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from preceptor.gates.contamination import SEEDS, SUITE
from preceptor.gates.gate import REASONS, gate_of
from preceptor.loop.state import RunState
from preceptor.recipes.funnel import SURPLUS
from preceptor.report import schema
from preceptor.spec.document import Spec
from preceptor.spec.gates import NeighbourCheck
from preceptor.storage.datasets import Row
from preceptor.tasks.splits import Split, SplitName

GATE = "contamination"
_QUOTA = "quota"
"""Stands for the gate of rows that came after their skill's quota was full."""
_THRESHOLDS = ("ngram", "coverage", "similarity")
_MISSED = {
    "format": "rows that nobody can read, or that training cuts, may have been learnt",
    "secrets": "rows may hold keys",
    GATE: "rows may copy the examination",
    "labels": "answers of rewritten rows may be wrong",
    "duplicates": "a version may ask a question more than once",
}
"""What a gate that is off may have let pass."""


class Recheck:
    """Compares the published version's rows with the examination, by plain equality and not by the gate's index."""

    def __init__(self, spec: Spec, splits: Mapping[SplitName, Split], state: RunState) -> None:
        self._spec = spec
        self._state = state
        self._known = {name: {_folded(item.prompt) for item in split.items} for name, split in splits.items()}
        self._rows = 0
        self._equal = dict.fromkeys(self._known, 0)
        self._near: dict[str, list[float]] = {}

    def add(self, row: Row) -> None:
        """One more row of the published version."""
        self._rows += 1
        question = _folded(str(row["prompt"]))
        for name, questions in self._known.items():
            self._equal[name] += question in questions
        split = str(row["receipt"].get("neighbour") or "").partition(":")[0]
        if split in self._known or split in (SUITE, SEEDS):
            self._near.setdefault(split, []).append(float(row["receipt"].get("similarity") or 0.0))

    def result(self) -> schema.Contamination:
        """What was found, beside what the gate dropped over all attempts."""
        settings, tested = self._spec.dataset.gates.contamination, self._state.safeguards
        thresholds = settings.model_dump(mode="json", by_alias=True, include=set(_THRESHOLDS))
        return schema.Contamination(
            checked_rows=self._rows,
            exact_questions=self._equal,
            enabled=settings.enabled if tested else None,
            thresholds=thresholds if settings.enabled and tested else {},
            by_meaning=_by_meaning(settings.neighbours),
            protected=tested.protected if tested else {},
            dropped=by_gate(dropped(self._state)).get(GATE, {}),
            neighbours={
                name: schema.Neighbours(rows=len(self._near[name]), highest=max(self._near[name]))
                for name in (*self._known, SUITE, SEEDS)
                if name in self._near
            },
        )


def _by_meaning(check: NeighbourCheck | None) -> str:
    if check is None:
        return ""
    return f"embeddings of {check.model} from a cosine of {check.threshold:g} on, decided by {check.checker.model}"


def dropped(state: RunState) -> dict[str, int]:
    """Rows dropped over all attempts, by reason, the most frequent first."""
    reasons: Counter[str] = Counter()
    for attempt in state.attempts:
        if outcome := attempt.committed or attempt.failed:
            reasons.update(outcome.dropped)
    return dict(sorted(reasons.items(), key=lambda reason: (-reason[1], reason[0])))


def by_gate(reasons: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Rows dropped by gate and reason, gates in their order: those of this release, of other packages, the quotas."""
    gates: dict[str, dict[str, int]] = {}
    for reason, count in reasons.items():
        gates.setdefault(_QUOTA if reason == SURPLUS else gate_of(reason), {})[reason] = count
    order = [*REASONS, *sorted(gates.keys() - {_QUOTA}), _QUOTA]
    return {gate: gates[gate] for gate in sorted(gates, key=order.index)}


def self_test(state: RunState) -> schema.SelfTest | None:
    """What became of the planted rows; ``None`` for a run that planted none."""
    tested = state.safeguards
    if tested is None:
        return None
    return schema.SelfTest(planted=tested.planted, stopped=tested.stopped, off=tested.off, index=tested.index)


def alarms(contamination: schema.Contamination, diversity: tuple[schema.Diversity, ...], spec: Spec) -> tuple[str, ...]:
    """What a reader has to know before believing the figures."""
    found = [
        f"Questions of the {name} items stand in the published version: {rows:,}."
        for name, rows in contamination.exact_questions.items()
        if rows
    ]
    for gate, missed in _MISSED.items():
        if not getattr(spec.dataset.gates, gate).enabled:
            found.append(f"The {gate} gate is switched off: {missed}.")
    found += [f"Variety collapsed in {version.version}: {alarm}." for version in diversity for alarm in version.alarms]
    return tuple(found)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
