"""The human baseline: carries out the recipe that stands in the document."""

from __future__ import annotations

from preceptor.engineers.observation import Observation
from preceptor.engineers.proposal import Stop
from preceptor.spec.actors import FixedEngineer as Config
from preceptor.spec.recipe import Recipe


class FixedEngineer:
    """Proposes the document's recipe once."""

    def __init__(self, config: Config) -> None:
        self._recipe = config.recipe

    def propose(self, observation: Observation) -> Recipe | Stop:
        """Return the recipe; at the second call, the reason that there is no other."""
        if observation.past:
            return Stop("the document's recipe was carried out; a fixed engineer has no other")
        return self._recipe
