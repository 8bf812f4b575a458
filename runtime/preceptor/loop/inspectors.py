"""Who tells how near rows are to the examination: two models that are asked.

The log of these requests is apart from the teacher's, because it holds questions of the examination. Those are named
in it as well, so that whoever only has the log decides as the run did; see :mod:`preceptor.loop.recollection`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from importlib.resources import files
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from preceptor.endpoints.correspondence import Correspondence
from preceptor.endpoints.embeddings import unpack
from preceptor.endpoints.index import LogIndex
from preceptor.endpoints.log import LogWriter
from preceptor.endpoints.messages import Answer, Request, Texts
from preceptor.endpoints.meter import Lease
from preceptor.errors import GateError
from preceptor.gates.contamination import SEEDS
from preceptor.loop.waves import UnpaidError, paid
from preceptor.recipes.digests import digest
from preceptor.spec.gates import NeighbourCheck
from preceptor.storage import layout
from preceptor.storage.store import Store
from preceptor.synthesis.inquiry import RETRIED
from preceptor.tasks.prompts import Renderer, compile_template

TRIES = 3
"""Answers in a row that may be unusable."""
BATCH_TEXTS = 64
"""Texts of a request at most."""
BATCH_BYTES = 1 << 17
"""Bytes of them at most, unless one text alone has more."""
WORKER = "inspector"
"""Name of whoever inspects among the writers of the log."""
EXAMINATION, ROWS, PAIR = "examination", "rows", "pair"
"""What the places of requests begin with."""
_SCHEMA = {
    "type": "object",
    "properties": {"reason": {"type": "string"}, "same": {"type": "boolean"}},
    "required": ["reason", "same"],
    "additionalProperties": False,
}

Vector = NDArray[np.float64]
Ask = Callable[[Texts], Awaitable[Answer]]


class Inspector(Protocol):
    """Knows vectors, and whether two questions ask the same."""

    async def questions(self) -> Mapping[str, Vector]:
        """The vector of every protected question, by name. Raises :class:`UnpaidError`."""
        ...

    async def rows(self, texts: Mapping[str, str]) -> dict[str, Vector]:
        """Vectors of rows, by id, of those that have one. Raises :class:`UnpaidError`."""
        ...

    async def same(self, row: str, text: str, question: str) -> bool | None:
        """Whether a row asks the same as the question of a name; ``None`` when nobody could say.

        Raises :class:`UnpaidError`.
        """
        ...


class Asked:
    """Asks the models of the document, within a lease; see :func:`asked`."""

    def __init__(
        self,
        settings: NeighbourCheck,
        description: str,
        protected: Mapping[str, str],
        known: Mapping[str, Vector],
        embed: Correspondence,
        check: Correspondence,
    ) -> None:
        self._settings = settings
        self._description = description
        self._protected = protected
        self._known = known
        self._embed = embed
        self._check = check

    async def questions(self) -> Mapping[str, Vector]:
        """See :class:`Inspector`. Raises :class:`GateError` when one has no vector: rows near it would pass."""
        missing = {name: text for name, text in self._protected.items() if name not in self._known}
        works = [self._work(batch) for batch in batches(missing)]
        found = dict(self._known)
        for part in await paid(works, self._settings.concurrency):
            if part is None:
                raise UnpaidError
            found |= part
        if len(found) < len(self._protected) or len({len(vector) for vector in found.values()}) > 1:
            raise GateError(
                f"{self._settings.model} gave no fitting embedding of {len(self._protected) - len(found) or 'some'} of "
                f"{len(self._protected)} protected questions, so that nobody would notice rows near them",
                mend="start a run under another name with a model for longer texts, or without "
                "`dataset.gates.contamination.neighbours`",
            )
        return found

    def _work(self, batch: Mapping[str, str]) -> Callable[[], Awaitable[dict[str, Vector]]]:
        return lambda: embedded(self._embed.ask, self._settings.model, EXAMINATION, batch)

    async def rows(self, texts: Mapping[str, str]) -> dict[str, Vector]:
        """See :class:`Inspector`."""
        return await embedded(self._embed.ask, self._settings.model, ROWS, texts)

    async def same(self, row: str, text: str, question: str) -> bool | None:
        """See :class:`Inspector`."""

        async def ask(place: str) -> Answer:
            return await self._check.ask(self._pair(question, text, place))

        return await verdict(ask, row, question)

    def _pair(self, question: str, other: str, place: str) -> Request:
        """To change the numbers of a seed is to make a new question of it; of the examination, it is not."""
        checker, one = self._settings.checker, self._protected[question]
        numbers = not question.startswith(f"{SEEDS}:")
        mark = f"pair-{digest([one, other])[:16]}"  # which neither can hold
        system = _prompt("same")({"description": self._description, "mark": mark, "numbers": numbers})
        shown = _prompt("pair")({"one": one, "other": other, "mark": mark})
        return Request(
            model=checker.model,
            messages=({"role": "system", "content": system.strip()}, {"role": "user", "content": shown.strip()}),
            max_tokens=checker.sampling.max_tokens,
            temperature=checker.sampling.temperature,
            top_p=checker.sampling.top_p,
            schema=_SCHEMA,
            place=place,
        )


@asynccontextmanager
async def asked(
    settings: NeighbourCheck,
    description: str,
    protected: Mapping[str, str],
    known: Mapping[str, Vector],
    *,
    log: Store,
    attempt: int,
    epoch: int,
    index: LogIndex,
    lease: Lease,
) -> AsyncIterator[Asked]:
    """Open the lines to both models, with one lease and one log.

    Args:
        settings: the models.
        description: the task's.
        protected: questions by name.
        known: vectors of some of them.
        log: where requests are logged.
        attempt: under which attempt.
        epoch: the driver's.
        index: what that log knows.
        lease: what may be used up.
    """
    from preceptor.endpoints.client import Client

    places, checker = settings.concurrency, settings.checker
    async with (
        Client(settings.endpoint, concurrency=places, discreet=True) as embeds,
        Client(checker.endpoint, concurrency=places, discreet=True) as checks,
        LogWriter(log, attempt, layout.teacher_writer(epoch, WORKER)) as writer,
    ):
        yield Asked(
            settings,
            description,
            protected,
            known,
            Correspondence(embeds.send, lease=lease, log=writer, index=index, price=settings.price),
            Correspondence(checks.send, lease=lease, log=writer, index=index, price=checker.price),
        )


def batches(texts: Mapping[str, str]) -> list[dict[str, str]]:
    """The texts in requests' worth, in order."""
    parts: list[dict[str, str]] = []
    size = 0
    for name, text in texts.items():
        length = len(text.encode("utf-8", "surrogatepass"))
        if not parts or len(parts[-1]) == BATCH_TEXTS or size + length > BATCH_BYTES:
            parts.append({})
            size = 0
        parts[-1][name] = text
        size += length
    return parts


def prompts() -> dict[str, str]:
    """Digest of every prompt file, by name."""
    return {name: digest(_text(name))[:16] for name in ("same", "pair")}


async def embedded(ask: Ask, model: str, place: str, texts: Mapping[str, str]) -> dict[str, Vector]:
    """Vectors by name. What the endpoint does not take together is asked for in halves, what it never takes left out.

    Raises :class:`UnpaidError`.
    """
    for turn in range(TRIES):
        answer = await ask(Texts(model, tuple(texts.values()), tuple(texts), f"{place}/{turn}"))
        if answer.failure is None:
            return dict(zip(texts, unpack(answer.text, len(texts)), strict=True))
        if answer.failure == "budget":
            raise UnpaidError
        if answer.failure not in RETRIED:
            break
    if len(texts) == 1:
        return {}
    names: Sequence[str] = tuple(texts)
    halves = (names[: len(names) // 2], names[len(names) // 2 :])
    first, second = [await embedded(ask, model, place, {name: texts[name] for name in half}) for half in halves]
    return first | second


async def verdict(ask: Callable[[str], Awaitable[Answer]], row: str, question: str) -> bool | None:
    """What the checker says of a row and a question, ``ask`` given a place; see :meth:`Inspector.same`."""
    for turn in range(TRIES):
        answer = await ask(f"{PAIR}/{row}/{question}/{turn}")
        if answer.failure == "budget":
            raise UnpaidError
        same = answer.value.get("same") if answer.failure is None and isinstance(answer.value, dict) else None
        if isinstance(same, bool):
            return same
        if answer.failure is not None and answer.failure not in RETRIED:
            return None
    return None


@lru_cache(maxsize=2)
def _prompt(name: str) -> Renderer:
    """One of the files in ``prompts/``, compiled in the sandbox."""
    return compile_template(_text(name), f"prompts/{name}.md")


def _text(name: str) -> str:
    return (files("preceptor.loop") / "prompts" / f"{name}.md").read_text(encoding="utf-8")
