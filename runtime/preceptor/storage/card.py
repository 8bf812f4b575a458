"""The README of a dataset version: a dataset card as Hugging Face reads it, and as people do.

The front matter names the data files, so that ``datasets.load_dataset`` takes the directory as it is. Text that
came from a document or a model is escaped: a card is rendered as HTML by whoever hosts it.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_MARKS = re.compile(r"([\\`*_\[\]|~#])")
_LANGUAGE = re.compile(r"[a-z]{2,3}")

_COLUMNS = """\
| column | holds |
| --- | --- |
| `id` | digest of skill, prompt and answer |
| `skill` | what the row exercises |
| `prompt` | the question as the student sees it |
| `answer` | what it should answer |
| `fields` | the values the prompt was rendered from, as JSON text |
| `receipt` | where the row came from and what it passed |

## Receipts

Every row carries one. What a row has nothing to say about is null.

| part | holds |
| --- | --- |
| `recipe`, `attempt` | digest of the plan that made the row, and the attempt, counted from 1, that carried it out |
| `generator`, `difficulty`, `unit`, `index` | what to ask the teacher for to get the row again |
| `teacher` | the teacher's kind and the digest of its configuration |
| `parents`, `carried_from` | rows it was derived from; the version it was taken over from |
| `source`, `model`, `requests`, `prompts` | how a model wrote it: kind, model, digests of its requests and of the \
prompt files |
| `validators` | the validators that agreed with the row |
| `tokens`, `usd` | what those requests used up |
| `neighbour`, `similarity` | the examination's nearest item by split and digest, and the share of its 8-word \
sequences that are in the row |"""

_USE = """\
## Loading

With the path of this directory as `HERE`:

```python
import datasets, duckdb, polars

datasets.load_dataset("HERE", split="train")
duckdb.sql("select skill, count(*) from 'HERE/data-*.parquet' group by skill")
polars.read_parquet("HERE/data-*.parquet")
```

`croissant.json` describes the files for tools that read Croissant metadata.

## Checking

`manifest.json` lists every file with its SHA-256, and the digest of the rows that gives the version its name.
`preceptor datasets verify RUN VERSION` computes all of them again."""

_FIGURES = {
    "distinct1": "distinct words among all",
    "distinct2": "distinct word pairs among all",
    "distinct3": "distinct 3-word sequences among all",
    "mean_words": "words of a row, on average",
    "clusters": "groups of near-duplicates, rows without any counted as one each",
    "skill_entropy": "entropy of rows over skills, in bits",
    "skill_evenness": "the same relative to its maximum",
}


def render_card(manifest: Mapping[str, Any]) -> str:
    """The card of a version, from its manifest as plain data (see :class:`preceptor.storage.datasets.Manifest`)."""
    number = manifest["number"]
    title = f"Dataset version {number}" if number else f"Dataset version {manifest['version']}"
    description = _text(manifest["description"])
    parts = [
        f"---\n{yaml.safe_dump(_front(manifest, title), sort_keys=False)}---",
        f"# {title}",
        f"> {description}" if description else "",
        f"Synthetic training data, planned, made and checked by Preceptor: {manifest['rows']} rows, "
        f"named `{manifest['version']}` by their content.",
        "## Rows\n\n" + _table(("skill", "rows"), manifest["skills"].items()),
        _gates(manifest),
        _funnel(manifest["funnel"]),
        _diversity(manifest["diversity"]),
        f"## Columns\n\n{_COLUMNS}",
        _USE,
        _provenance(manifest),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front(manifest: Mapping[str, Any], title: str) -> dict[str, Any]:
    language = (manifest["gates"].get("format") or {}).get("language")
    spoken = isinstance(language, str) and _LANGUAGE.fullmatch(language)
    return {
        "pretty_name": f"{title} ({manifest['version']})" if manifest["number"] else title,
        **({"language": [language]} if spoken else {}),
        "task_categories": ["text-generation"],
        "tags": ["preceptor", "synthetic"],
        "size_categories": [_size(manifest["rows"])],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": "data-*.parquet"}]}],
    }


def _gates(manifest: Mapping[str, Any]) -> str:
    """Each gate with its settings and what it dropped; what no gate claims was dropped while the rows were made."""
    rows, claimed = [], set[str]()
    for name, settings in _each(manifest["gates"]):
        reasons = settings.get("dropped") or {}
        claimed.update(reasons)
        settled = {key: value for key, value in settings.items() if key not in ("dropped", "enabled", "name")}
        off = settings.get("enabled") is False
        rows.append((name, "off" if off else _settings(settled), _reasons(reasons), sum(reasons.values())))
    others = {reason: n for reason, n in _dropped(manifest["funnel"]).items() if reason not in claimed}
    if others:
        rows.append(("while rows were made", "", _reasons(others), sum(others.values())))
    if not rows:
        return ""
    return "## Gates\n\nEvery row passed those that are not off. They dropped:\n\n" + _table(
        ("gate", "settings", "reasons", "rows dropped"), rows
    )


def _each(gates: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Gates with their settings; those of third parties are a list under one name."""
    for name, settings in gates.items():
        if isinstance(settings, Mapping):
            yield name, settings
        elif isinstance(settings, Sequence) and not isinstance(settings, str):
            yield from ((str(one.get("name", name)), one) for one in settings if isinstance(one, Mapping))


def _dropped(funnel: Mapping[str, Any]) -> Counter[str]:
    reasons: Counter[str] = Counter()
    for skill in (funnel.get("skills") or {}).values():
        reasons.update(skill.get("dropped") or {})
    return reasons


def _settings(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {json.dumps(value, ensure_ascii=False)}" for key, value in settings.items())


def _reasons(reasons: Mapping[str, int]) -> str:
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{reason} {count}" for reason, count in ordered)


def _funnel(funnel: Mapping[str, Any]) -> str:
    skills = funnel.get("skills") or {}
    if not skills:
        return ""
    names = ("quota", "carried", "made", "accepted")
    rows = [
        (skill, *(told.get(name, 0) for name in names), sum((told.get("dropped") or {}).values()))
        for skill, told in skills.items()
    ]
    total = ("all", *(sum(row[place] for row in rows) for place in range(1, 6)))
    ended = "\n\nA budget ended before the quotas were full." if funnel.get("exhausted") else ""
    return "## Yield\n\n" + _table(("skill", *names, "dropped"), [*rows, total]) + ended


def _diversity(diversity: Mapping[str, Any]) -> str:
    rows = [
        (said, f"{diversity[name]:.4g}" if isinstance(diversity[name], float) else diversity[name])
        for name, said in _FIGURES.items()
        if name in diversity
    ]
    return "## Diversity\n\n" + _table(("figure", "value"), rows) if rows else ""


def _provenance(manifest: Mapping[str, Any]) -> str:
    parents = ", ".join(f"`{_code(parent)}`" for parent in manifest["parents"]) or "none"
    lines = ["## Where it comes from", "", f"- recipe: `{_code(manifest['recipe']) or 'unknown'}`"]
    lines.append(f"- versions that rows were carried over from: {parents}")
    lines += [f"- made by: {_text(' '.join(map(str, pair)))}" for pair in manifest["created_by"].items()]
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Any) -> str:
    """A table; columns of numbers are set to the right."""
    cells = [[_text(str(value)) for value in row] for row in rows]
    right = [bool(cells) and all(row[place].replace(".", "").isdigit() for row in cells) for place in range(len(head))]
    marks = ["---:" if number else "---" for number in right]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, marks, *cells])


def _size(rows: int) -> str:
    return next((name for bound, name in _SIZES if rows < bound), "n>1M")


def _text(text: str) -> str:
    """Text that stays the text it is: on one line, in its table cell, without a tag, a link or a heading."""
    plain = _MARKS.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))
    return plain.replace("://", "&#58;//").replace("www.", "www&#46;")


def _code(text: str) -> str:
    """Text that stays inside one code span."""
    return html.escape(" ".join(text.split()), quote=False).replace("`", "'")
