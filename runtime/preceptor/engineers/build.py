"""The engineer a document asks for."""

from __future__ import annotations

from preceptor.engineers.fixed import FixedEngineer
from preceptor.engineers.heuristic import HeuristicEngineer
from preceptor.engineers.llm.engineer import Line, LLMEngineer
from preceptor.engineers.llm.rules import Check
from preceptor.engineers.proposal import Proposer
from preceptor.spec import actors


def build_engineer(config: actors.Engineer, *, line: Line | None = None, check: Check | None = None) -> Proposer:
    """Return the engineer that a document declares.

    One that plans with a language model needs a ``line`` to it, and a ``check`` that says why a recipe cannot be
    carried out; nothing is opened or asked before it proposes. Raises ``ValueError`` when either is missing.
    """
    match config:
        case actors.HeuristicEngineer():
            return HeuristicEngineer(config)
        case actors.FixedEngineer():
            return FixedEngineer(config)
        case actors.LLMEngineer():
            if line is None or check is None:
                raise ValueError("an engineer of kind `llm` needs a line to its model and a check for its recipes")
            return LLMEngineer(config, line, check)
