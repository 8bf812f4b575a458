"""What the teacher itself scores on selection: a student that learns from it can hardly be expected to do better.

The teacher's model is asked exactly what the student is, and graded as the student is. The log of it holds questions
of the examination, so it lies apart from the teacher's other work, with the answers, on the evaluator's side of the
wall: nothing of it reaches an engineer.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple, dataclass

from preceptor.closing.parts import Parts
from preceptor.endpoints.correspondence import Correspondence
from preceptor.endpoints.index import LogIndex
from preceptor.endpoints.log import LogWriter
from preceptor.endpoints.messages import Answer, Correspondent, Failure, Request
from preceptor.endpoints.meter import Lease, worst_case
from preceptor.loop.asking import PLENTY
from preceptor.loop.budget import left, whole
from preceptor.loop.events import ControlEnded
from preceptor.loop.examining import Paper, split_score
from preceptor.loop.parts import Stage
from preceptor.loop.state import RunState
from preceptor.loop.waves import UnpaidError, paid
from preceptor.recipes.amount import PICODOLLARS, Amount, Limit
from preceptor.recipes.digests import digest
from preceptor.spec.actors import OpenAITeacher
from preceptor.storage import evaluations, layout
from preceptor.storage.store import Store
from preceptor.synthesis.inquiry import said
from preceptor.tasks.grading import grade
from preceptor.tasks.items import Item
from preceptor.tasks.scorers import build_scorer

DIRECTORY = layout.control("ceiling")
"""Where its log and its predictions lie."""
SHARE = 10
"""One part in so many of every limited budget may be spent on it."""
TRIES = 3
"""Times that a question is asked, at most, when answers are lost on their way."""
ASKED_AGAIN: frozenset[Failure] = frozenset({"timeout", "lost", "malformed"})
"""Failures that say nothing about the teacher; every other is its answer."""
WORKER = "ceiling"
"""Name of whoever asks among the writers of the log."""
_ATTEMPT = 0  # the log's place for what belongs to no attempt


def ceiling(parts: Parts, state: RunState) -> ControlEnded:
    """Let the teacher's model answer selection.

    Before anything is sent it is certain that all questions, each at its worst case, stay within a tenth of every
    limited budget and within what is left; else nobody is asked. Done again after a kill, it reads what was answered.

    Raises:
        EndpointError, EndpointDownError, StorageError: as a correspondence raises them; never with a question.
    """
    teacher = parts.spec.teacher
    assert isinstance(teacher, OpenAITeacher)
    questions = Questions(teacher, parts.paper("selection"))
    tenth = Limit(*(None if most is None else most // SHARE for most in astuple(whole(parts.spec))))
    rest = left(parts.spec, state)
    worst = questions.worst
    if reason := _too_dear(worst, tenth, rest):
        return ControlEnded(control="ceiling", split="selection", skipped=reason)
    log = parts.store.child(DIRECTORY)
    answers = asyncio.run(_asked(parts, questions, log, tenth & rest))
    spent = LogIndex.read(log, _ATTEMPT).spent.to_data()
    if answers is None:
        reason = "what was begun before an interruption may have cost so much that not every question can be paid for"
        return ControlEnded(control="ceiling", split="selection", directory=DIRECTORY, skipped=reason, spent=spent)
    paper = questions.paper
    replies = [Reply.of(answer) for answer in answers]
    evaluations.write(log, questions.id, grade(paper.items, replies, build_scorer(paper.task.scorer)))
    return ControlEnded(
        control="ceiling",
        split="selection",
        scores=(split_score(questions.id, evaluations.read(log, questions.id)),),
        directory=DIRECTORY,
        spent=spent,
        detail=_told(teacher.model, answers),
    )


@dataclass(frozen=True)
class Reply:
    """What the teacher said, as answers are graded."""

    text: str
    """Without what a reasoning model thinks aloud; empty for a failure, so that it is wrong."""
    tokens: int
    """Tokens it wrote."""
    truncated: bool
    """Whether it was cut off; what there is of it is graded, as a student's is."""

    @classmethod
    def of(cls, answer: Answer) -> Reply:
        """An answer, or a failure to give one."""
        truncated = answer.failure == "cut-off"
        text = said(answer) if answer.failure is None or truncated else ""
        return cls(text, answer.usage.completion, truncated)


@dataclass(frozen=True)
class Questions:
    """What the teacher is asked: the very conversations that a student gets."""

    teacher: OpenAITeacher
    """The teacher."""
    paper: Paper
    """The items."""

    @property
    def worst(self) -> Amount:
        """The most that asking every question once can use up."""
        requests = (self.request(item, 0, self.temperature) for item in self.paper.items)
        return sum((worst_case(request, self.teacher.price) for request in requests), Amount())

    @property
    def temperature(self) -> float:
        """As the document says; greedy, as a student answers, when it says nothing."""
        sampling = self.teacher.sampling
        return sampling.temperature if "temperature" in sampling.model_fields_set else 0.0

    @property
    def id(self) -> str:
        """Names the predictions by everything that decides them."""
        what = {
            "model": self.teacher.model,
            "extraBody": self.teacher.endpoint.extra_body,
            "sampling": self.teacher.sampling.model_dump(mode="json") | {"temperature": self.temperature},
            "split": self.paper.digest,
            "scorer": self.paper.task.scorer.model_dump(mode="json"),
            "frame": self.paper.frame,
        }
        return f"teacher-{self.paper.name}-{digest(what)[:12]}"

    def request(self, item: Item, turn: int, temperature: float) -> Request:
        """One asking of a question."""
        return Request(
            model=self.teacher.model,
            messages=self.paper.conversation(item),
            max_tokens=self.teacher.sampling.max_tokens,
            temperature=temperature,
            top_p=self.teacher.sampling.top_p,
            place=f"ceiling/{item.id}/{turn}",
        )

    async def ask(self, line: Correspondent, item: Item, turn: int) -> Answer:
        """The answer to one asking. Raises :class:`UnpaidError`.

        Some models refuse every temperature but their own: they are asked again with that. What is refused is free.
        """
        answer = await line.ask(self.request(item, turn, self.temperature))
        own = type(self.teacher.sampling)().temperature
        if answer.failure == "rejected" and self.temperature != own and self._free_to_choose:
            answer = await line.ask(self.request(item, turn, own))
        if answer.failure == "budget":
            raise UnpaidError
        return answer

    @property
    def _free_to_choose(self) -> bool:
        return "temperature" not in self.teacher.sampling.model_fields_set


async def _asked(parts: Parts, questions: Questions, log: Store, limit: Limit) -> list[Answer] | None:
    """The answers in the items' order; ``None`` when some question cannot be paid for.

    Every question is asked once before any is asked again, so that no second try takes the place of a first one.
    """
    items = questions.paper.items
    async with _line(questions.teacher, log, limit, parts.epoch) as line:
        with parts.reporter.stage("let the teacher answer selection", len(items)) as stage:
            progress = _Progress(stage, line)
            answers = await _round(questions, line, items, 0, progress)
            for turn in range(1, TRIES):
                lost = [place for place, one in enumerate(answers) if one is None or one.failure in ASKED_AGAIN]
                if not lost or None in answers:
                    break
                again = await _round(questions, line, [items[place] for place in lost], turn, progress)
                for place, answer in zip(lost, again, strict=True):
                    answers[place] = answer or answers[place]
    known = [answer for answer in answers if answer is not None]
    return known if len(known) == len(items) else None


async def _round(
    questions: Questions, line: Correspondence, items: Sequence[Item], turn: int, progress: _Progress
) -> list[Answer | None]:
    def work(item: Item) -> Callable[[], Awaitable[Answer]]:
        async def ask() -> Answer:
            answer = await questions.ask(line, item, turn)
            progress.answered(item.id)
            return answer

        return ask

    return await paid([work(item) for item in items], questions.teacher.concurrency)


class _Progress:
    """Counts questions that were answered, each once."""

    def __init__(self, stage: Stage, line: Correspondence) -> None:
        self._stage = stage
        self._line = line
        self._answered: set[str] = set()

    def answered(self, item: str) -> None:
        """Note an answer."""
        self._answered.add(item)
        self._stage.advance(len(self._answered))
        self._stage.spend(self._line.tally.spent)


@asynccontextmanager
async def _line(teacher: OpenAITeacher, log: Store, limit: Limit, epoch: int) -> AsyncIterator[Correspondence]:
    """A line to the teacher's model within a limit, answered from the log where that has an answer."""
    from preceptor.endpoints.client import Client

    index = LogIndex.read(log, _ATTEMPT)
    most = Limit(rows=PLENTY, requests=PLENTY, tokens=PLENTY, picodollars=PLENTY) & limit
    lease = Lease(Amount(*(PLENTY if part is None else part for part in astuple(most))), recorded=index.spent)
    async with (
        Client(teacher.endpoint, concurrency=teacher.concurrency, discreet=True) as client,
        LogWriter(log, _ATTEMPT, layout.teacher_writer(epoch, WORKER)) as writer,
    ):
        yield Correspondence(client.send, lease=lease, log=writer, index=index, price=teacher.price)


def _too_dear(worst: Amount, tenth: Limit, rest: Limit) -> str:
    """Why asking everything is too dear, at its worst; empty when it is not."""
    return next(_excesses(worst, tenth, rest), "")


def _excesses(worst: Amount, tenth: Limit, rest: Limit) -> Iterator[str]:
    kinds: Sequence[tuple[str, Callable[[int], str]]] = (
        ("requests", lambda count: f"{count} teacher requests"),
        ("tokens", lambda count: f"{count} tokens"),
        ("picodollars", lambda count: f"${count / PICODOLLARS:.4g}"),
    )
    for name, shown in kinds:
        asked = f"to ask every question may take {shown(getattr(worst, name))}"
        for limit, what in ((tenth, "a tenth of the budget is"), (rest, "left are")):
            most = getattr(limit, name)
            if most is not None and getattr(worst, name) > most:
                yield f"{asked}, and {what} {shown(most)}"


def _told(model: str, answers: Sequence[Answer]) -> str:
    """Who was asked, and what came to nothing."""
    failures = Counter(answer.failure for answer in answers if answer.failure is not None)
    counted = ", ".join(f"{count} {failure}" for failure, count in sorted(failures.items()))
    asked = f"{model} was asked what the student is asked"
    return (
        f"{asked}; counted as its answers, and wrong but for what a cut-off answer says: {counted}"
        if counted
        else asked
    )
