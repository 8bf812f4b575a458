"""Preceptor's part of ``gates_vs_peers.py``: every row through the gates of a run, in one process."""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from preceptor.gates.contamination import ExamIndex, Protected
from preceptor.gates.duplicates import DUPLICATE, Seen
from preceptor.gates.format import Lengths
from preceptor.gates.gate import Safeguards, Screen
from preceptor.recipes.sample import Receipt, Sample
from preceptor.spec.document import Spec
from preceptor.students.lengths import StudentLengths
from preceptor.tasks.content import Content
from preceptor.tasks.scorers import build_scorer

CHUNK = 1000
TOKENS = {"preceptor-counted": 1024}
"""The longest row in tokens, where not the default of 2,048: rows of more bytes have their tokens counted."""
RECEIPT = Receipt("", 1, "prompt", 0, 0, 0, "openai", source="prompt")


def document(max_tokens: int) -> Spec:
    return Spec.model_validate(
        {
            "task": {
                "description": "Word problems.",
                "prompt": "Solve this problem and say what the answer is.\n\n{{ question }}",
                "scorer": {"kind": "numeric"},
                "items": {"uri": "items.jsonl", "answer": "{{ answer }}"},
                "splits": {"feedback": 0.2, "selection": 0.2, "private": 0.6},
            },
            "engineer": {"kind": "heuristic"},
            "teacher": {"kind": "pool", "uri": "rows.jsonl", "answer": "{{ answer }}"},
            "student": {"model": "student", "training": {"maxTokens": max_tokens}},
            "dataset": {"size": 100_000},
            "budget": {"iterations": 1},
            "storage": {"uri": "runs"},
        }
    )


def samples(lines: Iterator[str]) -> Iterator[list[Sample]]:
    """The rows, some at a time, made before anything is timed."""
    chunk: list[Sample] = []
    for line in lines:
        question, answer = json.loads(line)
        prompt = f"Solve this problem and say what the answer is.\n\n{question}"
        fields = {"question": question}
        chunk.append(Sample.create(skill="all", fields=fields, prompt=prompt, answer=answer, receipt=RECEIPT))
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    yield chunk


def judge(contender: str, spec: Spec, safeguards: Safeguards) -> Callable[[Sample], str | None]:
    """What is measured: why a row is dropped."""
    screen, seen = (
        Screen(spec, build_scorer(spec.task.scorer), safeguards),
        Seen(spec.dataset.gates.duplicates, Content(spec.task)),
    )

    def duplicates(sample: Sample) -> str | None:
        if seen.twin(sample) is not None:
            return DUPLICATE
        seen.remember(sample)
        return None

    def everything(sample: Sample) -> str | None:
        verdict = screen.judge(sample)
        return verdict if isinstance(verdict, str) else duplicates(verdict)

    kinds: dict[str, Callable[[Sample], str | None]] = {
        "preceptor": everything,
        "preceptor-counted": everything,
        "preceptor-contamination": lambda sample: screen.check("contamination", sample),
        "preceptor-duplicates": duplicates,
    }
    return kinds[contender]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender")
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--student", default="")
    arguments = parser.parse_args()
    spec, process = document(TOKENS.get(arguments.contender, 2048)), psutil.Process()
    lengths: Lengths | None = None
    if arguments.student:
        lengths = StudentLengths(arguments.student, Path.cwd(), (), spec.student.training.max_tokens).prepared()
    with arguments.rows.open(encoding="utf-8") as file:
        items = json.loads(file.readline())
        before = process.memory_info().rss
        started = time.perf_counter()
        index = ExamIndex.build(
            [Protected("private", f"{place:012x}", item) for place, item in enumerate(items)],
            spec.dataset.gates.contamination,
        )
        built = time.perf_counter() - started
        gate = judge(arguments.contender, spec, Safeguards(exam=index, lengths=lengths))
        gate(next(iter(samples(iter(['["warm up, 1 + 1", "2"]']))))[0])
        seconds, cpu, dropped = 0.0, 0.0, Counter[str]()
        peak = before
        for chunk in samples(file):
            started, cpu_started = time.perf_counter(), time.process_time()
            reasons = [gate(sample) for sample in chunk]
            seconds, cpu = seconds + time.perf_counter() - started, cpu + time.process_time() - cpu_started
            dropped.update(reason for reason in reasons if reason is not None)
            peak = max(peak, process.memory_info().rss)
    told = {
        "seconds": seconds,
        "cpu": cpu,
        "dropped": dropped.total(),
        "memory": (peak - before) / 2**20,
        "reasons": dict(dropped),
        "index_seconds": built,
        "index_bytes": len(index.to_bytes()),
    }
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main()
