"""Who decides which data to make."""

from preceptor.engineers.build import build_engineer
from preceptor.engineers.proposal import NoProposal, Outcome, Proposal, Proposer, Stop

__all__ = ["NoProposal", "Outcome", "Proposal", "Proposer", "Stop", "build_engineer"]
