"""What the log tells of inspections: enough to decide again as the run did, without the texts of the examination."""

from __future__ import annotations

from collections.abc import Mapping

from preceptor.endpoints.correspondence import ReplayCorrespondence
from preceptor.endpoints.embeddings import unpack
from preceptor.endpoints.index import LogIndex, records
from preceptor.endpoints.messages import Answer
from preceptor.endpoints.meter import Lease
from preceptor.errors import StorageError
from preceptor.loop.inspectors import EXAMINATION, PAIR, ROWS, Vector, embedded, verdict
from preceptor.recipes.amount import Amount
from preceptor.recipes.digests import digest
from preceptor.spec.gates import NeighbourCheck
from preceptor.storage.store import Store


class Archive:
    """The vectors of protected questions in the logs of attempts, each read once."""

    def __init__(self, log: Store) -> None:
        self._log = log
        self._read = 0
        self._found: dict[str, tuple[str, Vector]] = {}

    def until(self, attempt: int, wanted: Mapping[str, str] | None = None) -> dict[str, Vector]:
        """Vectors by name, of the attempts before this one; with ``wanted`` only of these texts, by name."""
        digests = None if wanted is None else {name: digest(text) for name, text in wanted.items()}
        while self._read + 1 < attempt and (digests is None or digests.keys() - self._found.keys()):
            self._read += 1
            self._take(self._read)
        return {
            name: vector for name, (text, vector) in self._found.items() if digests is None or digests.get(name) == text
        }

    def _take(self, attempt: int) -> None:
        for record in records(self._log, attempt):
            asked, answer = record.request, record.answer
            if asked is None or answer is None or answer.failure is not None:
                continue
            if asked["place"].startswith(f"{EXAMINATION}/"):
                vectors = unpack(answer.text, len(asked["names"]))
                for name, text, vector in zip(asked["names"], asked["texts"], vectors, strict=True):
                    self._found.setdefault(name, (text, vector))


class Recorded:
    """Tells what the log tells, without the texts of the examination."""

    def __init__(self, settings: NeighbourCheck, log: Store, attempt: int, questions: Mapping[str, Vector]) -> None:
        """``questions`` are the vectors in the logs of this attempt and those before it."""
        self._model = settings.model
        self._questions = questions
        self._line = ReplayCorrespondence(LogIndex.read(log, attempt), Lease(Amount()))
        self._answers: dict[str, Answer] = {}
        for record in records(log, attempt):
            place = record.request["place"] if record.request else ""
            if record.answer is not None and place.startswith(f"{PAIR}/"):
                known = self._answers.get(place)
                if known is None or known.failure == "budget":  # a refusal only when there is nothing else
                    self._answers[place] = record.answer

    @property
    def requests(self) -> int:
        """Embeddings of rows that were read."""
        return self._line.tally.recorded

    async def questions(self) -> Mapping[str, Vector]:
        """See :class:`Inspector`."""
        return self._questions

    async def rows(self, texts: Mapping[str, str]) -> dict[str, Vector]:
        """See :class:`Inspector`. Raises :class:`StorageError` when the log does not tell."""
        return await embedded(self._line.ask, self._model, ROWS, texts)

    async def same(self, row: str, text: str, question: str) -> bool | None:
        """See :class:`Inspector`. Raises :class:`StorageError` when the log does not tell."""

        async def ask(place: str) -> Answer:
            if place not in self._answers:
                raise StorageError(
                    f"the log holds no answer about row {row}, so this run cannot be replayed",
                    mend="replay needs the whole log as the run left it, and the release of Preceptor that made the "
                    "run",
                )
            return self._answers[place]

        return await verdict(ask, row, question)
