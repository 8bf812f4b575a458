"""Rows a second from an endpoint with a fixed latency: Preceptor end to end beside other generators and bare clients.

By hand, on a machine that does nothing else (five minutes on two cores; nothing is sent anywhere but to 127.0.0.1):

    python -m venv .bench/curator && .bench/curator/bin/pip install bespokelabs-curator==0.1.31
    python -m venv .bench/data-designer && .bench/data-designer/bin/pip install data-designer==0.9.6
    .venv/bin/python tests/benchmarks/generation_vs_peers.py --repeat 3

How Preceptor scales with requests in flight, and whether its memory stays flat over a hundred thousand rows:

    .venv/bin/python tests/benchmarks/generation_vs_peers.py --contenders preceptor-ray --in-flight 64 256 1024
    .venv/bin/python tests/benchmarks/generation_vs_peers.py --contenders preceptor-ray --rows 4000 100000

Everyone asks the same endpoint (``generation_server.py``, a process of its own) for one row a request, parses it and
ends with all rows in one place, no question twice. Time and CPU are those after a few rows that do not count, children
included and the endpoint's process not; memory is the largest resident set of any of its processes. The ideal is the
latency times ceil(rows / in flight). All share two cores with the endpoint; the table has its cost.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
CORES = 2
CONTENDERS = {
    "aiohttp": "bare aiohttp",
    "openai": "openai client",
    "openai-aiohttp": "openai client, aiohttp transport",
    "curator": "bespokelabs-curator 0.1.31",
    "data-designer": "data-designer 0.9.6",
    "preceptor": "Preceptor in one process",
    "preceptor-ray": "Preceptor on Ray, as `preceptor run` does it",
}
TOKENIZERS = "lib/python3.11/site-packages/litellm/litellm_core_utils/tokenizers"
"""Where curator's environment has the tokenizer that it and Data Designer would else fetch."""


@contextmanager
def endpoint(latency: float) -> Iterator[str]:
    """The endpoint's URL, up to ``/v1``."""
    command = [sys.executable, str(HERE / "generation_server.py"), "--latency", str(latency)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{json.loads(server.stdout.readline())['port']}/v1"
        finally:
            server.stdin.close()


def figures(url: str) -> dict[str, float]:
    """What the endpoint did since it was asked last."""
    with urllib.request.urlopen(f"{url}/figures") as response:
        found: dict[str, float] = json.load(response)
    return found


def run(name: str, python: str, url: str, rows: int, in_flight: int, tokenizers: Path) -> dict[str, Any]:
    """One contender in a process of its own: its figures and the endpoint's."""
    figures(url)
    offline = {
        "TELEMETRY_ENABLED": "false",
        "NEMO_TELEMETRY_ENABLED": "false",
        "HF_HUB_OFFLINE": "1",
        "CURATOR_DISABLE_RICH_DISPLAY": "1",
        "TIKTOKEN_CACHE_DIR": str(tokenizers),
    }
    with tempfile.TemporaryDirectory() as work:
        script = "generation_preceptor.py" if name.startswith("preceptor") else "generation_contenders.py"
        command = [python, str(HERE / script), name, "--url", url, "--work", work]
        command += ["--rows", str(rows), "--in-flight", str(in_flight)]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | offline)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if outcome["rows"] != rows:
        raise SystemExit(f"{name} made {outcome['rows']} rows instead of {rows}")
    return outcome | {f"server_{key}": value for key, value in figures(url).items()}


def compare(arguments: argparse.Namespace) -> None:
    """Run every contender in turn, as often as asked, and print the medians as a table."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    pythons = {"curator": arguments.curator_python, "data-designer": arguments.data_designer_python}
    tokenizers = (Path(arguments.curator_python).parents[1] / TOKENIZERS).absolute()
    runs: dict[tuple[int, int, str], list[dict[str, Any]]] = {}
    with endpoint(arguments.latency) as url:
        for _ in range(arguments.repeat):
            for rows in arguments.rows:
                for in_flight in arguments.in_flight:
                    for name in arguments.contenders:
                        outcome = run(name, pythons.get(name, sys.executable), url, rows, in_flight, tokenizers)
                        runs.setdefault((rows, in_flight, name), []).append(outcome)
                        print(json.dumps({"contender": name} | outcome), file=sys.stderr)  # noqa: T201
    print(f"latency {arguments.latency:g} s, {CORES} cores, medians of {arguments.repeat}")  # noqa: T201
    print(  # noqa: T201
        "| contender | rows | in flight (reached) | seconds | of ideal | CPU ms a row | peak MB | endpoint's CPU ms |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |"
    )
    for (rows, in_flight, name), outcomes in runs.items():
        seconds, cpu, rss, reached, server = (
            median(outcome[key] for outcome in outcomes)
            for key in ("seconds", "cpu", "rss", "server_peak", "server_cpu")
        )
        ideal = math.ceil(rows / in_flight) * arguments.latency
        print(  # noqa: T201
            f"| {CONTENDERS[name]} | {rows:,} | {in_flight} ({reached:.0f}) | {seconds:.2f} | {ideal / seconds:.2f} "
            f"| {1000 * cpu / rows:.2f} | {rss:.0f} | {1000 * server / rows:.2f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[4000], help="rows to make")
    parser.add_argument("--in-flight", type=int, nargs="+", default=[256], help="requests at once")
    parser.add_argument("--latency", type=float, default=0.5, help="seconds that each answer takes")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each, in turns")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--curator-python", default=".bench/curator/bin/python")
    parser.add_argument("--data-designer-python", default=".bench/data-designer/bin/python")
    compare(parser.parse_args())


if __name__ == "__main__":
    main()
