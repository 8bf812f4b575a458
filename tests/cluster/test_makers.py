"""Rows made by actors, with a model behind a server; the actors are killed in the middle."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest
import ray

from preceptor.cluster import session
from preceptor.cluster.makers import Makers
from preceptor.endpoints.index import LogIndex
from preceptor.loop.events import DatasetCommitted, RecipeDrafted
from preceptor.loop.generating import Generation
from preceptor.loop.in_process import InProcess
from preceptor.loop.parts import Workforce
from preceptor.loop.state import Attempt, RunState
from preceptor.recipes.digests import recipe_digest
from preceptor.spec.actors import FixedEngineer
from preceptor.spec.document import Spec
from preceptor.spec.load import load
from preceptor.storage.store import Store
from preceptor.synthesis.context import UnitContext
from support.faulty import FaultyServer
from support.model_run import KEY, PLAN, sound, write_model_run
from support.silent import SilentReporter


class Murderer:
    """Answers, and once kills every maker while they wait for an answer."""

    def __init__(self, at: int) -> None:
        self._at = at
        self._seen = 0
        self._lock = threading.Lock()
        self.killed = 0

    def __call__(self, body: dict[str, Any]) -> str:
        with self._lock:
            self._seen += 1
            if self._seen == self._at:
                for process in psutil.Process().children(recursive=True):  # of this test's own Ray
                    if process.name().startswith("ray::Maker"):
                        os.kill(process.pid, signal.SIGKILL)
                        self.killed += 1
        return sound(body)


class OnlyMakers(InProcess):
    """Makes rows on Ray and does nothing else."""

    def __init__(self, spec: Spec) -> None:
        self.makers = Makers(spec)
        self.make = self.makers.make  # type: ignore[method-assign]


def generated(spec: Spec, store: Store, workforce: Workforce) -> DatasetCommitted:
    assert isinstance(spec.engineer, FixedEngineer)
    recipe = spec.engineer.recipe
    drafted = RecipeDrafted(attempt=1, operation="draft", recipe=recipe, digest=recipe_digest(recipe))
    attempt = Attempt(drafted)
    generation = Generation(spec, store, workforce, SilentReporter(), UnitContext(), epoch=1)
    event = generation.carry_out(attempt, RunState(attempts=(attempt,)))
    assert isinstance(event, DatasetCommitted)
    return event


@pytest.mark.ray
@pytest.mark.slow
def test_makers_that_are_killed_make_the_same_rows(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRECEPTOR_TEST_KEY", KEY)
    plan = {**PLAN, "skills": [{**skill, "quota": 60} for skill in PLAN["skills"]]}
    engineer = {"kind": "fixed", "recipe": plan}
    murderer = Murderer(at=60)
    with FaultyServer(answer=murderer, key=KEY, latency=0.02) as server:
        document = write_model_run(tmp_path, tiny, server.url, engineer=engineer, dataset={"size": 120, "minimum": 100})
        spec = load(document).spec.spec
        session.start(2)
        try:
            store = Store.open(str(tmp_path / "on-ray"))
            on_ray = generated(spec, store, OnlyMakers(spec))
        finally:
            ray.shutdown()
        carried_out = server.carried_out
        here = InProcess(spec)
        alone = generated(spec, Store.open(str(tmp_path / "alone")), here)
        here.close()
    assert murderer.killed >= 1
    assert on_ray.version == alone.version
    assert on_ray.rows == 120
    index = LogIndex.read(store, 1)
    assert alone.spent["requests"] < carried_out <= on_ray.spent["requests"] == index.spent.requests
