"""Preceptor's part of ``generation_vs_peers.py``: one attempt end to end, from a recipe to a committed dataset.

Everything that a run does is done: units are planned and their worst case is set aside, requests are rendered, metered,
logged ahead of sending, sent with manners, their answers logged, read and checked against their schema, rows pass the
gates, the version is written as Parquet. The endpoint's capabilities are asked for, too.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import psutil

from preceptor.cluster.workforce import RayWorkforce
from preceptor.loop.in_process import InProcess
from preceptor.loop.parts import MakingOrder, Workforce
from preceptor.recipes.amount import Amount
from preceptor.recipes.pricing import budget_limit
from preceptor.spec.document import Spec
from preceptor.spec.recipe import Recipe
from preceptor.storage import datasets
from preceptor.storage.store import Store
from preceptor.synthesis.assembly import Assembly
from preceptor.synthesis.context import UnitContext

WARM_UP = 32
TOPICS = "trains rivers markets gardens engines harvests letters mountains bridges kitchens".split()


def document(url: str, rows: int, in_flight: int, root: Path) -> Spec:
    """A document whose teacher is the endpoint; every limit of its budget is set, so that every part is metered."""
    return Spec.model_validate(
        {
            "task": {
                "description": "Word problems.",
                "prompt": "{{ question }}",
                "scorer": {"kind": "numeric"},
                "items": {"uri": "items.jsonl", "answer": "{{ answer }}"},
                "splits": {"feedback": 0.2, "selection": 0.2, "private": 0.6},
            },
            "engineer": {"kind": "heuristic"},
            "teacher": {
                "kind": "openai",
                "model": "fixed-latency",
                "endpoint": {"baseUrl": url, "timeout": "60s"},
                "concurrency": in_flight,
                "sampling": {"maxTokens": 256},
                "price": {"input": 0.15, "output": 0.6},
            },
            "student": {"model": "none"},
            "dataset": {"size": rows},
            "budget": {"iterations": 1, "rows": 2 * rows, "teacherRequests": 4 * rows, "usd": 10_000},
            "storage": {"uri": str(root)},
        }
    )


def recipe(rows: int) -> Recipe:
    """One skill, one row a request."""
    source = {
        "kind": "prompt",
        "template": "Write one word problem about {{ topic }} with the number {{ number }}.",
        "variables": {
            "topic": {"kind": "category", "of": TOPICS},
            "number": {"kind": "number", "low": 0, "high": rows},
        },
    }
    return Recipe.model_validate({"skills": [{"skill": "all", "quota": rows, "sources": [source]}]})


def generate(spec: Spec, rows: int, workforce: Workforce, root: Path) -> int:
    """An attempt from its recipe to its version; gives the version's rows."""
    plan = recipe(rows)
    order = MakingOrder(str(root), 1, 1, plan, UnitContext())
    assembly = Assembly(plan, spec, (), 1, budget_limit(spec.budget, Amount()), order.context)
    while units := assembly.wanted():
        for result in workforce.make(order, units):
            assembly.add(result)
    made = [sample.to_row() for sample in assembly.result().samples]
    return datasets.commit(Store.open(str(root)), made, datasets.VersionInfo(number=1)).rows


def family() -> list[psutil.Process]:
    """This process and all that it started."""
    me = psutil.Process()
    return [me, *me.children(recursive=True)]


def cpu_seconds() -> float:
    """CPU of this process and of all that it started, Ray's own included."""
    return sum(times.user + times.system for times in (process.cpu_times() for process in family()))


def peak_mb(process: psutil.Process) -> float:
    """The largest resident set that a process ever had."""
    [line] = [line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=["preceptor", "preceptor-ray"])
    parser.add_argument("--url", required=True, help="the endpoint, up to /v1")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--work", type=Path, required=True, help="an empty directory")
    arguments = parser.parse_args()
    spec = document(arguments.url, arguments.rows, arguments.in_flight, arguments.work)
    workforce = InProcess(spec) if arguments.name == "preceptor" else RayWorkforce(spec)
    generate(spec, WARM_UP, workforce, arguments.work / "warm-up")
    cpu, started = cpu_seconds(), time.monotonic()
    rows = generate(spec, arguments.rows, workforce, arguments.work / "run")
    outcome = {"rows": rows, "seconds": time.monotonic() - started, "cpu": cpu_seconds() - cpu}
    at_work = [process for process in family() if process.pid == os.getpid() or "UnitMaker" in process.name()]
    outcome["rss"] = max(map(peak_mb, at_work))
    outcome["processes"] = [(process.name(), round(peak_mb(process))) for process in at_work]
    workforce.close()
    print("\n" + json.dumps(outcome))  # noqa: T201 - read by the parent


if __name__ == "__main__":
    main()
