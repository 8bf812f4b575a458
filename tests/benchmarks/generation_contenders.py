"""The contenders of ``generation_vs_peers.py``, each run by an interpreter of its own; imports only what it measures.

    python generation_contenders.py NAME --url http://127.0.0.1:PORT/v1 --rows 4000 --in-flight 256 --work DIR

makes that many rows, one request each, and prints as its last line ``{"rows": …, "seconds": …, "cpu": …, "rss": …}``:
rows that came out, seconds, CPU seconds of all threads, and the largest resident set in MB. Everybody first makes a few
rows that do not count, so that what is imported or compiled late is no part of the time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TOPICS = "trains rivers markets gardens engines harvests letters mountains bridges kitchens".split()
WISH = "Write one word problem about {topic} with the number {number}. Answer in JSON."
MAX_TOKENS = 256

WARM_UP = 32
"""Rows that everybody makes beforehand."""

Timed = Callable[[int], int]
"""Makes so many rows and says how many came out."""


def wishes(rows: int) -> list[dict[str, Any]]:
    """What is sampled for each row."""
    return [{"topic": TOPICS[row % len(TOPICS)], "number": row} for row in range(rows)]


def body(wish: dict[str, Any]) -> dict[str, Any]:
    """The request that the bare clients send."""
    return {
        "model": "fixed-latency",
        "messages": [{"role": "user", "content": WISH.format(**wish)}],
        "max_tokens": MAX_TOKENS,
        "temperature": 1.0,
    }


def parsed(text: str) -> dict[str, str]:
    """The row in an answer."""
    [row] = json.loads(text)["rows"]
    return {"question": row["question"], "answer": row["answer"]}


def _by_workers(ask: Callable[[dict[str, Any]], Any], rows: int, in_flight: int) -> Any:
    """Ask for every row with so many asking at once; a coroutine that gives the rows."""

    async def work(left: list[dict[str, Any]], made: list[dict[str, str]]) -> None:
        while left:
            made.append(parsed(await ask(left.pop())))

    async def all_of_them() -> int:
        left, made = wishes(rows), list[dict[str, str]]()
        await asyncio.gather(*(work(left, made) for _ in range(in_flight)))
        return len({row["question"] for row in made})

    return all_of_them()


def by_aiohttp(arguments: argparse.Namespace) -> Timed:
    """A bare HTTP client, as little as can be done."""
    import aiohttp

    async def run(rows: int) -> int:
        connector = aiohttp.TCPConnector(limit=arguments.in_flight)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def ask(wish: dict[str, Any]) -> str:
                async with session.post(f"{arguments.url}/chat/completions", json=body(wish)) as response:
                    completion = json.loads(await response.read())
                return str(completion["choices"][0]["message"]["content"])

            made: int = await _by_workers(ask, rows, arguments.in_flight)
            return made

    return lambda rows: asyncio.run(run(rows))


def by_openai(arguments: argparse.Namespace, *, aiohttp: bool) -> Timed:
    """The openai client, and nothing around it."""
    from openai import AsyncOpenAI, DefaultAioHttpClient, DefaultAsyncHttpxClient

    async def run(rows: int) -> int:
        http = DefaultAioHttpClient() if aiohttp else DefaultAsyncHttpxClient()
        async with AsyncOpenAI(base_url=arguments.url, api_key="none", max_retries=0, http_client=http) as client:

            async def ask(wish: dict[str, Any]) -> str:
                completion = await client.chat.completions.create(**body(wish))
                return str(completion.choices[0].message.content)

            made: int = await _by_workers(ask, rows, arguments.in_flight)
            return made

    return lambda rows: asyncio.run(run(rows))


def by_curator(arguments: argparse.Namespace) -> Timed:
    """bespokelabs-curator with its own backend for OpenAI's API, its rate limits out of the way."""
    from bespokelabs import curator

    class Writer(curator.LLM):  # type: ignore[misc]
        def prompt(self, wish: dict[str, Any]) -> str:
            return WISH.format(**wish)

        def parse(self, wish: dict[str, Any], response: str) -> dict[str, str]:
            return parsed(response)

    def run(rows: int) -> int:
        writer = Writer(
            model_name="fixed-latency",
            backend="openai",
            generation_params={"max_tokens": MAX_TOKENS, "temperature": 1.0},
            backend_params={
                "base_url": arguments.url,
                "api_key": "none",
                "max_concurrent_requests": arguments.in_flight,
                "max_requests_per_minute": 10**9,
                "max_tokens_per_minute": 10**12,
            },
        )
        made = writer(wishes(rows), working_dir=str(arguments.work))
        return len(set(made.dataset["question"]))

    return run


def by_data_designer(arguments: argparse.Namespace) -> Timed:
    """NeMo Data Designer: two sampled columns and one of structured output, profiling included as it comes."""
    import data_designer.config as dd
    from data_designer.interface import DataDesigner
    from pydantic import BaseModel

    class Row(BaseModel):
        question: str
        answer: str

    class Rows(BaseModel):
        rows: list[Row]

    def run(rows: int) -> int:
        designer = DataDesigner(
            artifact_path=arguments.work,
            model_providers=[dd.ModelProvider(name="local", endpoint=arguments.url, api_key="none")],
        )
        designer.set_run_config(dd.RunConfig(otel_metrics_port=None, progress_interval=3600))
        model = dd.ModelConfig(
            alias="writer",
            model="fixed-latency",
            provider="local",
            inference_parameters=dd.ChatCompletionInferenceParams(
                max_parallel_requests=arguments.in_flight, max_tokens=MAX_TOKENS, temperature=1.0
            ),
            skip_health_check=True,
        )
        builder = dd.DataDesignerConfigBuilder(model_configs=[model])
        topics = dd.CategorySamplerParams(values=TOPICS)
        builder.add_column(dd.SamplerColumnConfig(name="topic", sampler_type="category", params=topics))
        numbers = dd.UniformSamplerParams(low=0, high=rows, decimal_places=0)
        builder.add_column(dd.SamplerColumnConfig(name="number", sampler_type="uniform", params=numbers))
        wish = WISH.replace("{", "{{ ").replace("}", " }}")
        builder.add_column(
            dd.LLMStructuredColumnConfig(name="made", prompt=wish, output_format=Rows, model_alias="writer")
        )
        made = designer.create(builder, num_records=rows).load_dataset()["made"]
        return len({row["question"] for answer in made for row in answer["rows"]})

    return run


CONTENDERS: dict[str, Callable[[argparse.Namespace], Timed]] = {
    "aiohttp": by_aiohttp,
    "openai": lambda arguments: by_openai(arguments, aiohttp=False),
    "openai-aiohttp": lambda arguments: by_openai(arguments, aiohttp=True),
    "curator": by_curator,
    "data-designer": by_data_designer,
}


def cpu_seconds() -> float:
    """CPU of this process with all its threads, and of the children that it has waited for."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def peak_mb() -> float:
    """The largest resident set of this process; what ``getrusage`` says may be that of whoever started it."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=CONTENDERS)
    parser.add_argument("--url", required=True, help="the endpoint, up to /v1")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--work", type=Path, required=True, help="an empty directory")
    arguments = parser.parse_args()
    timed = CONTENDERS[arguments.name](arguments)
    timed(WARM_UP)
    cpu, started = cpu_seconds(), time.monotonic()
    rows = timed(arguments.rows)
    outcome = {"rows": rows, "seconds": time.monotonic() - started, "cpu": cpu_seconds() - cpu}
    outcome["rss"] = peak_mb()
    sys.stdout.flush()
    print("\n" + json.dumps(outcome))  # noqa: T201 - read by the parent


if __name__ == "__main__":
    main()
