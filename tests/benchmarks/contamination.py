"""What the contamination gate catches of planted copies, and what it takes for a copy that is none.

By hand, where the benchmarks lie (``--data``: scibench/, cruxeval/, gsm8k/ as their repositories have them); a
minute on one core:

    .venv/bin/python tests/benchmarks/contamination.py                 # the table of the README
    .venv/bin/python tests/benchmarks/contamination.py --sweep         # other settings
    .venv/bin/python tests/benchmarks/contamination.py --show gsm8k    # every genuine row that was taken for a copy

Every item is planted once in every way of ``tests/support/plants.py`` (a plant that left all words as they were counts
under "exact" only). Genuine rows are, for GSM8K, its training split with its solutions, against the test split; for
SciBench and CRUXEval, which have none, every item against an index of the others, in ten parts, so that an item and its
sibling ("the same for chlorine") are told apart by nothing: read what is taken for a copy there with ``--show``.
Baseline: any 13 consecutive words, case and punctuation folded, in common with any item.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from preceptor.gates.contamination import ExamIndex, Protected
from preceptor.gates.text import words
from preceptor.spec.gates import ContaminationGate
from support.plants import CODE_KINDS, KINDS, plant

PARTS = 10
_CHANGING = ("light edit", "other numbers", "reworded", "rewritten", "names changed")
"""Plants that are none when they changed no word."""


@dataclass(frozen=True)
class Benchmark:
    """Items, and rows about the same things that copy none of them."""

    name: str
    items: Sequence[str]
    genuine: Sequence[tuple[str, str]] | None
    kinds: Sequence[str]


def benchmarks(data: Path) -> Iterator[Benchmark]:
    """Those that are there."""

    def lines(path: str) -> list[dict[str, str]]:
        return [json.loads(line) for line in (data / path).read_text().splitlines()]

    if (data / "gsm8k").exists():
        train = [(row["question"], row["answer"]) for row in lines("gsm8k/train.jsonl")]
        yield Benchmark("gsm8k", [row["question"] for row in lines("gsm8k/test.jsonl")], train, list(KINDS))
    if (data / "scibench").exists():
        files = [path for path in sorted((data / "scibench").glob("*.json")) if not path.stem.endswith("_sol")]
        problems = [row["problem_text"] for path in files for row in json.loads(path.read_text())]
        yield Benchmark("scibench", problems, None, list(KINDS))
    if (data / "cruxeval").exists():
        code = [f"{row['code']}\n{row['input']}" for row in lines("cruxeval/cruxeval.jsonl")]
        yield Benchmark("cruxeval", code, None, [*KINDS, *CODE_KINDS])


class Baseline:
    """Any 13 words in a row."""

    def __init__(self, items: Sequence[str]) -> None:
        self._held = {run for item in items for run in self._runs(item)}

    def caught(self, question: str, answer: str) -> bool:
        return any(run in self._held for text in (question, answer) for run in self._runs(text))

    @staticmethod
    def _runs(text: str) -> Iterator[tuple[str, ...]]:
        told = words(text)
        return (tuple(told[start : start + 13]) for start in range(len(told) - 12))


class Ours:
    """The gate's index, without its gate."""

    def __init__(self, items: Sequence[str], settings: ContaminationGate) -> None:
        self.items = items
        protected = (Protected("private", f"{number:06}", item) for number, item in enumerate(items))
        self.index = ExamIndex.build(protected, settings)

    def reason(self, question: str, answer: str) -> str | None:
        found = self.index.find(question, answer)
        return found.reason if found else None

    def neighbour(self, question: str, answer: str) -> str:
        found = self.index.find(question, answer)
        return self.items[int(found.neighbour.split(":")[1])] if found else ""


def mistaken(benchmark: Benchmark, settings: ContaminationGate, *, show: bool = False) -> tuple[int, int, Counter[str]]:
    """Genuine rows, how many of them the baseline drops, and ours by reason."""
    rows = benchmark.genuine or [(item, "") for item in benchmark.items]
    parts = [(list(benchmark.items), rows)]
    if benchmark.genuine is None:
        of_part = [
            ([item for place, item in enumerate(benchmark.items) if place % PARTS != part], rows[part::PARTS])
            for part in range(PARTS)
        ]
        parts = of_part
    plain, ours = 0, Counter[str]()
    for items, tried in parts:
        baseline, gate = Baseline(items), Ours(items, settings)
        for question, answer in tried:
            plain += baseline.caught(question, answer)
            if (reason := gate.reason(question, answer)) is not None:
                ours[reason] += 1
                if show:
                    print(f"--- {reason}\n{question}\n    ITEM {gate.neighbour(question, answer)}")  # noqa: T201
    return len(rows), plain, ours


def caught(benchmark: Benchmark, settings: ContaminationGate, kind: str) -> tuple[int, int, Counter[str]]:
    """Plants of a kind, how many the baseline catches, and ours by reason."""
    gate, baseline = Ours(benchmark.items, settings), Baseline(benchmark.items)
    made, plain, ours = 0, 0, Counter[str]()
    for item in benchmark.items:
        planted = plant(kind, item, "1")
        if kind in _CHANGING and words(planted.question) == words(item):
            continue
        made += 1
        plain += baseline.caught(planted.question, planted.answer)
        if (reason := gate.reason(planted.question, planted.answer)) is not None:
            ours[reason] += 1
    return made, plain, ours


def table(found: Sequence[Benchmark], settings: ContaminationGate) -> None:
    """Recall and precision by kind of plant, as Markdown."""
    print("| benchmark | plant | planted | caught | recall | precision | 13-grams alone: recall | precision |")  # noqa: T201
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")  # noqa: T201
    for benchmark in found:
        total, plain_wrong, wrong = mistaken(benchmark, settings)
        for kind in benchmark.kinds:
            made, plain, ours = caught(benchmark, settings, kind)
            hits, precision = ours.total(), _precision(ours.total(), wrong.total())
            print(  # noqa: T201
                f"| {benchmark.name} | {kind} | {made:,} | {hits:,} | {hits / made:.1%} | {precision} "
                f"| {plain / made:.1%} | {_precision(plain, plain_wrong)} |"
            )
        by_reason = ", ".join(f"{count} {reason}" for reason, count in sorted(wrong.items()))
        print(  # noqa: T201
            f"| {benchmark.name} | genuine rows | {total:,} | {wrong.total()} ({by_reason}) | | | {plain_wrong} | |"
        )


def sweep(found: Sequence[Benchmark]) -> None:
    """What other settings would do to light edits, halves and genuine rows."""
    tried = [{}, *({"ngram": n} for n in (8, 10, 20)), *({"coverage": c} for c in (0.3, 0.7, 1.0))]
    tried += [{"similarity": s} for s in (0.5, 0.6, 1.0)]
    kinds = ("light edit", "one half", "other numbers", "reworded", "rewritten")
    print(f"| benchmark | settings | {' | '.join(kinds)} | genuine rows dropped |")  # noqa: T201
    print(f"| --- | --- | {' | '.join('---' for _ in kinds)} | --- |")  # noqa: T201
    for benchmark in found:
        for changed in tried:
            settings = ContaminationGate.model_validate(changed)
            results = (caught(benchmark, settings, kind) for kind in kinds)
            shares = " | ".join(f"{ours.total() / made:.1%}" for made, _, ours in results)
            named = ", ".join(f"{name} {value}" for name, value in changed.items()) or "defaults"
            print(f"| {benchmark.name} | {named} | {shares} | {mistaken(benchmark, settings)[2].total()} |")  # noqa: T201


def _precision(hits: int, wrong: int) -> str:
    return f"{hits / (hits + wrong):.1%}" if hits else "none"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sweep", action="store_true", help="try other settings")
    parser.add_argument("--show", metavar="BENCHMARK", help="print genuine rows that were taken for copies")
    arguments = parser.parse_args()
    found = list(benchmarks(arguments.data))
    if not found:
        raise SystemExit(f"no benchmark lies under {arguments.data}; name another folder with --data")
    started = time.perf_counter()
    if arguments.show:
        for benchmark in found:
            if benchmark.name == arguments.show:
                mistaken(benchmark, ContaminationGate(), show=True)
    elif arguments.sweep:
        sweep(found)
    else:
        table(found, ContaminationGate())
    print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
