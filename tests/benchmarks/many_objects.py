"""How the operator fares with many Specializations at once, against the test API server on this machine.

    .venv/bin/python tests/benchmarks/many_objects.py [--objects 1000] [--single 20]

Prints the median time from a single object's creation to its RayJob, then creates many at once, kills the operator in
the middle and starts another, and prints when the last RayJob existed, the operator's memory, what it takes when idle,
and whether anything was lost or made twice. The server runs in this process and shares the machine's cores with the
operator; requests go over HTTP. KubeRay's part is not played: RayJobs stay as they are made.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.apiserver.server import ApiServer
from support.attempts import sums
from support.charts import ROOT
from support.operating import Operating

RAY_JOBS = ("ray.io", "rayjobs")


def main() -> None:
    """Run the benchmark and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--single", type=int, default=20)
    wanted = parser.parse_args()
    with ApiServer((ROOT / "helm/preceptor/files/crd.yaml",)) as server, tempfile.TemporaryDirectory() as folder:
        server.create("", "namespaces", "", {"metadata": {"name": "lab"}})
        # With the settings' own Lease: what a killed operator held has to run out before another acts.
        settings = {"election": {"namespace": "default"}}
        operating = Operating(server, Path(folder), server.kubectl(Path(folder), "lab"), settings=settings)
        try:
            figures = measured(operating, wanted.objects, wanted.single)
        finally:
            operating.stop()
    print(json.dumps(figures, indent=2))  # noqa: T201


def measured(lab: Operating, objects: int, single: int) -> dict[str, float | int]:
    """The figures: seconds, MiB, percent of one core."""
    operator = lab.start()
    lab.until(lambda: '"acting"' in lab.log(0))
    one_by_one = [alone(lab, f"one-{number}") for number in range(single)]
    began = time.monotonic()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: create(lab, f"many-{number}"), range(objects)))
    applied = time.monotonic()
    operator.send_signal(signal.SIGKILL)
    operator.wait()
    at_kill = len(lab.ray_jobs()) - single
    second = psutil.Process(lab.start().pid)
    while len(lab.ray_jobs()) < objects + single:
        if time.monotonic() - applied > 600:
            sys.exit(f"{len(lab.ray_jobs())} RayJobs after ten minutes")
        time.sleep(0.1)
    made = time.monotonic()
    noted(lab, objects + single)
    peak = second.memory_info().rss
    before, since = second.cpu_times(), time.monotonic()
    time.sleep(30)
    after = second.cpu_times()
    used = (after.user - before.user) + (after.system - before.system)
    asked: dict[str, int] = {}
    for method, path in lab.server.faults.asked:
        if method == "PATCH" and "/rayjobs/" in path:
            asked[path] = asked.get(path, 0) + 1
    attempts = {each["status"]["attempt"] for each in lab.server.objects("preceptor.dev", "specializations")}
    return {
        "objects": objects,
        "median seconds from one object's creation to its RayJob": round(statistics.median(one_by_one), 3),
        "largest of these": round(max(one_by_one), 3),
        "seconds to create all objects": round(applied - began, 1),
        "RayJobs when the operator was killed": at_kill,
        "seconds from the last creation to the last RayJob, operator killed and started again": round(
            made - applied, 1
        ),
        "RayJobs in the end": len(lab.ray_jobs()) - single,
        "RayJobs that were applied more than once": sum(count > 1 for count in asked.values()),
        "objects whose newest attempt is not the first": 0 if attempts == {1} else -1,
        "operator's MiB": round(peak / 2**20, 1),
        "operator's CPU when idle, percent of one core over 30 s": round(100 * used / (time.monotonic() - since), 2),
    }


def noted(lab: Operating, objects: int) -> None:
    """Wait until every status names its RayJob."""

    def all_noted() -> bool:
        found = lab.server.objects("preceptor.dev", "specializations")
        return sum("rayJob" in (each.get("status") or {}) for each in found) == objects

    lab.until(all_noted, seconds=300)


def alone(lab: Operating, name: str) -> float:
    """Seconds from an object's creation to its RayJob."""
    began = time.monotonic()
    create(lab, name)
    while lab.server.find(*RAY_JOBS, "lab", f"{name}-1") is None:
        time.sleep(0.005)
    return time.monotonic() - began


def create(lab: Operating, name: str) -> None:
    """Create a Specialization over HTTP."""
    document = sums().model_dump(mode="json", by_alias=True, exclude_unset=True)
    document["metadata"] = {"name": name}
    url = f"{lab.server.url}/apis/preceptor.dev/v1alpha1/namespaces/lab/specializations"
    request = urllib.request.Request(url, json.dumps(document).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=60).read()


if __name__ == "__main__":
    main()
