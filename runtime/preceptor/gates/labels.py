"""How well the answer of a row was verified, and the labels gate: what was rewritten is verified again or refused."""

from __future__ import annotations

from preceptor.recipes.sample import Sample

UNVERIFIED = "unverified-label"
"""Reason given to a rewritten row whose answer nobody verified."""


def verification(sample: Sample) -> int:
    """How well a row's answer was verified: higher is better, equal says nothing.

    3 for an answer that is right by construction, 2 for one that independent solutions agree on, 1 for one that a judge
    passed, 0 for any other.
    """
    if sample.receipt.source == "procedural":
        return 3
    if "agreement" in sample.receipt.validators:
        return 2
    return 1 if "judge" in sample.receipt.validators else 0


class LabelsGate:
    """Drops a row that was made by changing another one, unless solving it again gave its answer."""

    name = "labels"

    def check(self, sample: Sample) -> str | None:
        """``unverified-label`` for a row of source ``evolve`` that did not pass ``agreement``."""
        return UNVERIFIED if sample.receipt.source == "evolve" and verification(sample) < 2 else None
