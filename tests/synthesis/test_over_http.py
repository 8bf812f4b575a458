"""A whole attempt against a server that misbehaves, through the client, the log and leases."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from preceptor.endpoints.client import Client
from preceptor.endpoints.correspondence import Correspondence
from preceptor.endpoints.index import LogIndex
from preceptor.endpoints.log import LogWriter
from preceptor.endpoints.meter import Lease
from preceptor.recipes.amount import Limit
from preceptor.spec.actors import OpenAITeacher
from preceptor.spec.recipe import Recipe
from preceptor.storage.store import Store
from preceptor.synthesis.assembly import Assembled, Assembly
from preceptor.synthesis.context import UnitContext
from preceptor.synthesis.costs import UnitCosts
from preceptor.synthesis.inquiry import together
from preceptor.synthesis.units import Unit, UnitResult
from preceptor.synthesis.writing import ModelUnits
from support.arithmetic import recipe, spec
from support.faulty import Fault, FaultyServer, seeded

WRITE = {
    "kind": "prompt",
    "template": "Write a sum like number {{ n }}.",
    "variables": {"n": {"kind": "number", "low": 1, "high": 10**9}},
}
PLAN = recipe(
    WRITE,
    quota=60,
    retries=1,
    validators=[
        {"kind": "agreement", "solutions": 3, "agree": 2},
        {"kind": "judge", "rubric": "It is a sum.", "threshold": 2},
    ],
)
CONTEXT = UnitContext()
FAULTS: Mapping[Fault, float] = {
    Fault("busy", retry_after=0): 0.06,
    Fault("away", retry_after=0): 0.04,
    Fault("cut-off"): 0.05,
    Fault("empty"): 0.05,
    Fault("refusal"): 0.05,
    Fault("prose"): 0.05,
    Fault("reset"): 0.04,
    Fault("half"): 0.04,
    Fault("malformed"): 0.04,
    Fault("error"): 0.04,
    Fault("usage", usage="plenty"): 0.04,
}


@dataclass
class Attempt:
    """One attempt in this process: every unit of a round at once, each under its own lease."""

    server: FaultyServer
    store: Store
    limit: Limit

    def run(self, writer: str) -> Assembled:
        return asyncio.run(self._run(writer))

    async def _run(self, writer: str) -> Assembled:
        document = spec(teacher={"endpoint": {"baseUrl": self.server.url}})
        assert isinstance(document.teacher, OpenAITeacher)
        client = Client(document.teacher.endpoint, concurrency=document.teacher.concurrency, sleep=_at_once)
        index, costs, maker = LogIndex.read(self.store, 1), UnitCosts(document, PLAN, CONTEXT), ModelUnits(document)
        work = Assembly(PLAN, document, (), 1, self.limit)

        async def make(recipe: Recipe, unit: Unit) -> UnitResult:
            lease = Lease(costs.worst(unit))
            sender = Correspondence(client.send, lease=lease, log=log, index=index, price=document.teacher.price)
            result = await maker.make(recipe, unit, sender)
            assert result.asked == lease.spent
            assert lease.clamped == 0
            return result

        try:
            async with LogWriter(self.store, 1, writer) as log:
                while units := work.wanted():
                    for result in await together(make(PLAN, unit) for unit in units):
                        work.add(result)
        finally:
            await client.close()
        return work.result()


async def _at_once(seconds: float) -> None:
    await asyncio.sleep(0)


@pytest.mark.parametrize(("seed", "faults"), [(0, {}), (1, FAULTS), (2, FAULTS)])
@pytest.mark.parametrize("limit", [Limit(requests=600), Limit(requests=90, tokens=200_000)])
def test_whatever_the_server_does_rows_are_accounted_for_and_limits_kept(
    seed: int, faults: Mapping[Fault, float], limit: Limit
) -> None:
    store = Store.open(f"memory://over-http-{seed}-{limit.requests}")
    with FaultyServer(faults=seeded(seed, faults)) as server:
        result = Attempt(server, store, limit).run("000001-here")
        assert limit.affords(result.spent)
        assert server.carried_out <= result.spent.requests
        assert server.tokens <= result.spent.tokens
        for part in result.funnel.skills.values():
            assert part.made == part.accepted + sum(part.dropped.values())
            assert part.quota == part.accepted + part.missing
        assert len(result.samples) >= 10
        if limit.requests == 600:
            assert result.short == {}
        sent = server.received
        assert Attempt(server, store, limit).run("000002-here") == result  # everything is in the log by now
        assert server.received == sent
