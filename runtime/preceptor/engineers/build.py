"""What every engineer does, and the engineer a document asks for."""

from __future__ import annotations

from typing import Protocol

from preceptor.engineers.fixed import FixedEngineer
from preceptor.engineers.heuristic import HeuristicEngineer
from preceptor.engineers.observation import Observation, Stop
from preceptor.errors import UserError
from preceptor.spec import actors
from preceptor.spec.recipe import Recipe


class Proposer(Protocol):
    """Decides which data to make."""

    def propose(self, observation: Observation) -> Recipe | Stop:
        """Return the next recipe, or the reason to make no more."""
        ...


def build_engineer(config: actors.Engineer) -> Proposer:
    """Return the engineer that a document declares. Raises ``UserError`` for a kind that cannot plan yet."""
    match config:
        case actors.HeuristicEngineer():
            return HeuristicEngineer(config)
        case actors.FixedEngineer():
            return FixedEngineer(config)
        case actors.LLMEngineer():
            raise UserError(
                "an engineer of kind `llm` cannot plan yet", mend="use `engineer.kind: heuristic` or `fixed`"
            )
