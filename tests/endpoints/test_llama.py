"""The client against a real model behind llama.cpp's own server: what a vendor's documentation does not tell."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from preceptor.endpoints.client import Client, Sent
from preceptor.endpoints.embeddings import unpack
from preceptor.endpoints.messages import Request, Texts
from preceptor.endpoints.meter import bound_tokens
from preceptor.spec.endpoint import Endpoint
from preceptor.synthesis.requests import rows_schema
from support.llama import MODEL, LlamaServer, serve_llama

pytestmark = pytest.mark.slow

CONTEXT = 512
SUM = ({"role": "system", "content": "Answer briefly."}, {"role": "user", "content": "What is 2+2?"})
SCHEMA = rows_schema(("question", "answer"), 1)


@pytest.fixture(scope="module")
def llama() -> Iterator[LlamaServer]:
    with serve_llama(slots=2, context=CONTEXT) as server:
        yield server


def ask(server: LlamaServer, *requests: Request, **fields: Any) -> list[Sent]:
    async def main() -> list[Sent]:
        async with Client(Endpoint(base_url=server.url, **fields), concurrency=4) as client:
            return await asyncio.gather(*(client.send(request) for request in requests))

    return asyncio.run(main())


def writing(number: int) -> Request:
    """A row; this model writes prose when it is not held to the schema."""
    return Request(
        MODEL,
        ({"role": "user", "content": f"Write one question about {number} trains."},),
        max_tokens=200,
        temperature=1.0,
        schema=SCHEMA,
        place=str(number),
    )


def test_a_model_answers_and_says_what_it_used(llama: LlamaServer) -> None:
    request = Request(MODEL, SUM, max_tokens=40, temperature=0.0)
    [sent] = ask(llama, request)
    assert (sent.answer.failure, sent.answer.model, sent.sends) == (None, MODEL, 1)
    assert "4" in sent.answer.text
    # The bound covers the template's own words, and what is charged is the server's count and not the bound.
    assert 10 < sent.answer.usage.prompt < bound_tokens(request)
    assert 1 < sent.answer.usage.completion < 40


def test_answers_that_are_held_to_a_schema_fit_it_whatever_the_model_would_say(llama: LlamaServer) -> None:
    answers = [sent.answer for sent in ask(llama, *map(writing, range(6)))]
    # Held to the schema an answer is right or cut off, nothing else; this model now and then never ends a string.
    assert {answer.failure for answer in answers} <= {None, "cut-off"}
    whole = [answer for answer in answers if answer.failure is None]
    assert whole
    for answer in whole:
        [row] = answer.value["rows"]
        assert set(row) == {"question", "answer"}


def test_an_answer_that_reaches_its_limit_is_cut_off_and_costs_that_many_tokens(llama: LlamaServer) -> None:
    poem = Request(MODEL, ({"role": "user", "content": "Write a long poem about rivers."},), max_tokens=12)
    [sent] = ask(llama, poem)
    assert sent.answer.failure == "cut-off"
    assert sent.answer.text
    assert sent.answer.usage.completion == 12


def test_a_prompt_beyond_the_context_is_rejected_at_no_cost_and_the_others_go_on(llama: LlamaServer) -> None:
    long = Request(MODEL, ({"role": "user", "content": "train " * (2 * CONTEXT)},), max_tokens=12)
    rejected, answered = ask(llama, long, Request(MODEL, SUM, max_tokens=12, temperature=0.0))
    assert rejected.answer.failure == "rejected"
    assert (rejected.answer.usage.prompt, rejected.answer.usage.completion) == (0, 0)
    assert rejected.turned_away == rejected.sends
    assert answered.answer.failure is None


def test_more_requests_than_slots_wait_their_turn(llama: LlamaServer) -> None:
    requests = [Request(MODEL, SUM, max_tokens=12, temperature=0.0, place=str(number)) for number in range(6)]
    answers = [sent.answer for sent in ask(llama, *requests)]
    assert [answer.failure for answer in answers] == [None] * 6


def test_embeddings_tell_a_paraphrase_from_another_subject() -> None:
    texts = (
        "How many apples does Tom have after he gives three of his eight apples to Ann?",
        "Tom has eight apples and gives three of them to Ann. How many apples does he have then?",
        "Which enzyme unwinds the double helix during DNA replication?",
    )
    with serve_llama(slots=2, context=CONTEXT, embeddings=True) as server:

        async def main() -> Sent:
            async with Client(Endpoint(base_url=server.url), concurrency=2) as client:
                return await client.send(Texts(MODEL, texts, ("one", "two", "three")))

        sent = asyncio.run(main())
    assert sent.answer.failure is None
    assert 3 * 10 < sent.answer.usage.prompt < bound_tokens(Texts(MODEL, texts, ("one", "two", "three")))
    one, two, three = unpack(sent.answer.text, 3)
    assert one @ one == pytest.approx(1, abs=1e-3)
    assert one @ two > one @ three
