"""A finished run with versions, ledger and log of requests, written by the parts that write them in a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from preceptor import __version__
from preceptor.endpoints.log import LogWriter
from preceptor.endpoints.records import Record
from preceptor.loop.events import (
    AnyEvent,
    DatasetCommitted,
    IterationJudged,
    Published,
    RecipeDrafted,
    RunStarted,
    to_data,
)
from preceptor.recipes.amount import Amount
from preceptor.recipes.digests import recipe_digest
from preceptor.recipes.funnel import Funnel, SkillFunnel
from preceptor.recipes.sample import Receipt, Sample
from preceptor.spec.load import Document, load
from preceptor.spec.recipe import CarryOver, ProceduralSource, Recipe, SkillPlan
from preceptor.storage import datasets, layout
from preceptor.storage.datasets import Manifest, VersionInfo
from preceptor.storage.ledger import Ledger
from preceptor.storage.store import Store
from support.logs import answer, at_once, request
from support.small_run import write_small_run

SYSTEM = "Say warm or cold."
EXAMPLE = {"prompt": "ice", "answer": "cold"}
SKILLS = ("cold", "warm")
SECOND = 1_000_000
"""Number of the first row that the second attempt made; even, so that skills alternate as before."""


def recipe(quota: int, carried: str | None = None) -> Recipe:
    plans = [SkillPlan(skill=skill, quota=quota, sources=(ProceduralSource(generator=skill),)) for skill in SKILLS]
    carry_over = CarryOver(version=carried, share=0.5) if carried else None
    return Recipe(skills=tuple(plans), carry_over=carry_over)


def sample(number: int, attempt: int, digest: str, **receipt: Any) -> Sample:
    skill = SKILLS[number % 2]
    return Sample.create(
        skill=skill,
        fields={"q": f"thing {number}"},
        prompt=f"thing {number} on the fire"
        if skill == "warm"
        else f"thing {number}\u2028\x1b[31m [red]in the snow[/]",
        answer=skill,
        receipt=Receipt(
            recipe=digest,
            attempt=attempt,
            generator="prompt",
            difficulty=0,
            unit=number // 4,
            index=number % 4,
            teacher="openai:ab12",
            **({"source": "prompt", "requests": (request(number).digest,)} | receipt),
        ),
    )


def write_run(directory: Path, store: Store | None = None, *, rows: int = 12) -> tuple[Path, Store, list[str]]:
    """A run of two versions, the second with rows of the first and rows made from them. Document, store, versions."""
    document = write_small_run(directory, directory / "student", task__system=SYSTEM, task__fewShot=[EXAMPLE])
    loaded = load(document)
    store = store or Store.open(str(directory / "runs")).child("small")
    first = recipe(rows // 2)
    fresh = [sample(number, 1, recipe_digest(first)) for number in range(rows)]
    with Ledger.acquire(store) as ledger:
        _append(ledger, _started(loaded, store))
        one = _attempt(ledger, store, 1, first, fresh, best=True)
        second = recipe(rows // 2 + 1, one.version)
        kept = [row.carried(one.version) for row in fresh[: rows // 2]]
        made = [sample(number + SECOND, 2, recipe_digest(second)) for number in range(rows)]
        parents = (kept[0].id, fresh[-1].id)
        made[0] = replace(made[0], receipt=replace(made[0].receipt, source="evolve", parents=parents))
        two = _attempt(ledger, store, 2, second, [*kept, *made], best=False)
        _append(ledger, Published(verdict="improved", version=one.version, training="t-1"))
    write_log(store, 1, range(rows))
    write_log(store, 2, range(SECOND, SECOND + rows))
    return document, store, [one.version, two.version]


def write_log(store: Store, attempt: int, numbers: Iterable[int]) -> None:
    async def main() -> None:
        async with LogWriter(store, attempt, layout.teacher_writer(1, "worker-1"), sleep=at_once) as log:
            for number in numbers:
                await log.write(Record.intent(request(number), Amount(requests=1)))
                await log.write(Record.outcome(request(number), answer(), Amount(requests=1)))

    asyncio.run(main())


def _started(document: Document, store: Store) -> RunStarted:
    store.write(layout.SPEC, document.text.encode())
    return RunStarted(document=document.spec.canonical(), document_digest="d" * 64, splits={}, items={}, versions={})


def _attempt(
    ledger: Ledger, store: Store, number: int, made_by: Recipe, samples: list[Sample], *, best: bool
) -> Manifest:
    drafted = RecipeDrafted(attempt=number, operation="draft", recipe=made_by, digest=recipe_digest(made_by))
    _append(ledger, drafted)
    manifest = datasets.commit(store, [row.to_row() for row in samples], _info(number, made_by, samples))
    event = DatasetCommitted(
        attempt=number,
        version=manifest.version,
        manifest=datasets.manifest_digest(store, manifest.version),
        rows=manifest.rows,
        skills=dict(manifest.skills),
        made=len(samples) + 3,
        dropped={"duplicate": 3},
        seconds=1.0,
    )
    _append(ledger, event)
    judged = IterationJudged(
        attempt=number,
        version=manifest.version,
        training=f"t-{number}",
        against="base",
        improvement=0.1,
        standard_error=0.01,
        best=best,
    )
    _append(ledger, judged)
    return manifest


def _info(number: int, made_by: Recipe, samples: list[Sample]) -> VersionInfo:
    carried = made_by.carry_over
    skills = {}
    for position, skill in enumerate(SKILLS):
        rows = [row for row in samples if row.skill == skill]
        old = sum(row.receipt.carried_from is not None for row in rows)
        dropped = {"duplicate": 3} if position == 0 else {}
        skills[skill] = SkillFunnel(
            quota=len(rows),
            carried=old,
            made=len(rows) - old + sum(dropped.values()),
            accepted=len(rows) - old,
            dropped=dropped,
        )
    return VersionInfo(
        number=number,
        description="Say whether a thing is warm or cold.",
        recipe=recipe_digest(made_by),
        parents=(carried.version,) if carried else (),
        funnel=Funnel(skills=skills).model_dump(mode="json"),
        gates={
            "format": {"enabled": True, "dropped": {}},
            "duplicates": {"enabled": True, "threshold": 0.7 + number / 10, "dropped": {"duplicate": 3}},
        },
        created_by={"preceptor": __version__},
    )


def _append(ledger: Ledger, event: AnyEvent) -> None:
    ledger.append(event.type, to_data(event))
