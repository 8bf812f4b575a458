"""Adapting, backing off, breaking the circuit and losing patience, all in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import chain, pairwise, repeat

import pytest

from preceptor.endpoints.manners import Carried, Manners, TurnedAway
from preceptor.endpoints.pacing import FAILURES, FIRST_WAIT, LONGEST_WAIT, Circuit, Window
from preceptor.errors import EndpointDownError
from support.virtual import run_virtually

BUSY = TurnedAway("HTTP 429", down=False)
AWAY = TurnedAway("HTTP 503", down=True)
GONE = TurnedAway("no connection", down=True)
WELL = Carried("answer")
SLOW = Carried("timeout", "slow")
ILL = Carried("lost", "ill")

Outcome = Carried[str] | TurnedAway


class Server:
    """Takes `latency` for every request, counts, and gives outcomes by a rule."""

    def __init__(self, rule: Callable[[float], Outcome], latency: float = 1.0) -> None:
        self.rule = rule
        self.latency = latency
        self.began: list[float] = []
        self.now = 0
        self.most = 0

    async def __call__(self) -> Outcome:
        loop = asyncio.get_running_loop()
        self.began.append(loop.time())
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.latency)
            return self.rule(loop.time())
        finally:
            self.now -= 1


def of(*outcomes: Outcome) -> Callable[[float], Outcome]:
    """These one after another, then the last for ever."""
    coming: Iterator[Outcome] = chain(outcomes, repeat(outcomes[-1]))
    return lambda _: next(coming)


def manners(concurrency: int = 4, patience: float = 900.0, random: Callable[[], float] = lambda: 0.5) -> Manners:
    clock = asyncio.get_running_loop().time
    return Manners("http://teacher/v1", concurrency=concurrency, patience=patience, clock=clock, random=random)


async def all_of(manners: Manners, server: Server, times: int) -> list[tuple[Outcome, int]]:
    return list(await asyncio.gather(*(manners.carry_out(server) for _ in range(times))))


@pytest.mark.parametrize(
    ("limit", "events", "size"),
    [
        # (what, began, now): `+` an answer, `-` too many
        (16, [], 16.0),
        (16, [("+", 0, 1)], 16.0),
        (16, [("-", 0, 1)], 8.0),
        (16, [("-", 0, 1), ("-", 0, 1), ("-", 0.9, 1.2)], 8.0),  # all begun before the halving
        (16, [("-", 0, 1), ("-", 1, 2)], 4.0),
        (16, [("-", n, n + 1) for n in range(9)], 1.0),
        (16, [("-", 0, 1), *[("+", 1, 2)] * 8], pytest.approx(8.95, abs=0.05)),  # a windowful of answers: one step
        (256, [("-", 0, 1), *[("+", 1, 2)] * 128], pytest.approx(143, abs=1)),  # a step is a sixteenth of the limit
        (1, [("-", 0, 1), ("+", 1, 2)], 1.0),
    ],
)
def test_the_window_grows_by_a_step_for_a_windowful_and_halves_once_for_a_burst(
    limit: int, events: list[tuple[str, float, float]], size: float
) -> None:
    window = Window(limit)
    for what, began, now in events:
        if what == "+":
            window.grow()
        else:
            window.shrink(began, now)
    assert window.size == size
    assert 1 <= window.places <= limit


def test_the_circuit_opens_after_failures_in_a_row_and_waits_longer_after_each_failed_probe() -> None:
    circuit = Circuit(lambda: 0.0)
    for _ in range(FAILURES - 1):
        circuit.failed(0, 1)
    circuit.succeeded()
    for _ in range(FAILURES - 1):
        circuit.failed(1, 2)
    assert circuit.opens_at is None, "an answer in between begins the count again"
    circuit.failed(1, 2)
    assert circuit.opens_at == 2 + FIRST_WAIT / 2
    circuit.failed(1.5, 2.2)
    assert circuit.opens_at == 2 + FIRST_WAIT / 2, "begun before it opened: nothing new"
    waits = []
    now = 3.0
    for _ in range(10):
        circuit.failed(now, now)
        assert circuit.opens_at is not None
        waits.append(circuit.opens_at - now)
        now += 100
    assert waits[:3] == [FIRST_WAIT, FIRST_WAIT * 2, FIRST_WAIT * 4]
    assert waits[-1] == LONGEST_WAIT / 2
    circuit.succeeded()
    assert circuit.opens_at is None


def test_as_many_as_allowed_are_sent_at_once_and_in_order() -> None:
    async def main() -> None:
        server = Server(of(WELL))
        polite = manners(concurrency=4)
        assert await all_of(polite, server, 10) == [(WELL, 0)] * 10
        assert server.most == 4
        assert server.began == [0.0] * 4 + [1.0] * 4 + [2.0] * 2
        assert polite.in_flight == 0

    run_virtually(main())


def test_requests_that_are_too_many_are_halved_until_the_endpoint_takes_them() -> None:
    async def main() -> None:
        server = Server(lambda _: WELL)
        taken = 6

        async def attempt() -> Outcome:
            if server.now >= taken:
                return BUSY
            return await server()

        polite = manners(concurrency=64, random=lambda: 0.9)
        sent = await asyncio.gather(*(polite.carry_out(attempt) for _ in range(300)))
        assert all(outcome == WELL for outcome, _ in sent)
        assert server.most == taken
        assert polite.window.size < 16, "it hovers about what the endpoint takes"
        assert asyncio.get_running_loop().time() < 3 * 300 / taken

    run_virtually(main())


def test_timeouts_halve_the_window_and_broken_answers_do_not() -> None:
    async def main() -> None:
        polite = manners(concurrency=8)
        server = Server(of(SLOW, ILL, WELL))
        assert await polite.carry_out(server) == (SLOW, 0)
        assert polite.window.size == 4
        assert await polite.carry_out(server) == (ILL, 0)
        assert polite.window.size == 4

    run_virtually(main())


def test_back_off_doubles_with_full_jitter() -> None:
    async def main() -> None:
        server = Server(of(*[BUSY] * 12, WELL), latency=0.0)
        polite = manners(concurrency=1, random=lambda: 0.5)
        assert await polite.carry_out(server) == (WELL, 12)
        gaps = [later - earlier for earlier, later in pairwise(server.began)]
        assert gaps == pytest.approx([0.25, 0.5, 1, 2, 4, 8, 16, *[LONGEST_WAIT / 2] * 5])

    run_virtually(main())


def test_retry_after_holds_everyone_back() -> None:
    async def main() -> None:
        server = Server(of(TurnedAway("HTTP 429", down=False, retry_after=20), WELL), latency=0.0)
        polite = manners(concurrency=8)
        first = asyncio.create_task(polite.carry_out(server))
        await asyncio.sleep(3)
        assert await all_of(polite, server, 5) == [(WELL, 0)] * 5
        assert await first == (WELL, 1)
        assert server.began == [0.0, *[20.0] * 3, *[pytest.approx(20.0)] * 2, pytest.approx(20.25)]

    run_virtually(main())


def test_while_an_endpoint_is_down_one_request_at_a_time_tries() -> None:
    async def main() -> None:
        back = 100.0
        server = Server(lambda now: GONE if now < back else WELL, latency=0.0)
        polite = manners(concurrency=32)
        sent = await all_of(polite, server, 64)
        assert all(outcome == WELL for outcome, _ in sent)
        tries = [began for began in server.began if began < back]
        assert len(tries) <= 32 + 12, "the burst, then probes"
        probes = tries[32:]
        assert all(later - earlier >= FIRST_WAIT / 2 for earlier, later in pairwise(probes))
        assert asyncio.get_running_loop().time() <= back + LONGEST_WAIT, "back within one wait"

    run_virtually(main())


def test_others_wait_for_the_probe_and_a_cancelled_probe_is_replaced() -> None:
    async def main() -> None:
        server = Server(of(*[ILL] * FAILURES, WELL))
        polite = manners(concurrency=4)
        for _ in range(FAILURES):
            await polite.carry_out(server)
        waiting = [asyncio.create_task(polite.carry_out(server)) for _ in range(3)]
        await asyncio.sleep(FIRST_WAIT)
        assert len(server.began) == FAILURES + 1, "one probe"
        waiting[0].cancel()
        await asyncio.sleep(0.5)
        assert len(server.began) == FAILURES + 2, "the next one tries in its stead"
        assert await asyncio.gather(*waiting[1:]) == [(WELL, 0)] * 2
        assert len(server.began) == FAILURES + 3
        assert polite.in_flight == 0

    run_virtually(main())


@pytest.mark.parametrize("latency", [0.0, 7.0])
@pytest.mark.parametrize("outcome", [BUSY, AWAY, GONE, TurnedAway("HTTP 503", down=True, retry_after=10_000)])
def test_when_nothing_succeeds_for_as_long_as_patience_everyone_stops(outcome: TurnedAway, latency: float) -> None:
    async def main() -> None:
        polite = manners(patience=900.0)
        server = Server(of(outcome), latency=latency)
        tasks = [asyncio.create_task(polite.carry_out(server)) for _ in range(9)]
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(one, EndpointDownError) for one in done)
        assert "http://teacher/v1" in str(done[0])
        assert "900 s" in str(done[0])
        assert outcome.reason in str(done[0])
        # Trouble begins with the first answer, and whoever waited for a place until patience ended tries once.
        assert 900 + latency <= asyncio.get_running_loop().time() + 1e-6 <= 900 + 10 * latency + 1e-3
        assert polite.in_flight == 0

    run_virtually(main())


def test_answers_that_get_lost_one_after_another_are_not_paid_for_without_end() -> None:
    async def main() -> None:
        polite = manners(concurrency=4, patience=900.0)
        server = Server(of(ILL), latency=0.1)

        async def go_on() -> None:
            while True:
                await all_of(polite, server, 4)

        with pytest.raises(EndpointDownError, match="broken answers"):
            await go_on()
        assert len(server.began) < 40, "the circuit makes of thousands a few dozen"
        assert asyncio.get_running_loop().time() < 1000

    run_virtually(main())


def test_patience_counts_waiting_only() -> None:
    async def main() -> None:
        polite = manners(concurrency=1, patience=60.0)
        server = Server(of(ILL, AWAY, WELL), latency=0.0)
        await polite.carry_out(server)
        await asyncio.sleep(3600)
        assert await polite.carry_out(server) == (WELL, 1), "an hour in which nobody asked costs no patience"

    run_virtually(main())


def test_one_request_that_is_turned_away_for_ever_does_not_stop_the_others() -> None:
    async def main() -> None:
        polite = manners(concurrency=2, patience=60.0)
        never, always = Server(of(BUSY), latency=0.0), Server(of(WELL), latency=5.0)
        task = asyncio.create_task(polite.carry_out(never))
        while not task.done():
            assert await polite.carry_out(always) == (WELL, 0)
        outcome, turned_away = task.result()
        assert outcome == BUSY
        assert turned_away == len(never.began)
        assert asyncio.get_running_loop().time() >= 60
        assert polite.in_flight == 0

    run_virtually(main())


@pytest.mark.parametrize("moment", [0.0, 0.5, 1.0, 1.2, 1.5, 2.0, 2.5, 7.3])
@pytest.mark.parametrize("outcomes", [(WELL,), (BUSY, WELL), (AWAY,) * 7 + (WELL,), (SLOW, BUSY, WELL)])
def test_whatever_is_cancelled_leaves_nothing_behind(moment: float, outcomes: tuple[Outcome, ...]) -> None:
    async def main() -> None:
        polite = manners(concurrency=3)
        server = Server(of(*outcomes))
        tasks = [asyncio.create_task(polite.carry_out(server)) for _ in range(12)]
        await asyncio.sleep(moment)
        for task in tasks[::2]:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(one, tuple) for one in done[1::2])
        assert polite.in_flight == 0
        assert server.now == 0
        assert server.most <= 3
        assert await polite.carry_out(server) == (WELL, 0)

    run_virtually(main())


def test_an_attempt_that_raises_leaves_its_place_and_says_why() -> None:
    async def main() -> None:
        polite = manners(concurrency=1)

        def attempt() -> Awaitable[Outcome]:
            raise RuntimeError("a bug")

        for _ in range(3):
            with pytest.raises(RuntimeError, match="a bug"):
                await polite.carry_out(attempt)
        assert polite.in_flight == 0

    run_virtually(main())
