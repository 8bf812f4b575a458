"""The actors that make rows. Each runs one event loop and has many units under way."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import ray
from ray.exceptions import RayActorError

from preceptor.cluster.fetching import unwrapped
from preceptor.loop.making import Load, UnitMaker, makers_for, share
from preceptor.loop.parts import MakersLostError, MakingOrder
from preceptor.spec.document import Spec
from preceptor.synthesis.units import Unit, UnitResult


class Makers:
    """A pool of actors that take units of one attempt after the other."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._count = makers_for(spec, int(ray.cluster_resources().get("CPU", 1)))
        # Never started again by Ray: what a lost actor had under way has to be charged before anything else is sent.
        self._actor = ray.remote(num_cpus=0, max_restarts=0)(UnitMaker)
        self._actors: list[Any] = []
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
            self.dismiss()
            raise MakersLostError(str(error)) from error
        finally:
            if running:  # cut short: nothing may go on sending, or else nobody could say what was spent
                self.dismiss()

    def dismiss(self) -> None:
        """End every actor at once."""
        for actor in self._actors:
            ray.kill(actor)
        self._actors, self._order = [], None

    def _begin(self, order: MakingOrder) -> None:
        if order == self._order:
            return
        if not self._actors:
            concurrency = share(self._spec, self._count)
            self._actors = [self._actor.remote(self._spec, concurrency) for _ in range(self._count)]
        shared = ray.put(order)
        for begun in [actor.begin.remote(shared) for actor in self._actors]:
            unwrapped(begun)
        self._order = order
