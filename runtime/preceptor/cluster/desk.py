"""Where the driver leaves work for a group of training workers, and they leave news; a small process of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from preceptor.errors import PreceptorError
from preceptor.training.job import TrainingResult


@dataclass(frozen=True)
class News:
    """What the driver gets to know of an order."""

    number: int = 0
    """The order."""
    step: int = 0
    """Steps done."""
    result: TrainingResult | None = None
    """The outcome, once there is one."""
    error: PreceptorError | None = None
    """Why there will be none."""

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.result is not None or self.error is not None


@dataclass(frozen=True)
class Turn:
    """What a worker is to do next."""

    number: int = 0
    """The order, from 1; 0 before the first."""
    order: Any = None
    """The order in an object reference's box; ``None`` while there is nothing to do."""
    closed: bool = False
    """Whether the group may go home."""


class Desk:
    """Holds one order at a time; outlives the workers, so that new ones find what the dead ones left."""

    def __init__(self) -> None:
        self._turn = Turn()
        self._news = News()

    def assign(self, order: Any) -> None:
        """Lay down the next order."""
        number = self._turn.number + 1
        self._turn, self._news = Turn(number=number, order=order), News(number=number)

    def turn(self) -> Turn:
        """What a worker is to do, unless it has done that number."""
        return replace(self._turn, order=None) if self._news.over else self._turn

    def tell(self, news: News) -> None:
        """Replace the news of the current order; an error stays."""
        if news.number == self._news.number and self._news.error is None:
            self._news = news

    def news(self) -> News:
        """The latest news of the current order."""
        return self._news

    def close(self) -> None:
        """Let the workers go home."""
        self._turn = replace(self._turn, order=None, closed=True)
