"""Nothing a request may cost is left out of its worst case, and a lease never gives more than it holds."""

from __future__ import annotations

import json
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.endpoints.messages import Request, Usage
from preceptor.endpoints.meter import Lease, bound_tokens, charge, worst_case
from preceptor.recipes.amount import PICODOLLARS, Amount
from preceptor.spec.endpoint import Price

TEXTS = st.text(st.characters(), max_size=60)
PRICES = st.floats(0, 1000, allow_nan=False) | st.sampled_from([0.1, 0.15, 0.6, 2.5, 1e-9])


def request(*texts: str, schema: dict[str, object] | None = None) -> Request:
    turns = tuple({"role": "user", "content": text} for text in texts)
    return Request(model="m", messages=turns, max_tokens=100, schema=schema)


def in_bytes(messages: tuple[dict[str, str], ...], schema: object) -> str:
    """The wordiest prompt a server could make: markers as plain text, a long default prompt, the schema indented."""
    turns = "".join(
        f"<|start_header_id|>{turn['role']}<|end_header_id|>\n\n{turn['content']}<|eot_id|>" for turn in messages
    )
    asked = f"Answer in JSON that satisfies this schema:\n{json.dumps(schema, indent=2)}" if schema is not None else ""
    return f"<|begin_of_text|>Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n{asked}{turns}"


@given(st.lists(TEXTS, min_size=1, max_size=4), st.none() | st.dictionaries(TEXTS, st.integers() | TEXTS, max_size=4))
def test_a_token_for_every_byte_of_the_wordiest_template_stays_within_the_bound(
    texts: list[str], schema: dict[str, object] | None
) -> None:
    asked = request(*texts, schema=schema)
    prompt = in_bytes(asked.messages, schema)  # type: ignore[arg-type]
    assert len(prompt.encode("utf-8", "surrogatepass")) <= bound_tokens(asked)


def test_a_worst_case_is_the_bound_and_the_longest_answer_at_their_prices() -> None:
    asked = request("hello")
    bound = bound_tokens(asked)
    worst = worst_case(asked, Price(input=0.15, output=0.6))
    assert worst == Amount(requests=1, tokens=bound + 100, picodollars=bound * 150_000 + 100 * 600_000)


@given(st.integers(0, 10**7), st.integers(0, 10**7), PRICES, PRICES)
def test_money_is_the_decimal_price_rounded_up(prompt: int, completion: int, into: float, out: float) -> None:
    cost = charge(Usage(prompt, completion), Price(input=into, output=out))
    exact = (Fraction(repr(into)) * prompt + Fraction(repr(out)) * completion) * PICODOLLARS / 10**6
    assert cost.picodollars == ceil(exact)
    assert (cost.requests, cost.tokens, cost.rows) == (1, prompt + completion, 0)


@given(TEXTS, st.integers(0, 5000), st.integers(0, 100), PRICES, PRICES)
def test_a_possible_usage_never_costs_more_than_the_worst_case(
    text: str, prompt: int, completion: int, into: float, out: float
) -> None:
    asked, price = request(text), Price(input=into, output=out)
    assert charge(Usage(min(prompt, bound_tokens(asked)), completion), price).within(worst_case(asked, price))


AMOUNTS = st.builds(Amount, requests=st.integers(0, 3), tokens=st.integers(0, 5000), picodollars=st.integers(0, 10**12))


@given(AMOUNTS, st.lists(st.tuples(AMOUNTS, AMOUNTS, st.booleans()), max_size=30))
def test_a_lease_is_never_overdrawn_whatever_is_claimed(
    whole: Amount, steps: list[tuple[Amount, Amount, bool]]
) -> None:
    lease, under_way = Lease(whole), []
    for worst, actual, now in steps:
        if lease.reserve(worst):
            under_way.append((worst, actual))
        if now and under_way:
            reserved, claimed = under_way.pop()
            before = lease.spent
            spent = lease.settle(reserved, claimed)
            assert lease.spent == before + spent
            assert spent.within(reserved)
            assert spent == claimed or not claimed.within(reserved)
        assert (lease.spent + lease.reserved).within(whole)
        assert lease.left == whole - lease.spent - lease.reserved


def test_a_lease_remembers_a_claim_above_what_was_set_aside() -> None:
    lease = Lease(Amount(requests=2, tokens=100, picodollars=10))
    assert lease.reserve(Amount(requests=1, tokens=60, picodollars=5))
    assert not lease.reserve(Amount(requests=1, tokens=41, picodollars=5))
    spent = lease.settle(Amount(requests=1, tokens=60, picodollars=5), Amount(requests=1, tokens=70, picodollars=4))
    assert spent == Amount(requests=1, tokens=60, picodollars=4)
    assert (lease.clamped, lease.left) == (1, Amount(requests=1, tokens=40, picodollars=6))


def test_what_was_recorded_stays_set_aside_until_it_is_counted() -> None:
    part = Amount(requests=1, tokens=10, picodollars=3)
    lease = Lease(part * 4, recorded=part * 3)
    assert not lease.reserve(part * 2)
    lease.count(part)
    assert (lease.spent, lease.recorded, lease.left) == (part, part * 2, part)
    assert lease.reserve(part)


@pytest.mark.parametrize(("price", "picodollars"), [(0.0, 0), (1e-7, 1), (0.15, 150_000), (123456.789, 123456789000)])
def test_a_token_costs_what_the_decimal_text_says(price: float, picodollars: int) -> None:
    assert charge(Usage(1, 0), Price(input=price)).picodollars == picodollars
