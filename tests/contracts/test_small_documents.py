"""The two documents of the study: SNIPS reads what its repository publishes, reasoning-gym what its script made."""

from __future__ import annotations

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import yaml

from preceptor.planning.inputs import read_inputs
from preceptor.spec.actors import ProceduralTeacher as Config
from preceptor.spec.actors import SamplerGenerator
from preceptor.spec.load import Document, load
from preceptor.storage.remote import web_address
from preceptor.tasks.scorers import build_scorer
from preceptor.teachers.procedural import ProceduralTeacher
from preceptor.teachers.sampler import SamplerSource, Shared

pytest.importorskip("reasoning_gym")

SPECS = Path(__file__).parents[2] / "specs"

UPSTREAM: dict[str, list[list[tuple[str, str | None]]]] = {
    "GetWeather": [
        [("What's the weather in ", None), ("Benton City", "city"), ("?", None)],
        [("Will there be ", None), ("hail", "condition_description"), (" on ", None), ("11/12/2036", "timeRange"),
         (" in ", None), ("Singapore", "country")],
    ],
    "AddToPlaylist": [
        [("Add this ", None), ("artist", "music_item"), (" to ", None), ("fairy tales", "playlist"),
         (" playlist", None)],
        [("Onto ", None), ("jerry's", "playlist_owner"), (" ", None), ("Classical Moments in Movies", "playlist"),
         (", please add the ", None), ("album", "music_item"), (".", None)],
    ],
    "SearchScreeningEvent": [[("What are the ", None), ("movie times", "object_type")]],
}  # fmt: skip
"""Commands of SNIPS (CC0, sonos/nlu-benchmark, 2017-06-custom-intent-engines), cut as its files cut them."""


def snips(directory: Path) -> Document:
    """The document over files of the published shape."""
    names = []
    for intent, commands in UPSTREAM.items():
        copies = [[*command, (f" {copy}", None)] for copy in range(12) for command in commands]
        copies.append(copies[0])  # some are published twice
        parts = [
            {"data": [{"text": text} | ({"entity": slot} if slot else {}) for text, slot in command]}
            for command in copies
        ]
        names.append(f"validate_{intent}.json")
        (directory / names[-1]).write_text(json.dumps({intent: parts}, indent=2))
    data = yaml.safe_load((SPECS / "snips.yaml").read_text(encoding="utf-8"))
    data["spec"]["task"]["items"]["uri"] = names
    path = directory / "snips.yaml"
    path.write_text(yaml.safe_dump(data))
    return load(path)


def test_snips_reads_the_published_files(tmp_path: Path) -> None:
    inputs = read_inputs(snips(tmp_path), storage=str(tmp_path / "runs"))
    items = {item.prompt: item for split in inputs.splits.values() for item in split.items}
    first = next(item for prompt, item in items.items() if prompt.startswith("Will there be hail"))
    assert first.skill == "GetWeather"
    assert json.loads(first.reference) == {
        "intent": "GetWeather",
        "slots": {"condition_description": "hail", "timeRange": "11/12/2036", "country": "Singapore"},
    }
    assert [note for note in inputs.notes if "no generator" in note] == []


def test_snips_grades_intent_and_slots(tmp_path: Path) -> None:
    document = snips(tmp_path)
    items = [item for split in read_inputs(document).splits.values() for item in split.items]
    scorer = build_scorer(document.spec.spec.task.scorer)
    for item in items:
        assert scorer.score(item, item.reference).correct
    item = next(item for item in items if item.prompt.startswith("Add this artist"))
    half = {"intent": "AddToPlaylist", "slots": {"music_item": "artist", "playlist": "tales"}}
    assert scorer.score(item, json.dumps(half)).value == pytest.approx(0.75)
    assert scorer.score(item, json.dumps(half | {"intent": "PlayMusic"})).value == pytest.approx(0.25)


def test_snips_names_public_files_one_for_each_intent() -> None:
    spec = load(SPECS / "snips.yaml").spec.spec
    assert isinstance(spec.teacher, Config)
    addresses = {web_address(uri, uri) for uri in spec.task.items.uri}
    folder = "https://raw.githubusercontent.com/sonos/nlu-benchmark/master/2017-06-custom-intent-engines"
    assert addresses == {f"{folder}/{name}/validate_{name}.json" for name in spec.teacher.generators}


def test_every_wording_of_snips_says_what_its_answer_holds() -> None:
    teacher = load(SPECS / "snips.yaml").spec.spec.teacher
    assert isinstance(teacher, Config)
    wordings = 0
    for name, generator in teacher.generators.items():
        assert isinstance(generator, SamplerGenerator)
        wordings += len(generator.forms)
        for draft in SamplerSource(name, generator, Shared(teacher)).trials():
            assert not isinstance(draft, Exception)
            answer, rest = json.loads(draft.answer), draft.fields["utterance"]
            assert answer["intent"] == name
            assert answer["slots"]
            for words in answer["slots"].values():
                _, found, rest = rest.partition(words)
                assert found, f"{words!r} is not in {draft.fields['utterance']!r} after what came before"
    assert wordings >= 45


def test_the_gyms_items_are_what_its_script_makes() -> None:
    script = SPECS / "reasoning-gym" / "make_items.py"
    found = spec_from_file_location("make_items", script)
    assert found is not None
    assert found.loader is not None
    module = module_from_spec(found)
    found.loader.exec_module(module)
    assert list(module.records()) == gym_records()


def gym_records() -> list[dict[str, Any]]:
    text = (SPECS / "reasoning-gym" / "items.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_the_gym_asks_what_its_teacher_teaches(tmp_path: Path) -> None:
    document = load(SPECS / "reasoning-gym.yaml")
    inputs = read_inputs(document, storage=str(tmp_path))
    teacher = document.spec.spec.teacher
    assert isinstance(teacher, Config)
    scorer = build_scorer(document.spec.spec.task.scorer)
    skills = set()
    for split in inputs.splits.values():
        assert {item.skill for item in split.items} == set(teacher.generators)
        for item in split.items:
            assert scorer.score(item, item.reference).correct
            skills.add((item.skill, item.fields["level"]))
    assert len(skills) == 15, "every level of every task"
    made = ProceduralTeacher(teacher).make("gcd", levels={}, count=5, seed=1)
    assert {draft.skill for draft in made} == {"gcd"}
