"""Every way an endpoint can answer or fail, over HTTP, and what becomes of it."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from httpx2 import Headers

from preceptor.endpoints.client import Client, Sent
from preceptor.endpoints.connections import is_vendor
from preceptor.endpoints.messages import Request, Usage
from preceptor.endpoints.meter import bound_tokens
from preceptor.endpoints.refusals import retry_after
from preceptor.endpoints.structured import INSTRUCTION
from preceptor.errors import EndpointDownError, EndpointError
from preceptor.spec.endpoint import ApiKey, Endpoint, SecretRef
from support.faulty import Fault, FaultyServer, always, scripted, seeded
from support.sensible import prompt_tokens, sensible, tokens

KEY = "sk-preceptor-0123456789abcdef"
TOKEN = "hunter22-in-the-query"
SCHEMA = {
    "type": "object",
    "properties": {"question": {"type": "string"}, "answer": {"type": "string"}},
    "required": ["question", "answer"],
    "additionalProperties": False,
}
ASK = Request("tiny", ({"role": "user", "content": "What is 17 + 25?"},), max_tokens=64)
ROW = Request("tiny", ({"role": "user", "content": "Write a row."},), max_tokens=64, schema=SCHEMA)


class Waits:
    """Waiting that takes no time: the clock jumps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def endpoint(server: FaultyServer | str, **fields: Any) -> Endpoint:
    return Endpoint(base_url=server if isinstance(server, str) else server.url, **{"timeout": 30.0} | fields)


def send(where: Endpoint, *requests: Request, concurrency: int = 4, waits: Waits | None = None) -> list[Sent]:
    """Send all at once and wait for all."""
    waits = waits or Waits()

    async def main() -> list[Sent]:
        async with Client(
            where, concurrency=concurrency, clock=waits.clock, sleep=waits.sleep, random=lambda: 0.5
        ) as client:
            return await asyncio.gather(*(client.send(request) for request in requests))

    return asyncio.run(main())


def under(fault: Fault | None, request: Request = ASK, **fields: Any) -> tuple[Sent, FaultyServer]:
    """What one request comes to when its first sending meets a fault, and the server afterwards."""
    with FaultyServer(faults=scripted(fault)) as server:
        (sent,) = send(endpoint(server, **fields), request)
    return sent, server


def worst(request: Request) -> Usage:
    return Usage(bound_tokens(request), request.max_tokens)


@contextmanager
def closed_port() -> Iterator[str]:
    """The address of a port that nobody listens on and that nobody else can get."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/v1"


def test_an_answer_comes_with_what_it_cost() -> None:
    sent, server = under(None)
    assert (sent.answer.text, sent.answer.failure, sent.answer.model) == ("That is \\boxed{42}.", None, "tiny")
    assert sent.answer.usage == Usage(prompt_tokens(server.exchanges[0].body), tokens(sent.answer.text))
    assert sent.answer.usage.prompt + sent.answer.usage.completion == server.tokens
    assert (sent.sends, sent.turned_away) == (1, 0)


def test_what_is_sent_is_the_request_and_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, "somebody-elses")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    request = replace(ASK, temperature=0.7, top_p=0.9)
    with FaultyServer() as server:
        send(
            endpoint(server, headers={"X-Team": "data"}, extra_body={"chat_template_kwargs": {"think": False}}), request
        )
    assert server.exchanges[0].body == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "What is 17 + 25?"}],
        "max_tokens": 64,
        "temperature": 0.7,
        "top_p": 0.9,
        "chat_template_kwargs": {"think": False},
    }
    assert server.headers["X-Team"] == "data"
    assert server.headers["Authorization"] == "Bearer none"
    assert "somebody-elses" not in str(server.headers)


@pytest.mark.parametrize(
    ("fault", "request_", "failure"),
    [
        (Fault("cut-off"), ASK, "cut-off"),
        (Fault("empty"), ASK, "empty"),
        (Fault("refusal"), ASK, "refused"),
        (Fault("filtered"), ASK, "refused"),
        (Fault("prose"), ROW, "malformed"),
        (Fault("prose"), ASK, None),
    ],
)
def test_an_answer_that_cannot_be_used_costs_what_it_cost(fault: Fault, request_: Request, failure: str | None) -> None:
    sent, server = under(fault, request_)
    assert sent.answer.failure == failure
    assert sent.answer.usage.prompt + sent.answer.usage.completion == server.tokens
    assert (sent.sends, sent.turned_away) == (1, 0)


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        (Fault("malformed"), "malformed"),
        (Fault("reset"), "lost"),
        (Fault("half"), "lost"),
        (Fault("garbage"), "lost"),
        (Fault("endless"), "lost"),
        (Fault("error", status=500), "lost"),
        (Fault("error", status=502), "lost"),
        (Fault("error", status=504), "lost"),
        (Fault("error", status=408), "timeout"),
    ],
)
def test_an_answer_that_got_lost_costs_its_worst_case(
    fault: Fault, failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("preceptor.endpoints.connections.LONGEST_BODY", 2**20)
    sent, server = under(fault)
    assert sent.answer.failure == failure
    assert sent.answer.usage == worst(ASK)
    assert server.tokens <= sent.answer.usage.prompt + sent.answer.usage.completion
    assert (sent.sends, sent.turned_away, server.received) == (1, 0, 1), "a request that may have cost is sent once"


@pytest.mark.parametrize("fault", [Fault("hang"), Fault("drip", seconds=5)], ids=["hang", "drip"])
def test_the_whole_answer_has_to_come_in_time(fault: Fault) -> None:
    sent, server = under(fault, timeout=0.3)
    assert (sent.answer.failure, sent.answer.usage) == ("timeout", worst(ASK))
    assert (sent.sends, sent.turned_away, server.received) == (1, 0, 1)


@pytest.mark.parametrize("fault", [Fault("latency"), Fault("drip", seconds=0.001)], ids=["latency", "drip"])
def test_a_slow_answer_is_an_answer(fault: Fault) -> None:
    sent, _ = under(fault)
    assert (sent.answer.failure, sent.answer.text) == (None, "That is \\boxed{42}.")


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        [7],
        {"prompt_tokens": 10},
        {"prompt_tokens": -1, "completion_tokens": 5},
        {"prompt_tokens": 0, "completion_tokens": 5},
        {"prompt_tokens": 10, "completion_tokens": -5},
        {"prompt_tokens": 10, "completion_tokens": 65},
        {"prompt_tokens": 10**9, "completion_tokens": 5},
        {"prompt_tokens": 10.0, "completion_tokens": 5},
        {"prompt_tokens": True, "completion_tokens": 5},
        {"prompt_tokens": "10", "completion_tokens": "5"},
        {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 900},
    ],
)
def test_usage_that_cannot_be_is_charged_at_the_worst_case(usage: Any) -> None:
    sent, _ = under(Fault("usage", usage=usage))
    assert (sent.answer.failure, sent.answer.usage) == (None, worst(ASK))


@pytest.mark.parametrize("total", [{}, {"total_tokens": 15}, {"total_tokens": None}])
def test_usage_that_can_be_is_charged_as_reported(total: dict[str, Any]) -> None:
    sent, _ = under(Fault("usage", usage={"prompt_tokens": 10, "completion_tokens": 5} | total))
    assert sent.answer.usage == Usage(10, 5)


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        (Fault("status", status=400, message="the context is too long"), "rejected"),
        (Fault("status", status=413, message="the context is too long"), "rejected"),
        (Fault("status", status=422, message="the context is too long"), "rejected"),
        (Fault("status", status=400, message="the context is too long", code="content_filter"), "refused"),
    ],
)
def test_a_request_that_is_refused_costs_nothing(fault: Fault, failure: str) -> None:
    sent, server = under(fault)
    assert (sent.answer.failure, sent.answer.text) == (failure, "the context is too long")
    assert (sent.answer.usage, server.tokens) == (Usage(0, 0), 0)
    assert (sent.sends, sent.turned_away) == (1, 1)


@pytest.mark.parametrize("kind", ["busy", "away"])
@pytest.mark.parametrize("after", [None, 7, 0, "soon", "nan"])
def test_a_request_that_was_turned_away_is_sent_again(kind: Any, after: Any) -> None:
    waits = Waits()
    with FaultyServer(faults=scripted(Fault(kind, retry_after=after))) as server:
        (sent,) = send(endpoint(server), ASK, waits=waits)
    assert (sent.answer.failure, sent.sends, sent.turned_away) == (None, 2, 1)
    assert server.carried_out == 1
    assert sum(waits.slept) == (7.25 if after == 7 else 0.25)


def test_a_date_beyond_patience_is_waited_for_as_long_as_patience_lasts() -> None:
    waits = Waits()
    fault = Fault("busy", retry_after="Fri, 01 Jan 2100 00:00:00 GMT")
    with FaultyServer(faults=scripted(fault)) as server:
        (sent,) = send(endpoint(server, patience=60.0), ASK, waits=waits)
    assert sent.answer.failure is None
    assert sum(waits.slept) == 60.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "2"}, 2.0),
        ({"Retry-After": "2.5"}, 2.5),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "tomorrow"}, None),
        ({"Retry-After": "Mon, 23 Nov 2026 12:00:30 GMT", "Date": "Mon, 23 Nov 2026 12:00:00 GMT"}, 30.0),
        ({"Retry-After": "Mon, 23 Nov 2026 11:00:00 GMT", "Date": "Mon, 23 Nov 2026 12:00:00 GMT"}, 0.0),
        ({"Retry-After": "Mon, 23 Nov 2026 12:00:30", "Date": "Mon, 23 Nov 2026 12:00:00 GMT"}, 30.0),
        ({"Retry-After": "Mon, 23 Nov 2026 12:00:30 GMT", "Date": "whenever"}, None),
    ],
)
def test_retry_after_is_a_number_or_a_date_on_the_servers_clock(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(Headers(headers)) == seconds


def test_an_endpoint_that_is_not_there_is_waited_for_and_then_the_run_stops() -> None:
    waits = Waits()
    with closed_port() as url, pytest.raises(EndpointDownError, match=r"nothing for 900 s .*no connection") as raised:
        send(endpoint(url), ASK, waits=waits)
    assert url in str(raised.value)
    assert "same command continues" in str(raised.value)
    assert waits.now == pytest.approx(900.0)


def test_an_endpoint_that_comes_back_is_used_again() -> None:
    server = FaultyServer()
    server.start()
    server.stop()
    with ExitStack() as stack:
        waits = Waits()

        async def sleep(seconds: float) -> None:
            if len(waits.slept) == 6:
                stack.enter_context(server)
            await waits.sleep(seconds)

        async def main() -> Sent:
            where = endpoint(server)
            async with Client(where, concurrency=1, clock=waits.clock, sleep=sleep, random=lambda: 0.5) as client:
                return await client.send(ASK)

        sent = asyncio.run(main())
    assert sent.answer.failure is None
    assert (server.received, sent.sends - sent.turned_away) == (1, 1)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("status", status=401), "refuses the key in TEACHER_KEY (HTTP 401)"),
        (Fault("status", status=402), "has no credit left (HTTP 402)"),
        (Fault("status", status=403), "does not let the key in TEACHER_KEY use the model tiny (HTTP 403)"),
        (Fault("status", status=404), "/v1/chat/completions with the model tiny is not there (HTTP 404)"),
        (Fault("status", status=405), "/v1/chat/completions with the model tiny is not there (HTTP 405)"),
        (Fault("status", status=307), "redirects elsewhere (HTTP 307)"),
        (Fault("status", status=429, code="insufficient_quota"), "has no credit left (HTTP 429)"),
    ],
)
@pytest.mark.parametrize("request_", [ASK, ROW], ids=["text", "json"])
def test_an_endpoint_that_refuses_whoever_asks_stops_the_run(
    fault: Fault, words: str, request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEACHER_KEY", KEY)
    echo = replace(fault, message=f"you sent Bearer {KEY} for {TOKEN}, and\nthat is wrong")
    with FaultyServer(faults=always(echo)) as server, pytest.raises(EndpointError) as raised:
        send(endpoint(f"{server.url}?token={TOKEN}", api_key=ApiKey(env="TEACHER_KEY")), request_)
    assert words in str(raised.value)
    assert raised.value.mend
    assert server.headers["Authorization"] == f"Bearer {KEY}"
    everything = "".join(traceback.format_exception(raised.value)) + repr(raised.value) + repr(vars(raised.value))
    assert KEY not in everything
    assert TOKEN not in everything
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None, "the library's errors hold the request's headers"


def test_a_key_that_is_asked_for_and_not_given() -> None:
    with FaultyServer(key=KEY) as server, pytest.raises(EndpointError, match="asks for a key") as raised:
        send(endpoint(server), ASK)
    assert "apiKey" in raised.value.mend


@pytest.mark.parametrize(
    ("reference", "variable"),
    [
        (ApiKey(env="TEACHER_KEY"), "TEACHER_KEY"),
        (ApiKey(secret=SecretRef(name="api-keys", key="open.ai")), "PRECEPTOR_SECRET_API_KEYS_OPEN_AI"),
    ],
)
def test_the_key_comes_from_the_environment(reference: ApiKey, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, KEY + "\n")
    with FaultyServer(key=KEY) as server:
        (sent,) = send(endpoint(server, api_key=reference), ASK)
        assert sent.answer.failure is None
        shown = repr(Client(endpoint(server, api_key=reference), concurrency=1))
    assert KEY not in shown
    monkeypatch.delenv(variable)
    with pytest.raises(EndpointError, match=f"variable {variable}, .* is not set"):
        Client(endpoint("http://127.0.0.1:1/v1", api_key=reference), concurrency=1)


def test_an_endpoint_that_answers_with_the_key_does_not_get_it_into_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEACHER_KEY", KEY)
    with FaultyServer(answer=lambda body: f"You are {KEY}, are you not?") as server:
        (sent,) = send(endpoint(server, api_key=ApiKey(env="TEACHER_KEY")), ASK)
    assert sent.answer.text == "You are ***, are you not?"


def test_a_key_that_no_header_may_hold_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEACHER_KEY", "sk-één\nregel")
    with pytest.raises(EndpointError, match="TEACHER_KEY holds no key") as raised:
        Client(endpoint("http://127.0.0.1:1/v1", api_key=ApiKey(env="TEACHER_KEY")), concurrency=1)
    assert "regel" not in str(raised.value)


@pytest.mark.parametrize("url", ["teacher:8000/v1", "ftp://teacher/v1", "http://", "/v1"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(EndpointError, match="baseUrl"):
        Client(endpoint(url), concurrency=1)


def test_an_endpoint_that_knows_only_the_newer_name_of_max_tokens_is_asked_once() -> None:
    with FaultyServer(rejects={"max_tokens"}) as server:

        async def main() -> list[Sent]:
            async with Client(endpoint(server), concurrency=1) as client:
                return [await client.send(ASK), await client.send(replace(ASK, temperature=0.0))]

        first, second = asyncio.run(main())
    assert (first.answer.failure, first.sends, first.turned_away) == (None, 2, 1)
    assert (second.answer.failure, second.sends, second.turned_away) == (None, 1, 0)


@pytest.mark.parametrize(
    ("rejects", "declared", "forms"),
    [
        (set(), "auto", ["json_schema", "json_schema"]),
        ({"json_schema"}, "auto", ["json_schema", "json_object", "json_object"]),
        ({"json_schema", "json_object"}, "auto", ["json_schema", "json_object", None, None]),
        ({"response_format"}, "auto", ["json_schema", "json_object", None, None]),
        (set(), "jsonObject", ["json_object", "json_object"]),
        (set(), "text", [None, None]),
    ],
)
def test_the_strictest_way_that_an_endpoint_accepts_is_found_once(
    rejects: set[str], declared: Any, forms: list[str | None]
) -> None:
    with FaultyServer(rejects=rejects) as server:

        async def main() -> list[Sent]:
            async with Client(endpoint(server, structured_output=declared), concurrency=1) as client:
                return [await client.send(ROW), await client.send(replace(ROW, temperature=0.5))]

        sent = asyncio.run(main())
    assert [exchange.body.get("response_format", {}).get("type") for exchange in server.exchanges] == forms
    for one in sent:
        assert one.answer.failure is None
        assert one.answer.value == json.loads(one.answer.text)
        assert set(one.answer.value) == {"question", "answer"}
        assert one.sends - one.turned_away == 1


def test_a_way_that_was_declared_is_not_left() -> None:
    with FaultyServer(rejects={"json_schema"}) as server:
        (sent,) = send(endpoint(server, structured_output="jsonSchema"), ROW)
    assert (sent.answer.failure, server.received) == ("rejected", 1)


def test_a_long_prompt_does_not_make_an_endpoint_that_constrains_answers_look_worse() -> None:
    long = replace(ROW, messages=({"role": "user", "content": "Write a very long row."},))
    fault = Fault("status", status=400, message="the context is too long")
    with FaultyServer(faults=lambda body, _: fault if "very long" in json.dumps(body) else None) as server:

        async def main() -> list[Sent]:
            async with Client(endpoint(server), concurrency=1) as client:
                return [await client.send(request) for request in (long, ROW, long)]

        sent = asyncio.run(main())
    assert [one.answer.failure for one in sent] == ["rejected", None, "rejected"]
    assert [one.sends for one in sent] == [3, 1, 1], "the second time it is known that the way is accepted"
    assert server.exchanges[3].body["response_format"]["type"] == "json_schema"


def test_no_more_are_in_flight_than_allowed() -> None:
    requests = [replace(ASK, messages=({"role": "user", "content": f"{n} + 1"},)) for n in range(40)]
    with FaultyServer(latency=0.02) as server:
        sent = send(endpoint(server), *requests, concurrency=8)
    assert [one.answer.text for one in sent] == [f"That is \\boxed{{{n + 1}}}." for n in range(40)]
    assert server.most_in_flight == 8


def test_an_endpoint_that_ignores_schemas_is_told_them_in_the_prompt() -> None:
    def answer(body: dict[str, Any]) -> str:
        return sensible(body) if INSTRUCTION in body["messages"][-1]["content"] else "Certainly!"

    with FaultyServer(answer=answer) as server:

        async def main() -> list[Sent]:
            async with Client(endpoint(server), concurrency=1) as client:
                return [await client.send(replace(ROW, temperature=n / 10)) for n in range(6)]

        sent = asyncio.run(main())
    assert [one.answer.failure for one in sent] == ["malformed"] * 3 + [None] * 3


def test_the_vendors_own_models_are_asked_in_the_vendors_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("preceptor.endpoints.client.is_vendor", lambda _: True)
    with FaultyServer() as server:
        send(endpoint(server), ASK, replace(ASK, temperature=0.2, top_p=0.9), concurrency=1)
    first, second = (exchange.body for exchange in server.exchanges)
    assert set(first) == {"model", "messages", "max_completion_tokens"}
    assert (second["temperature"], second["top_p"]) == (0.2, 0.9)


@pytest.mark.parametrize(
    ("url", "vendor"),
    [
        (None, True),
        ("https://api.openai.com/v1", True),
        ("https://eu.api.openai.com/v1", True),
        ("http://teacher:8000/v1", False),
        ("https://api.openai.com.example.org/v1", False),
        ("https://fakeapi.openai.com/v1", False),
    ],
)
def test_who_the_vendor_is(url: str | None, vendor: bool) -> None:
    assert is_vendor(Endpoint(base_url=url)) is vendor


def test_what_a_proxy_refuses_was_not_carried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = Waits()
    asked: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n"))
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(refuse, "127.0.0.1", 0)
        async with server:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            where = endpoint("https://teacher.example/v1", patience=60.0)
            async with Client(where, concurrency=1, clock=waits.clock, sleep=waits.sleep) as client:
                await client.send(ASK)

    with pytest.raises(EndpointDownError, match="no connection"):
        asyncio.run(main())
    assert asked[0] == b"CONNECT teacher.example:443 HTTP/1.1\r\n"
    assert len(asked) > 3


def test_a_certificate_that_nobody_vouches_for_stops_the_run(tmp_path: Path) -> None:
    context = self_signed(tmp_path)

    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        async with server:
            port = server.sockets[0].getsockname()[1]
            async with Client(endpoint(f"https://127.0.0.1:{port}/v1"), concurrency=1) as client:
                await client.send(ASK)

    with pytest.raises(EndpointError, match=r"certificate of https://127\.0\.0\.1:\d+/v1 is not trusted"):
        asyncio.run(main())


def self_signed(where: Path) -> ssl.SSLContext:
    """A server's TLS with a certificate that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    (where / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    (where / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(where / "certificate.pem", where / "key.pem")
    return context


MIX = {
    Fault("latency", seconds=0.01): 0.05,
    Fault("drip", seconds=0.0005): 0.02,
    Fault("hang"): 0.02,
    Fault("reset"): 0.05,
    Fault("half"): 0.05,
    Fault("garbage"): 0.02,
    Fault("malformed"): 0.05,
    Fault("prose"): 0.05,
    Fault("cut-off"): 0.05,
    Fault("empty"): 0.03,
    Fault("refusal"): 0.03,
    Fault("usage"): 0.03,
    Fault("usage", usage=frozenset({("prompt_tokens", -5)})): 0.02,
    Fault("error"): 0.05,
    Fault("busy"): 0.1,
    Fault("busy", retry_after=3): 0.05,
    Fault("away"): 0.05,
    Fault("status", status=400, message="too long"): 0.05,
}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("rejects", [set(), {"json_schema"}], ids=["schema", "object"])
def test_under_any_mix_of_faults_everything_is_accounted_for(seed: int, rejects: set[str]) -> None:
    requests = [
        replace(ask, messages=({"role": "user", "content": f"{n} + {seed}"},)) for n in range(80) for ask in (ASK, ROW)
    ]
    with FaultyServer(faults=seeded(seed, MIX), rejects=rejects) as server:
        sent = send(endpoint(server, timeout=1.0, patience=1e6), *requests, concurrency=24)
    charged = [one for one in sent if one.sends > one.turned_away]
    assert all(one.sends - one.turned_away in {0, 1} for one in sent)
    # A machine that stalls can make a request time out before the server has read it: charged, and not carried out.
    assert len(charged) >= server.carried_out
    assert sum(one.sends for one in sent) >= server.received
    assert sum(one.answer.usage.prompt + one.answer.usage.completion for one in charged) >= server.tokens
    assert all(one.answer.usage == Usage(0, 0) for one in sent if one not in charged)
    assert server.most_in_flight <= 24
    assert sum(one.answer.failure is None for one in sent) > len(sent) / 4
    assert {one.answer.failure for one in sent} >= {"lost", "timeout", "malformed", "cut-off"}


def test_a_cancelled_request_leaves_its_place() -> None:
    with FaultyServer(faults=lambda body, _: Fault("hang") if "hang" in json.dumps(body) else None) as server:

        async def main() -> Sent:
            async with Client(endpoint(server), concurrency=1) as client:
                stuck = asyncio.create_task(client.send(replace(ASK, messages=({"role": "user", "content": "hang"},))))
                while not server.received:
                    await asyncio.sleep(0.001)
                waiting = asyncio.create_task(client.send(ASK))
                stuck.cancel()
                sent = await waiting
                assert client.manners.in_flight == 0
                return sent

        assert asyncio.run(main()).answer.failure is None


@pytest.mark.parametrize(
    ("content", "failure"),
    [("half a pair: \ud800", "malformed"), ('{"question": "\\ud800", "answer": "1"}', "malformed")],
)
def test_text_that_no_file_could_hold_is_malformed(content: str, failure: str) -> None:
    with FaultyServer(answer=lambda body: content) as server:
        (sent,) = send(endpoint(server), ROW)
    assert sent.answer.failure == failure
    sent.answer.text.encode()
