"""What iteration is worth: iterative against one-shot, against form alone, against examples in the prompt.

    .venv/bin/python tests/benchmarks/study.py [quickstart] [snips] [reasoning-gym] [--snips DIR] [--seeds N] [--out D]

One run a document (all three when none is named) through ``preceptor run``, with finalists of three seeds and the
controls ``oneShot``, ``format`` and ``prompted``, which take their students' seeds, the splits and the gates from the
run. It is killed and started again like any run: the same command goes on where it was. Each takes up to 25 minutes on
two cores that do nothing else. ``--table`` prints the table of what is there and runs nothing; ``--brief`` is a trial
of the script: two iterations of few rows, one seed, and no figures to quote.

SNIPS comes from GitHub; on a machine without network ``--snips DIR`` names a directory with the seven files
``validate_<Intent>.json`` as they are published, or with ``validate.jsonl`` that holds ``utterance``, ``intent`` and
``slots`` a line, from which these files are made.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from preceptor.runs.comparing import compare
from preceptor.runs.entrant import read_entrant
from preceptor.runs.schema import Figure, Pair, Row
from preceptor.storage import layout
from preceptor.storage.store import Store

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("quickstart", "snips", "reasoning-gym")
CONTROLS = {"ceiling": False, "prompted": True, "format": True, "oneShot": True}
BRIEF = {"dataset": {"size": 48, "minimum": 32}, "iterations": 2}
"""What a trial of the script makes."""
WORDS = {None: "iterative", "oneShot": "one-shot", "format": "format only", "prompted": "untrained, 4 examples shown"}


def main() -> None:
    """Run what is to be run, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], *DOCUMENTS], metavar="DOCUMENT", default=[])
    parser.add_argument("--out", type=Path, default=ROOT / ".bench" / "study")
    parser.add_argument("--snips", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--brief", action="store_true")
    parser.add_argument("--table", action="store_true")
    wanted = parser.parse_args()
    names = wanted.names or list(DOCUMENTS)
    if not wanted.table:
        for name in names:
            run(name, wanted)
    print(table(wanted.out, names))  # noqa: T201


def run(name: str, wanted: argparse.Namespace) -> None:
    """Derive the document and run it to its end, or go on with it. Exits as ``preceptor run`` does when that fails."""
    wanted.out.mkdir(parents=True, exist_ok=True)
    path = wanted.out / f"{name}.yaml"
    document = derived(name, wanted)
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=10_000), encoding="utf-8")
    noted = wanted.out / f"{name}.commit"
    if not noted.exists():
        noted.write_text(_commit(), encoding="utf-8")
    done = subprocess.run([Path(sys.executable).with_name("preceptor"), "run", path], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def derived(name: str, wanted: argparse.Namespace) -> dict[str, Any]:
    """The shipped document with controls and seeds, its files named from anywhere, and time for all of it."""
    specs = ROOT / "specs"
    document: dict[str, Any] = yaml.safe_load((specs / f"{name}.yaml").read_text(encoding="utf-8"))
    spec = document["spec"]
    spec["evaluation"] |= {"seeds": 1 if wanted.brief else wanted.seeds, "controls": CONTROLS}
    spec["storage"] = {"uri": str(wanted.out.resolve() / "runs")}
    spec["budget"]["wallClock"] = "3h"
    items = spec["task"]["items"]
    if name == "snips" and wanted.snips is not None:
        items["uri"] = [str(path) for path in published(wanted.snips, wanted.out.resolve() / "snips")]
    elif isinstance(items["uri"], str):
        items["uri"] = str(specs / items["uri"])
    if wanted.brief:
        spec["dataset"] |= BRIEF["dataset"]
        spec["budget"]["iterations"] = BRIEF["iterations"]
    return document


def published(given: Path, out: Path) -> list[Path]:
    """Files of SNIPS in the published form: those that are given, or made of the lines that are given."""
    found = sorted(given.resolve().glob("validate_*.json"))
    if found:
        return found
    intents: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in (given / "validate.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        intents[record["intent"]].append({"data": list(_parts(record["utterance"], record["slots"]))})
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for intent, records in sorted(intents.items()):
        paths.append(out / f"validate_{intent}.json")
        paths[-1].write_text(json.dumps({intent: records}, ensure_ascii=False, indent=2), encoding="utf-8")
    return paths


def _parts(utterance: str, slots: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """A command cut where its slots begin and end; they stand in the order in which they are said."""
    rest = utterance
    for entity, words in slots.items():
        before, found, rest = rest.partition(words)
        if not found:
            raise ValueError(f"{words!r} does not follow in {utterance!r}")
        if before:
            yield {"text": before}
        yield {"text": words, "entity": entity}
    if rest:
        yield {"text": rest}


def table(out: Path, names: Sequence[str]) -> str:
    """The study's table in Markdown, of those runs that have ended."""
    lines = [
        "| task | what | points | relative | detectable | minutes | iterative minus it, on the same items |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    commits = []
    for name in names:
        store = Store.open(str(out.resolve() / "runs" / name))
        if not store.exists(layout.REPORT_JSON):
            lines.append(f"| {name} | not run to its end | | | | | |")
            continue
        found = compare([read_entrant(store)], controls=True)
        versus = {pair.second: pair for pair in found.pairs if pair.first == found.rows[0].label}
        lines += [_line(name, row, versus.get(row.label)) for row in found.rows]
        commits.append(f"{name}: {(out / f'{name}.commit').read_text(encoding='utf-8')}")
    seeds = "Points with 95 % interval over items and training seeds."
    return "\n".join([*lines, "", f"{seeds} Commits: {', '.join(commits) or 'none'}."])


def _line(name: str, row: Row, pair: Pair | None) -> str:
    figure = row.mean
    relative = "-" if figure.relative is None else f"{100 * figure.relative:+.0f} %"
    cells = [
        name,
        WORDS.get(row.who.control, str(row.who.control)),
        _points(figure),
        relative,
        f"{figure.detectable:.1f}",
        f"{row.cost.minutes:.1f}",
        "" if pair is None else _reversed(pair),
    ]
    return f"| {' | '.join(cells)} |"


def _points(figure: Figure) -> str:
    return f"{figure.points:+.1f} [{figure.interval[0]:+.1f}, {figure.interval[1]:+.1f}]"


def _reversed(pair: Pair) -> str:
    """The run minus its control; a comparison gives the second minus the first."""
    low, high = pair.figure.interval
    return f"{-pair.figure.points:+.1f} [{-high:+.1f}, {-low:+.1f}], {pair.words.rpartition(': ')[2]}"


def _commit() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "runtime", "specs")
    return git("rev-parse", "--short", "HEAD") + (" and changes" if changed else "")


if __name__ == "__main__":
    main()
