"""Who decides which data to make."""

from preceptor.engineers.build import Proposer, build_engineer

__all__ = ["Proposer", "build_engineer"]
