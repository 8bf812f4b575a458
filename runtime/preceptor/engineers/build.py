"""The engineer a document asks for."""

from __future__ import annotations

from preceptor.engineers.fixed import FixedEngineer
from preceptor.engineers.heuristic import HeuristicEngineer
from preceptor.engineers.proposal import Proposer
from preceptor.errors import UserError
from preceptor.spec import actors


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
