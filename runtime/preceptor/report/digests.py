"""Everything that identifies what a run was given, what it did with it and what came out: what a replay needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from preceptor.loop.state import RunState
from preceptor.tasks.splits import Split, SplitName


def digests(splits: Mapping[SplitName, Split], state: RunState) -> dict[str, str]:
    """Digests and content-named ids by what they are of, inputs first."""
    assert state.started is not None
    return {
        "document": state.started.document_digest,
        **{f"split.{name}": split.digest for name, split in splits.items()},
        **({"gates.index": state.safeguards.index} if state.safeguards and state.safeguards.index else {}),
        **dict(_proposals(state)),
        **{f"training.{event.training}": event.version for event in state.trainings.values()},
        **{f"evaluation.{subject}.{split}": score.evaluation for (subject, split), score in state.scores.items()},
        **dict(_comparisons(state)),
    }


def _proposals(state: RunState) -> Iterator[tuple[str, str]]:
    for attempt in state.attempts:
        if attempt.has_recipe:
            yield f"recipe.{attempt.number}", attempt.drafted.digest
        for name, value in attempt.proposed.prompts.items():
            yield f"prompt.{attempt.number}.{name}", value
        if attempt.committed:
            yield f"version.{attempt.number}", attempt.committed.version
            if attempt.committed.manifest:
                yield f"manifest.{attempt.committed.version}", attempt.committed.manifest


def _comparisons(state: RunState) -> Iterator[tuple[str, str]]:
    for name, control in state.controls.items():
        if control.version:
            yield f"control.{name}.version", control.version
        for place, score in enumerate(control.scores, start=1):
            yield f"control.{name}.evaluation.{place}", score.evaluation
    for document, suite in state.suites.items():
        yield f"suite.{document}", suite.digest
    for skill, removal in state.removals.items():
        for place, training in enumerate(removal.trainings, start=1):
            yield f"without.{skill}.training.{place}", training
