"""The actors that make rows. Each runs one event loop and has many units under way."""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from preceptor.cluster import session
from preceptor.cluster.fetching import unwrapped
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
PATIENCE_SECONDS = 60.0
"""How long nothing may happen before it is said that nobody is there to work."""

log = logging.getLogger(__name__)


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
    """A pool of actors that take units of one attempt after the other.

    In a cluster each asks for a CPU, which is what an autoscaler looks at: the first begin at once, others join as
    machines come. On one machine they ask for none, because the training's workers need them all.
    """

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._elastic = session.in_cluster()
        self._count = makers_for(spec, session.cpus())
        cpus = 1 if self._elastic else 0
        # Never started again by Ray: what a lost actor had under way has to be charged before anything else is sent.
        self._actor = ray.remote(num_cpus=cpus, max_restarts=0, **session.away_from_the_head())(Maker)
        self._coming: dict[ray.ObjectRef, Any] = {}
        self._actors: list[Any] = []
        self._whereabouts: list[tuple[str, Holder]] = []
        self._order: MakingOrder | None = None
        self._shared: ray.ObjectRef | None = None

    def make(self, order: MakingOrder, units: Sequence[Unit]) -> Iterator[UnitResult]:
        """Results as they are finished; see :class:`preceptor.loop.parts.Workforce`."""
        running: dict[ray.ObjectRef, tuple[int, Unit]] = {}
        try:
            self._begin(order)
            waiting, loads = deque(units), [self._load() for _ in self._actors]
            while waiting or running:
                while waiting and (free := [place for place, load in enumerate(loads) if load.free]):
                    place = min(free, key=lambda place: loads[place].requests)
                    unit = waiting.popleft()
                    loads[place].began(order.recipe, unit)
                    running[self._actors[place].make.remote(unit)] = place, unit
                ready = self._next([*(self._coming if waiting else ()), *running])
                if ready in self._coming:
                    self._join(ready)
                    loads.append(self._load())
                    continue
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

    def rest(self) -> None:
        """Nothing is made for a while: leave a cluster's CPUs to others. One machine's makers take none, and stay."""
        if self._elastic:
            self._dismiss()

    def _load(self) -> Load:
        return Load(share(self._spec, self._count))

    def _next(self, refs: list[ray.ObjectRef]) -> ray.ObjectRef:
        """The first that is ready; says once a minute that there is nobody to work."""
        while True:
            ready, _ = ray.wait(refs, num_returns=1, timeout=PATIENCE_SECONDS)
            if ready:
                return ready[0]
            if not self._actors:
                log.warning("no maker has a CPU yet: waiting for workers (see the cluster's pending pods)")

    def _dismiss(self) -> None:
        """End every actor at once, and wait until the last of them can write to the log no more."""
        # Of those that are still coming nobody asked anything yet.
        for actor in (*self._actors, *self._coming.values()):
            ray.kill(actor)
        whereabouts = self._whereabouts
        self._coming, self._actors, self._whereabouts, self._order = {}, [], [], None
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
        if not self._actors and not self._coming:
            concurrency = share(self._spec, self._count)
            actors = [self._actor.remote(self._spec, concurrency) for _ in range(self._count)]
            self._coming = {actor.whereabouts.remote(): actor for actor in actors}
        self._shared, self._order = ray.put(order), order
        for begun in [actor.begin.remote(self._shared) for actor in self._actors]:
            unwrapped(begun)

    def _join(self, arrived: ray.ObjectRef) -> None:
        """Take in an actor that has started."""
        actor = self._coming.pop(arrived)
        self._whereabouts.append(unwrapped(arrived))
        self._actors.append(actor)
        unwrapped(actor.begin.remote(self._shared))
