"""Nothing is sent that could break a lease, nothing that was answered is sent again, and no answer is ever lost."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preceptor.endpoints.client import Client
from preceptor.endpoints.correspondence import Correspondence, ReplayCorrespondence, Tally
from preceptor.endpoints.index import LogIndex
from preceptor.endpoints.log import LogWriter
from preceptor.endpoints.messages import Answer, Request
from preceptor.endpoints.meter import Lease, bound_tokens, charge, clamp, worst_case
from preceptor.errors import EndpointDownError, EndpointError, StorageError
from preceptor.recipes.amount import Amount
from preceptor.spec.endpoint import Endpoint
from preceptor.storage import layout
from preceptor.storage.store import Store
from support.faulty import Fault, FaultyServer, seeded
from support.logs import PRICE, Sent, answer, at_once, request, stored

WORST = worst_case(request(1), PRICE)
COST = charge(answer().usage, PRICE)
Main = Callable[[Correspondence, "Desk"], Awaitable[None]]


class Desk:
    """Sends nothing: keeps what it was handed until the test says what comes of it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.waiting: list[tuple[Request, asyncio.Future[Sent]]] = []
        self.sendings: Counter[str] = Counter()
        self.cost = Amount()
        """The most that all of it can have cost."""

    async def __call__(self, request: Request) -> Sent:
        records = [record for record in stored(self._store) if record.digest == request.digest]
        assert records[-1].kind == "intent", "an intent is durable before its request is sent"
        assert not {"answer", "failure"} & {record.kind for record in records}, "what has an outcome is not sent again"
        self.sendings[request.digest] += 1
        mine = (request, asyncio.get_running_loop().create_future())
        self.waiting.append(mine)
        cost = WORST
        try:
            sent = await mine[1]
            cost = clamp(charge(sent.answer.usage, PRICE), WORST) if sent.sends > sent.turned_away else Amount()
            return sent
        except (EndpointError, EndpointDownError):
            cost = Amount()
            raise
        finally:
            self.cost = self.cost + cost
            self.waiting.remove(mine)

    async def asked(self, count: int = 1) -> None:
        """Wait until so many requests are under way."""
        while len(self.waiting) < count:
            await asyncio.sleep(0)

    def reply(self, result: Sent | BaseException, which: int = 0) -> None:
        future = self.waiting[which][1]
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)


@pytest.fixture
def store() -> Store:
    return Store.open(f"memory://{uuid.uuid4().hex}")


def correspond(store: Store, main: Main, lease: Lease, *, epoch: int = 1) -> Correspondence:
    """Run ``main`` with a correspondence, as one process would."""

    async def run() -> Correspondence:
        endpoint = Desk(store)
        index = LogIndex.read(store, 1)
        async with LogWriter(store, 1, layout.teacher_writer(epoch, "worker-1"), sleep=at_once) as log:
            correspondence = Correspondence(endpoint, lease=lease, log=log, index=index, price=PRICE)
            await main(correspondence, endpoint)
            return correspondence

    return asyncio.run(run())


def kinds(store: Store) -> list[str]:
    return [record.kind for record in stored(store)]


def test_an_answer_is_durable_before_anyone_sees_it_and_costs_what_was_reported(store: Store) -> None:
    async def main(correspondence: Correspondence, endpoint: Desk) -> None:
        asking = asyncio.create_task(correspondence.ask(request(1)))
        await endpoint.asked()
        assert lease.reserved == WORST
        endpoint.reply(Sent(answer()))
        assert await asking == answer()
        assert kinds(store) == ["intent", "answer"]

    lease = Lease(WORST)
    done = correspond(store, main, lease)
    assert (lease.spent, lease.reserved) == (COST, Amount())
    assert done.tally == Tally(recorded=0, sent=1, spent=COST)
    receipt = stored(store)[1]
    assert receipt.request == request(1).to_data()
    assert receipt.amount == COST


def test_a_recorded_answer_is_given_again_and_costs_the_same_once(store: Store) -> None:
    async def send(correspondence: Correspondence, endpoint: Desk) -> None:
        asking = asyncio.create_task(correspondence.ask(request(1)))
        await endpoint.asked()
        endpoint.reply(Sent(answer("seven", failure="cut-off")))
        await asking
        assert await correspondence.ask(request(1)) == answer("seven", failure="cut-off")

    async def again(correspondence: Correspondence, endpoint: Desk) -> None:
        for _ in range(2):
            assert await correspondence.ask(request(1)) == answer("seven", failure="cut-off")
        assert not endpoint.sendings

    first, second = Lease(WORST), Lease(WORST)
    done = correspond(store, send, first).tally
    resumed = correspond(store, again, second, epoch=2).tally
    assert first.spent == second.spent == COST
    assert done == Tally(recorded=1, sent=1, spent=COST, failures=Counter({"cut-off": 1}))
    assert resumed == Tally(recorded=2, sent=0, spent=COST, failures=Counter({"cut-off": 1}))


def test_equal_requests_at_once_are_sent_once(store: Store) -> None:
    async def main(correspondence: Correspondence, endpoint: Desk) -> None:
        asking = [asyncio.create_task(correspondence.ask(request(1))) for _ in range(5)]
        await endpoint.asked()
        endpoint.reply(Sent(answer()))
        assert await asyncio.gather(*asking) == [answer()] * 5
        assert endpoint.sendings == {request(1).digest: 1}

    assert correspond(store, main, Lease(WORST)).tally == Tally(recorded=4, sent=1, spent=COST)


def test_when_the_first_of_equal_askers_gives_up_another_asks(store: Store) -> None:
    async def main(correspondence: Correspondence, endpoint: Desk) -> None:
        first = asyncio.create_task(correspondence.ask(request(1)))
        second = asyncio.create_task(correspondence.ask(request(1)))
        await endpoint.asked()
        first.cancel()
        await asyncio.wait([first])
        await endpoint.asked()
        endpoint.reply(Sent(answer()))
        assert await second == answer()

    lease = Lease(WORST * 2)
    correspond(store, main, lease)
    assert lease.spent == WORST + COST
    assert LogIndex.read(store, 1).lost == WORST


@pytest.mark.parametrize("error", [EndpointError("the key is refused"), EndpointDownError("away for too long")])
def test_what_was_turned_away_costs_nothing_and_is_sent_again(store: Store, error: Exception) -> None:
    async def main(correspondence: Correspondence, endpoint: Desk) -> None:
        asking = asyncio.create_task(correspondence.ask(request(1)))
        await endpoint.asked()
        endpoint.reply(error)
        with pytest.raises(type(error)):
            await asking

    async def again(correspondence: Correspondence, endpoint: Desk) -> None:
        asking = asyncio.create_task(correspondence.ask(request(1)))
        await endpoint.asked()
        endpoint.reply(Sent(answer()))
        assert await asking == answer()

    lease = Lease(WORST)
    correspond(store, main, lease)
    assert lease.left == WORST
    assert LogIndex.read(store, 1).spent == Amount()
    correspond(store, again, lease)
    assert kinds(store) == ["intent", "returned", "intent", "answer"]


def test_a_request_that_was_rejected_was_not_carried_out(store: Store) -> None:
    async def main(correspondence: Correspondence, endpoint: Desk) -> None:
        asking = asyncio.create_task(correspondence.ask(request(1)))
        await endpoint.asked()
        endpoint.reply(Sent(answer("too long", failure="rejected", usage=(0, 0)), sends=1, turned_away=1))
        assert (await asking).failure == "rejected"

    lease = Lease(WORST)
    correspond(store, main, lease)
    assert lease.left == WORST
    assert LogIndex.read(store, 1).charged_for(request(1).digest) == Amount()


def test_an_answer_that_came_is_kept_although_its_asker_is_cancelled(store: Store) -> None:
    async def run() -> Lease:
        writing, released = asyncio.Event(), asyncio.Event()

        async def until_released(seconds: float) -> None:
            writing.set()
            await released.wait()

        async def send(asked: Request) -> Sent:
            released.clear()
            writing.clear()
            return Sent(answer())

        lease, index = Lease(WORST), LogIndex.read(store, 1)
        async with LogWriter(store, 1, layout.teacher_writer(1, "worker-1"), sleep=until_released) as log:
            correspondence = Correspondence(send, lease=lease, log=log, index=index, price=PRICE)
            released.set()
            asking = asyncio.create_task(correspondence.ask(request(1)))
            while not (writing.is_set() and not released.is_set()):
                await asyncio.sleep(0)
            for _ in range(3):
                asking.cancel()
                await asyncio.sleep(0)
            gone = asking.done()
            released.set()
            assert not gone
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert await correspondence.ask(request(1)) == answer()
            assert correspondence.tally == Tally(recorded=1, sent=1, spent=COST)
        return lease

    assert asyncio.run(run()).spent == COST
    assert kinds(store) == ["intent", "answer"]


def test_what_ends_in_an_unknown_way_may_have_cost_everything(store: Store) -> None:
    async def main(correspondence: Correspondence, endpoint: Desk) -> None:
        asking = asyncio.create_task(correspondence.ask(request(1)))
        await endpoint.asked()
        endpoint.reply(ZeroDivisionError())
        with pytest.raises(ZeroDivisionError):
            await asking

    lease = Lease(WORST)
    correspond(store, main, lease)
    assert lease.left == Amount()
    assert LogIndex.read(store, 1).lost == WORST


def test_a_claim_above_the_worst_case_is_charged_as_the_worst_case(store: Store) -> None:
    async def main(correspondence: Correspondence, endpoint: Desk) -> None:
        asking = asyncio.create_task(correspondence.ask(request(1)))
        await endpoint.asked()
        endpoint.reply(Sent(answer(usage=(10**9, 10**9))))
        await asking

    lease = Lease(WORST)
    assert correspond(store, main, lease).tally.spent == WORST
    assert (lease.spent, lease.clamped) == (WORST, 1)
    assert LogIndex.read(store, 1).spent == WORST


def test_what_does_not_fit_is_not_sent_and_may_be_when_there_is_more(store: Store) -> None:
    async def refused(correspondence: Correspondence, endpoint: Desk) -> None:
        for _ in range(2):
            assert (await correspondence.ask(request(1))).failure == "budget"
        assert not endpoint.sendings

    async def sent(correspondence: Correspondence, endpoint: Desk) -> None:
        asking = asyncio.create_task(correspondence.ask(request(1)))
        await endpoint.asked()
        endpoint.reply(Sent(answer()))
        assert await asking == answer()

    for short in (Amount(requests=1), Amount(requests=1, picodollars=1), Amount(tokens=1)):
        correspond(store, refused, Lease(WORST - short))
    assert kinds(store) == ["refused"]
    assert asyncio.run(ReplayCorrespondence(LogIndex.read(store, 1), Lease(WORST)).ask(request(1))).failure == "budget"
    correspond(store, sent, Lease(WORST), epoch=2)
    assert asyncio.run(ReplayCorrespondence(LogIndex.read(store, 1), Lease(WORST)).ask(request(1))) == answer()


def test_a_replay_sends_nothing_and_names_what_is_missing(store: Store) -> None:
    async def main(correspondence: Correspondence, endpoint: Desk) -> None:
        asking = [asyncio.create_task(correspondence.ask(request(number))) for number in range(3)]
        for number in range(3):
            await endpoint.asked()
            endpoint.reply(Sent(answer(endpoint.waiting[0][0].place)))
            await asking[number]

    correspond(store, main, Lease(WORST * 3))
    lease = Lease(WORST * 3)
    replay = ReplayCorrespondence(LogIndex.read(store, 1), lease)
    for number in (2, 0, 1, 2):
        assert asyncio.run(replay.ask(request(number))).text == request(number).place
    assert replay.tally == Tally(recorded=4, sent=0, spent=COST * 3)
    assert lease.spent == COST * 3
    with pytest.raises(StorageError, match=request(9).digest):
        asyncio.run(replay.ask(request(9)))


def test_a_log_that_cannot_be_written_stops_the_asker_before_it_sends(store: Store) -> None:
    async def main(correspondence: Correspondence, endpoint: Desk) -> None:
        with pytest.raises(StorageError, match="closed"):
            await correspondence.ask(request(1))
        assert not endpoint.sendings

    async def run() -> None:
        endpoint = Desk(store)
        log = LogWriter(store, 1, layout.teacher_writer(1, "worker-1"), sleep=at_once)
        await log.close()
        index = LogIndex.read(store, 1)
        await main(Correspondence(endpoint, lease=Lease(WORST), log=log, index=index, price=PRICE), endpoint)

    asyncio.run(run())


FAULTS = {
    Fault("busy"): 0.15,
    Fault("away", retry_after=0): 0.05,
    Fault("error"): 0.05,
    Fault("reset"): 0.05,
    Fault("half"): 0.05,
    Fault("malformed"): 0.05,
    Fault("cut-off"): 0.05,
    Fault("empty"): 0.05,
    Fault("refusal"): 0.05,
    Fault("status", status=400, message="the prompt is too long"): 0.05,
    Fault("usage", usage="a lot"): 0.05,
    Fault("usage"): 0.05,
}


def test_over_http_the_server_never_makes_more_than_the_lease_and_answers_once(store: Store) -> None:
    asked = [request(number) for number in range(80)]

    async def run(epoch: int, url: str, lease: Lease) -> tuple[Tally, list[Answer]]:
        index = LogIndex.read(store, 1)
        async with (
            Client(Endpoint(base_url=url, patience=60), concurrency=8, sleep=yielding) as client,
            LogWriter(store, 1, layout.teacher_writer(epoch, "worker-1"), sleep=at_once) as log,
        ):
            line = Correspondence(client.send, lease=lease, log=log, index=index, price=PRICE)
            answers = await asyncio.gather(*map(line.ask, asked))
        return line.tally, answers

    async def yielding(seconds: float) -> None:
        await asyncio.sleep(0)

    whole = worst_case(request(79), PRICE) * 50
    with FaultyServer(faults=seeded(7, FAULTS)) as server:
        first, answers = asyncio.run(run(1, server.url, Lease(whole)))
        spent = LogIndex.read(store, 1).spent
        assert (server.carried_out, first.failures["budget"] > 0) == (spent.requests, True)
        assert server.tokens <= spent.tokens
        assert spent.within(whole)
        assert spent == first.spent
        assert set(first.failures) >= {"cut-off", "empty", "refused", "malformed", "lost", "rejected"}
        received = server.received
        again, same = asyncio.run(run(2, server.url, Lease(spent, recorded=spent)))
        assert (same, again.sent, again.spent, server.received) == (answers, 0, first.spent, received)


# --- lives and deaths ---

REQUESTS = 4
OUTCOMES = st.one_of(
    st.tuples(st.integers(1, 5000), st.integers(0, 200)).map(lambda usage: Sent(answer(usage=usage))),
    st.sampled_from(
        [
            Sent(answer("", failure="timeout", usage=(bound_tokens(request(0)), 100))),
            Sent(answer("no", failure="rejected", usage=(0, 0)), sends=2, turned_away=2),
            EndpointDownError("away"),
            EndpointError("refused"),
            ConnectionResetError(),
        ]
    ),
)
STEPS = st.tuples(st.integers(0, 99), OUTCOMES)
"""Chooses among what can happen at that moment, and says what comes of a request if it is a reply."""
LIVES = st.lists(
    st.tuples(st.lists(STEPS, min_size=5, max_size=25), st.sampled_from(["asleep", "writing", "orderly"])),
    min_size=2,
    max_size=4,
)
Step = tuple[int, Sent | Exception]
LEASES = st.builds(
    Amount,
    requests=st.integers(1, 8),
    tokens=st.integers(2, 10).map(lambda halves: halves * WORST.tokens // 2),
    picodollars=st.integers(2, 12).map(lambda halves: halves * WORST.picodollars // 2),
)


class _KilledError(Exception):
    """The process dies."""


class Life:
    """One process of a run that is killed again and again. Its log writes when the script says so."""

    def __init__(self, store: Store, epoch: int, whole: Amount, seen: dict[str, Answer], endpoint: Desk) -> None:
        self._store = store
        self._seen = seen
        self.index = LogIndex.read(store, 1)
        self.lease = Lease(whole, recorded=self.index.spent)
        self.endpoint = endpoint
        self._due = asyncio.Event()
        self._sleeping = False
        self.log = LogWriter(store, 1, layout.teacher_writer(epoch, "worker-1"), sleep=self._until_due)
        self.correspondence = Correspondence(
            self.endpoint, lease=self.lease, log=self.log, index=self.index, price=PRICE
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def _until_due(self, seconds: float) -> None:
        self._sleeping = True
        await self._due.wait()
        self._due.clear()
        self._sleeping = False

    async def _ask(self, asked: Request) -> None:
        known = self._seen.get(asked.digest)
        try:
            given = await self.correspondence.ask(asked)
        except (EndpointError, EndpointDownError, ConnectionResetError):
            return
        assert known is None or given == known
        assert any(record.digest == asked.digest and record.answer == given for record in stored(self._store))
        if given.failure != "budget":
            self._seen[asked.digest] = given

    async def run(self, steps: list[Step], end: str) -> None:
        for choice, result in steps:
            waiting = len(self.endpoint.waiting)
            can = ["ask", "ask", *(["write"] * 4 * self._sleeping), *(["reply"] * 4 * bool(waiting))]
            can += ["cancel"] * bool(self._tasks)
            which, action = divmod(choice, len(can))
            await self._act(can[action], which, result)
            for _ in range(10):
                await asyncio.sleep(0)
            for task in self._tasks:
                if task.done() and not task.cancelled():
                    task.result()
            assert (self.lease.spent + self.lease.reserved + self.lease.recorded).within(self.lease.amount)
        if end == "orderly":
            await self._end()
        elif end == "writing" and self._sleeping:
            self._due.set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)  # the shard is on its way, and nobody will be told
        raise _KilledError

    async def _act(self, action: str, which: int, result: Sent | Exception) -> None:
        match action:
            case "ask":
                asked = request(which % REQUESTS)
                self._tasks.append(asyncio.create_task(self._ask(asked)))
                if asked.digest in self._seen:
                    await asyncio.wait(self._tasks[-1:])  # reads the store, in a thread
            case "reply":
                self.endpoint.reply(result, which % len(self.endpoint.waiting))
            case "cancel":
                self._tasks[which % len(self._tasks)].cancel()
            case "write":
                self._due.set()
                while self._due.is_set() or (self.log.busy and not self._sleeping):
                    await asyncio.sleep(0)

    async def _end(self) -> None:
        """Answer everything, so that nothing is lost."""
        while pending := [task for task in self._tasks if not task.done()]:
            self._due.set()
            while self.endpoint.waiting:
                self.endpoint.reply(Sent(answer()))
                await asyncio.sleep(0)
            await asyncio.wait(pending, timeout=0)
        self._due.set()
        await self.log.close()


def live(store: Store, lives: list[tuple[list[Step], str]], whole: Amount) -> None:
    seen: dict[str, Answer] = {}
    cost = Amount()
    for epoch, (steps, end) in enumerate(lives, start=1):
        endpoint = Desk(store)

        async def run(epoch: int, endpoint: Desk, steps: list[Step], end: str) -> None:
            await Life(store, epoch, whole, seen, endpoint).run(steps, end)

        with pytest.raises(_KilledError):
            asyncio.run(run(epoch, endpoint, steps, end))
        cost = cost + endpoint.cost
        index = LogIndex.read(store, 1)
        assert cost.within(index.spent), "the log leaves nothing out"
        assert index.spent.within(whole)
        replay = ReplayCorrespondence(index, Lease(whole))
        for number in range(REQUESTS):
            if request(number).digest in seen:
                assert asyncio.run(replay.ask(request(number))) == seen[request(number).digest]
        assert replay.tally.spent.within(index.charged)


@settings(max_examples=150, deadline=None)
@given(LIVES, LEASES)
def test_however_often_it_is_killed_no_lease_is_broken_and_no_answer_lost(
    lives: list[tuple[list[Step], str]], whole: Amount
) -> None:
    live(Store.open(f"memory://{uuid.uuid4().hex}"), lives, whole)


@settings(max_examples=25, deadline=None)
@given(LIVES, LEASES)
def test_the_same_on_a_disk(lives: list[tuple[list[Step], str]], whole: Amount) -> None:
    with tempfile.TemporaryDirectory() as root:
        live(Store.open(root), lives, whole)
