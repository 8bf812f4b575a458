"""The actors that make rows. Each runs one event loop and has many units under way."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from preceptor.cluster.fetching import unwrapped
from preceptor.cluster.session import away_from_the_head
from preceptor.errors import ClusterError
from preceptor.loop.making import Load, UnitMaker, makers_for, share
from preceptor.loop.parts import MakersLostError, MakingOrder
from preceptor.spec.document import Spec
from preceptor.storage.lease import Holder
from preceptor.synthesis.units import Unit, UnitResult

DEATH_SECONDS = 30.0
"""How long a process that was killed may take to be gone."""
POLL_SECONDS = 0.01
"""How often it is looked for."""


class Maker(UnitMaker):
    """A maker that says where it runs."""

    def whereabouts(self) -> tuple[str, Holder]:
        """The node and the process."""
        return ray.get_runtime_context().get_node_id(), Holder.here()


def await_death(process: Holder) -> None:
    """Return once a process of this node is gone; raises :class:`ClusterError` when it stays."""
    deadline = time.monotonic() + DEATH_SECONDS
    while not process.is_dead():
        if time.monotonic() > deadline:
            raise ClusterError(
                f"process {process.pid} on {process.host} was killed and is still there after {DEATH_SECONDS:.0f} s; "
                "end it by hand, then run the same command again to continue"
            )
        time.sleep(POLL_SECONDS)


class Makers:
    """A pool of actors that take units of one attempt after the other."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._count = makers_for(spec, int(ray.cluster_resources().get("CPU", 1)))
        # Never started again by Ray: what a lost actor had under way has to be charged before anything else is sent.
        self._actor = ray.remote(num_cpus=0, max_restarts=0, **away_from_the_head())(Maker)
        self._actors: list[Any] = []
        self._whereabouts: list[tuple[str, Holder]] = []
        self._order: MakingOrder | None = None

    def make(self, order: MakingOrder, units: Sequence[Unit]) -> Iterator[UnitResult]:
        """Results as they are finished; see :class:`preceptor.loop.parts.Workforce`."""
        running: dict[ray.ObjectRef, tuple[int, Unit]] = {}
        try:
            self._begin(order)
            waiting, loads = deque(units), [Load(share(self._spec, self._count)) for _ in self._actors]
            while waiting or running:
                while waiting and (free := [place for place, load in enumerate(loads) if load.free]):
                    place = min(free, key=lambda place: loads[place].requests)
                    unit = waiting.popleft()
                    loads[place].began(order.recipe, unit)
                    running[self._actors[place].make.remote(unit)] = place, unit
                [ready], _ = ray.wait(list(running), num_returns=1)
                result = unwrapped(ready)
                place, unit = running.pop(ready)
                loads[place].ended(order.recipe, unit)
                yield result
        except RayActorError as error:
            self._dismiss()
            raise MakersLostError(str(error)) from error
        finally:
            if running:  # cut short: nothing may go on sending, or else nobody could say what was spent
                self._dismiss()

    def _dismiss(self) -> None:
        """End every actor at once, and wait until the last of them can write to the log no more."""
        for actor in self._actors:
            ray.kill(actor)
        whereabouts, self._actors, self._whereabouts, self._order = self._whereabouts, [], [], None
        if isinstance(sys.exception(), KeyboardInterrupt):
            return  # this process ends as well; the next one looks at the log much later
        for node, process in whereabouts:
            there = NodeAffinitySchedulingStrategy(node, soft=False)
            try:
                unwrapped(ray.remote(num_cpus=0, scheduling_strategy=there)(await_death).remote(process))
            except RayTaskError:
                raise
            except RayError:
                continue  # the node is gone, and its processes with it

    def _begin(self, order: MakingOrder) -> None:
        if order == self._order:
            return
        if not self._actors:
            concurrency = share(self._spec, self._count)
            self._actors = [self._actor.remote(self._spec, concurrency) for _ in range(self._count)]
            self._whereabouts = ray.get([actor.whereabouts.remote() for actor in self._actors])
        shared = ray.put(order)
        for begun in [actor.begin.remote(shared) for actor in self._actors]:
            unwrapped(begun)
        self._order = order
