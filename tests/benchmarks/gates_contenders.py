"""The others of ``gates_vs_peers.py``, each run by an interpreter of its own: near-duplicates among questions."""

from __future__ import annotations

import argparse
import json
import re
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

WORD = re.compile(r"\w+")
CHUNK = 1000


def questions(path: Path) -> Iterator[list[str]]:
    """Some at a time, read before anything is timed."""
    with path.open(encoding="utf-8") as file:
        file.readline()
        chunk: list[str] = []
        for line in file:
            chunk.append(json.loads(line)[0])
            if len(chunk) == CHUNK:
                yield chunk
                chunk = []
        yield chunk


def datasketch(path: Path) -> tuple[float, float, int]:
    """Seconds, CPU seconds, and rows that were dropped."""
    from datasketch import MinHash, MinHashLSH

    index, seconds, cpu, dropped, row = MinHashLSH(threshold=0.8, num_perm=128), 0.0, 0.0, 0, 0
    for chunk in questions(path):
        started, cpu_started = time.perf_counter(), time.process_time()
        for question in chunk:
            words = WORD.findall(question.lower())
            sketch = MinHash(num_perm=128)
            sketch.update_batch([" ".join(words[n : n + 5]).encode() for n in range(len(words) - 4)])
            if index.query(sketch):
                dropped += 1
            else:
                index.insert(row, sketch, check_duplication=False)
            row += 1
        seconds, cpu = seconds + time.perf_counter() - started, cpu + time.process_time() - cpu_started
    return seconds, cpu, dropped


def datatrove(path: Path) -> tuple[float, float, int]:
    """Seconds and CPU seconds of its four stages, files included, and rows that were dropped."""
    from datatrove.executor.local import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers.jsonl import JsonlWriter
    from datatrove.utils.hashing import HashConfig

    config = MinhashConfig(hash_config=HashConfig(precision=64), num_buckets=9, hashes_per_bucket=13, n_grams=5)
    with tempfile.TemporaryDirectory() as work:
        total = 0
        Path(f"{work}/input").mkdir()
        with Path(f"{work}/input/0.jsonl").open("w") as file:
            for chunk in questions(path):
                for question in chunk:
                    file.write(json.dumps({"text": question, "id": str(total)}) + "\n")
                    total += 1
        stages: list[list[Any]] = [
            [
                JsonlReader(f"{work}/input"),
                MinhashDedupSignature(output_folder=f"{work}/signatures", config=config, language="eng"),
            ],
            [MinhashDedupBuckets(input_folder=f"{work}/signatures", output_folder=f"{work}/buckets", config=config)],
            [MinhashDedupCluster(input_folder=f"{work}/buckets", output_folder=f"{work}/removed", config=config)],
            [
                JsonlReader(f"{work}/input"),
                MinhashDedupFilter(input_folder=f"{work}/removed"),
                JsonlWriter(output_folder=f"{work}/kept", compression=None),
            ],
        ]
        started, cpu_started = time.perf_counter(), time.process_time()
        for number, stage in enumerate(stages):
            tasks = config.num_buckets if number == 1 else 1
            LocalPipelineExecutor(stage, tasks=tasks, workers=1, logging_dir=f"{work}/logs/{number}").run()
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_started
        kept = sum(len(one.read_text().splitlines()) for one in Path(f"{work}/kept").iterdir())
    return seconds, cpu, total - kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    kinds: dict[str, Callable[[Path], tuple[float, float, int]]] = {"datasketch": datasketch, "datatrove": datatrove}
    parser.add_argument("contender", choices=kinds)
    parser.add_argument("--rows", type=Path, required=True)
    arguments = parser.parse_args()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds, cpu, dropped = kinds[arguments.contender](arguments.rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = {"seconds": seconds, "cpu": cpu, "dropped": dropped, "memory": (peak - before) / 1024}
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main()
