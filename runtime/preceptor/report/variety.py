"""How varied each version is, as its manifest says or its rows show, and where variety collapses."""

from __future__ import annotations

import json
from collections.abc import Sequence

from preceptor.evaluation.diversity import Diversity, DiversityMeter, collapse
from preceptor.report import schema
from preceptor.spec.task import Task
from preceptor.storage import datasets
from preceptor.storage.store import Store
from preceptor.tasks.content import Content


def variety(store: Store, task: Task, versions: Sequence[str]) -> tuple[schema.Diversity, ...]:
    """The versions' variety, each with what collapsed against the best before it; ``versions`` in order of making."""
    found: list[Diversity] = []
    described = []
    for version in versions:
        figures = _figures(store, task, version)
        described.append(
            schema.Diversity(
                version=version, alarms=tuple(collapse(found, figures)), **figures.model_dump(by_alias=False)
            )
        )
        found.append(figures)
    return tuple(described)


def _figures(store: Store, task: Task, version: str) -> Diversity:
    """As written down when the version was made; measured now for one of a release that did not."""
    manifest = datasets.read_manifest(store, version)
    if manifest.diversity:
        return Diversity.model_validate(manifest.diversity)
    meter, content = DiversityMeter(), Content(task)
    for row in datasets.iter_rows(store, version):
        meter.add(content.of(json.loads(row["fields"]), row["prompt"]), row["skill"])
    return meter.result()
