"""Preceptor's part of ``generation_vs_peers.py``: one attempt end to end, from a recipe to a committed dataset.

Everything that a run does is done: units are planned and their worst case is set aside, requests are rendered, metered,
logged ahead of sending, sent with manners, their answers logged, read and checked against their schema, rows pass the
gates, the version is written as Parquet. The endpoint's capabilities are asked for, too.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from pathlib import Path

import psutil
from generation_server import WORDS

from preceptor.cluster.workforce import RayWorkforce
from preceptor.gates.contamination import ExamIndex, Protected
from preceptor.gates.gate import Safeguards
from preceptor.loop.in_process import InProcess
from preceptor.loop.parts import MakingOrder, Workforce
from preceptor.recipes.amount import Amount
from preceptor.recipes.pricing import budget_limit
from preceptor.spec.document import Spec
from preceptor.spec.recipe import Recipe
from preceptor.storage import datasets
from preceptor.storage.spool import Spool
from preceptor.storage.store import Store
from preceptor.synthesis.assembly import Assembly
from preceptor.synthesis.context import UnitContext

WARM_UP = 32
ITEMS = 1000
"""Items of the examination that rows are compared with."""
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


def generate(spec: Spec, rows: int, workforce: Workforce, context: UnitContext, root: Path) -> int:
    """An attempt from its recipe to its version; gives the version's rows."""
    plan = recipe(rows)
    order = MakingOrder(str(root), 1, 1, plan, context)
    with Spool() as kept:
        fill(Assembly(plan, spec, (), 1, budget_limit(spec.budget, Amount()), context, keeper=kept), order, workforce)
        return datasets.commit(Store.open(str(root)), kept.rows(), datasets.VersionInfo(number=1)).rows


def fill(assembly: Assembly, order: MakingOrder, workforce: Workforce) -> None:
    """Make rows until the quota is full; what the gates remember of them is gone then."""
    while units := assembly.wanted():
        for result in workforce.make(order, units):
            assembly.add(result)


def examination() -> list[Protected]:
    """Items in the endpoint's own words, so that the contamination gate has something to look for."""
    chance = random.Random("examination")  # not the seed that the endpoint draws its rows with
    texts = (f"Problem: {' '.join(chance.choices(WORDS, k=24))}. How many are there?" for _ in range(ITEMS))
    return [Protected("private", str(number), text) for number, text in enumerate(texts)]


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
    index = ExamIndex.build(examination(), spec.dataset.gates.contamination)  # once for all attempts of a run
    context = UnitContext(safeguards=Safeguards(index))
    generate(spec, WARM_UP, workforce, context, arguments.work / "warm-up")
    cpu, started = cpu_seconds(), time.monotonic()
    rows = generate(spec, arguments.rows, workforce, context, arguments.work / "run")
    outcome = {"rows": rows, "seconds": time.monotonic() - started, "cpu": cpu_seconds() - cpu}
    at_work = [process for process in family() if process.pid == os.getpid() or "Maker" in process.name()]
    outcome["rss"] = max(map(peak_mb, at_work))
    outcome["processes"] = [(process.name(), round(peak_mb(process))) for process in at_work]
    workforce.close()
    print("\n" + json.dumps(outcome))  # noqa: T201 - read by the parent


if __name__ == "__main__":
    main()
