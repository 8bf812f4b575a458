"""What the rows of a training have in common as tokens; see :mod:`preceptor.students.encoding` for one row."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from preceptor.students.encoding import Encoded

WORTH_SHARING = 8
"""Tokens from which a shared prefix is worth a pass of its own."""


def shared_prefix(rows: Sequence[Encoded]) -> tuple[int, ...]:
    """Tokens that every row's question begins with, at most all of the question but its last token.

    System messages and instructions are the same in every row; what the student computes for them is too, because
    attention looks back only. :class:`preceptor.training.objective.AnswerLoss` computes it once a batch.
    """
    columns = zip(*(row.prompt[:-1] for row in rows), strict=False)
    prefix = tuple(column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns))
    return prefix if len(prefix) >= WORTH_SHARING else ()
