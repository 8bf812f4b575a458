"""The variety of versions is read where it was written down, measured where it was not, and drawn when it changes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from itertools import islice
from random import Random

import pytest

from preceptor.evaluation.diversity import DiversityMeter
from preceptor.report import schema
from preceptor.report.charts.lines import comparable, variety_lines
from preceptor.report.variety import variety
from preceptor.storage import datasets, layout
from preceptor.storage.store import Store
from support.reports import report
from support.tasks import small_task
from support.version_rows import INFO, row

TASK = small_task(prompt="Answer this with one word and nothing else: {{ q }}")


@pytest.fixture
def store() -> Store:
    return Store.open(f"memory://{uuid.uuid4().hex}")


def questions(seed: int, words: int) -> Iterable[str]:
    random = Random(seed)
    while True:
        yield " ".join(f"w{random.randrange(words)}" for _ in range(12))


def commit(store: Store, number: int, words: int, *, rows: int = 60) -> str:
    made = [
        row(place, prompt=f"Answer this with one word and nothing else: {text}", fields=json.dumps({"q": text}))
        for place, text in enumerate(islice(questions(number, words), rows))
    ]
    info = INFO.model_copy(update={"number": number})
    return datasets.commit(store, made, info, says=lambda one: json.loads(one["fields"])["q"]).version


def test_it_stands_in_the_manifest(store: Store) -> None:
    version = commit(store, 1, 500)
    (found,) = variety(store, TASK, [version])
    assert (found.version, found.rows, found.clusters, found.mean_words) == (version, 60, 60, 12.0)
    store.delete(f"{layout.dataset(version)}/data-00000.parquet")
    assert variety(store, TASK, [version]) == (found,)


def test_a_version_without_it_is_measured_by_what_its_questions_say(store: Store) -> None:
    version = commit(store, 1, 500)
    (written,) = variety(store, TASK, [version])
    path = layout.dataset_manifest(version)
    store.write_json(path, {key: value for key, value in store.read_json(path).items() if key != "diversity"})
    assert variety(store, TASK, [version]) == (written,)


def test_a_collapse_is_told_of_the_version_it_happened_in(store: Store) -> None:
    versions = [commit(store, 1, 500), commit(store, 2, 500), commit(store, 3, 12)]
    found = variety(store, TASK, versions)
    assert [bool(one.alarms) for one in found] == [False, False, True]
    assert found[2].alarms[0].startswith("the wording repeats itself")


def measured(version: str, texts: Iterable[str], *alarms: str) -> schema.Diversity:
    meter = DiversityMeter()
    for text in texts:
        meter.add(text, "all")
    return schema.Diversity(version=version, alarms=alarms, **meter.result().model_dump(by_alias=False))


def versions() -> tuple[schema.Diversity, ...]:
    return (
        measured("v1-000000000000", islice(questions(1, 500), 120)),
        measured("v2-111111111111", islice(questions(2, 30), 60), "the wording repeats itself"),
    )


def test_the_chart_compares_versions_at_the_largest_amount_of_both() -> None:
    first, second = versions()
    assert comparable((first, second)) == (500, 50)
    chart = variety_lines(report(diversity=(first, second)))
    assert chart is not None
    pairs, rows, skills = chart.lines
    assert (pairs.name, rows.name, skills.name) == (
        "distinct pairs among 500",
        "clusters among 50 rows",
        "evenness over skills",
    )
    assert [point.value for point in pairs.points] == [first.pairs[500], second.pairs[500]]
    assert [point.marked for point in pairs.points] == [False, True]
    assert [label for _, label in chart.labels] == ["v1", "v2"]


def test_one_version_has_no_trend() -> None:
    assert variety_lines(report(diversity=versions()[:1])) is None
    assert comparable(()) == (0, 0)


def test_versions_of_older_reports_show_what_is_known_of_them() -> None:
    old = tuple(schema.Diversity(version=f"v{n}f2a9c01", distinct2=0.5, skill_evenness=0.75) for n in "ab")
    chart = variety_lines(report(diversity=old))
    assert chart is not None
    assert [(line.name, [point.value for point in line.points]) for line in chart.lines] == [
        ("evenness over skills", [0.75, 0.75])
    ]


def test_many_versions_get_few_labels() -> None:
    many = tuple(schema.Diversity(version=f"v{n}-0", skill_evenness=1.0) for n in range(1, 41))
    chart = variety_lines(report(diversity=many))
    assert chart is not None
    assert [label for _, label in chart.labels] == ["v1", "v5", "v9", "v13", "v17", "v21", "v25", "v29", "v33", "v37"]
    assert len(chart.lines[0].points) == 40
