"""Documents meet the definition: good ones come back as what they were, bad ones are refused where they are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from preceptor.spec.actors import OpenAITeacher
from preceptor.spec.load import Document, load, loads
from preceptor_operator.crd.manifest import schema
from support.admission import Admitted, admit
from support.documents import VALID, edit

ROOT = Path(__file__).parents[3]
SCHEMA = schema()
SHIPPED = sorted(path for path in (ROOT / "specs").rglob("*.yaml") if "\nkind: Specialization" in path.read_text())
BAD: list[dict[str, Any]] = yaml.safe_load((ROOT / "tests/contracts/bad_documents/documents.yaml").read_text())
HEURISTIC = "  engineer:\n    kind: heuristic\n    explore: 0.25"
SECTION = "  evaluation: {seeds: 1}"

LATER = {
    "duplicate key",  # kubectl refuses these before anything is sent
    "key that is a boolean to kubectl",
    "octal",
    "more than 64 bits",
    "NUL",
    "not a number",
    "null in a list",  # the operator refuses what rules cannot see, or only dearly
    "weights do not fit",
    "cap too small",
    "leaves out what is not there",
    "recipe with another skill's generator",
    "recipe with a generator twice",
    "recipe with an unknown level",
    "recipe with a level that is no number",
    "recipe above the size",
    "recipe below the minimum",
    "one file of items twice",
    "number among the files of items",
}
"""Mistakes of the shared list that an API server does not find."""


class _Loader(yaml.SafeLoader):
    """Reads days as text, as kubectl does."""


_Loader.yaml_implicit_resolvers = {
    first: [each for each in known if each[0] != "tag:yaml.org,2002:timestamp"]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _admit(text: str) -> Admitted:
    return admit(SCHEMA, yaml.load(text, _Loader))


def _mounted(text: str) -> Document:
    """The document as the operator mounts it: the server's version of what was applied."""
    admitted = _admit(text)
    assert admitted.refusals == ()
    stored = {key: value for key, value in admitted.object.items() if key != "status"}
    return loads(yaml.safe_dump(stored, sort_keys=False), source="mounted.yaml", base_dir=Path("/nowhere"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_is_mounted_means_what_was_applied(path: Path) -> None:
    assert _mounted(path.read_text(encoding="utf-8")).spec.canonical() == load(path).spec.canonical()


def test_defaults_are_filled_in_for_those_who_look() -> None:
    stored = _admit(VALID).object
    assert stored["status"] == {"observedGeneration": 0}
    assert stored["spec"]["suspend"] is False
    assert stored["spec"]["compute"]["startDeadline"] == "1800s"
    assert stored["spec"]["dataset"]["gates"]["duplicates"] == {"enabled": True, "threshold": 0.8}
    assert "cap" not in stored["spec"]["engineer"], "another kind of engineer has no such field"


def test_nulls_that_say_something_stay_and_others_go() -> None:
    gates = "minimum: 10\n    gates: {duplicates: {threshold: null}, balance: {maxShare: null}}"
    text = edit("minimum: 10", gates)
    dataset = _admit(text).object["spec"]["dataset"]["gates"]
    assert (dataset["duplicates"]["threshold"], dataset["balance"]) == (None, {})
    assert _mounted(text).spec.spec.dataset.gates.duplicates.threshold is None


def test_a_teacher_whose_temperature_is_not_written_stays_silent_about_it() -> None:
    """The ceiling asks such a teacher greedily; a default that the server wrote would change it."""
    teacher = _mounted(
        (ROOT / "specs" / "finance.yaml").read_text().replace("temperature: 0.7, ", "")
    ).spec.spec.teacher
    assert isinstance(teacher, OpenAITeacher)
    assert "temperature" not in teacher.sampling.model_fields_set


def _refusable() -> list[Any]:
    rows = []
    for row in BAD:
        text = row["text"] if "text" in row else edit(row["replace"], row["with"]) if "replace" in row else VALID
        if row["path"].startswith("spec.") and row["name"] not in LATER:
            rows.append(pytest.param(text, row["path"], id=row["name"].replace(" ", "-")))
    return rows


@pytest.mark.parametrize(("text", "path"), _refusable())
def test_mistakes_are_refused_where_they_are(text: str, path: str) -> None:
    """At the very key, or at the list or mapping that holds it."""
    refusals = _admit(text).refusals
    assert refusals
    assert all(refusal.message for refusal in refusals)
    found = [refusal.path for refusal in refusals]
    # At least a section of a section: `spec` alone would tell nobody anything.
    assert [
        at for at in found if at == path or at.startswith(f"{path}[") or (at.count(".") > 1 and path.startswith(at))
    ]


def test_most_mistakes_of_the_shared_list_are_refused() -> None:
    assert len(_refusable()) >= 70
    assert {row["name"] for row in BAD} >= LATER


@pytest.mark.parametrize("name", sorted(LATER))
def test_what_is_left_to_others_is_left_on_purpose(name: str) -> None:
    """When a rule finds it after all, it leaves the list above."""
    (row,) = [row for row in BAD if row["name"] == name]
    assert _admit(edit(row["replace"], row["with"])).refusals == ()


@pytest.mark.parametrize(
    ("old", "new", "path", "says"),
    [
        ("kind: heuristic", "kind: llm", "spec.engineer.model", "needs `model`; add `model: \"gpt-5.2\"`"),
        ("explore: 0.25", "recipe: {skills: []}", "spec.engineer.recipe.skills", ""),
        ("explore: 0.25", "model: gpt", "spec.engineer.model", "goes with `kind: llm` only; remove it"),
        ("scorer: {kind: numeric}", "scorer: {kind: json}", "spec.task.scorer.fields", "needs `fields`"),
        ("a: {kind: number, low: 1, high: 500}", "c: {kind: number, low: 1}", "spec.teacher.values.c.high", "`high`"),
        ("a: {kind: number, low: 1, high: 500}", "c: {kind: date, of: [1]}", "spec.teacher.values.c", ""),
        ("kind: procedural", "kind: pool", "spec.teacher.uri", "needs `uri`"),
        ("kind: procedural", "kind: pool", "spec.teacher.generators", "`kind: procedural` or `kind: openai` only"),
        ("storage: {uri: runs}", "storage: {uri: 'memory://x'}", "spec.storage.uri", "lost with the driver's pod"),
        ("storage: {uri: runs}", "storage: {uri: 'https://x/y'}", "spec.storage.uri", "cannot be a storage root"),
        ("name: sums", f"name: s{'u' * 40}", "", "longer than 40 characters; shorten it"),
        ("name: sums", "name: 3sums", "", "must begin with a letter"),
        (SECTION, "  compute: {backoffLimit: -1}", "spec.compute.backoffLimit", ""),
        ("maxNewTokens: 16", "engine: vllm", "spec.student.inference.engine", "not yet"),
        ("rows: 400", "gpuHours: 3", "spec.budget.gpuHours", "`wallClock` limits"),
        (SECTION, "  evaluation: {controls: {oneShot: true}}\n  seed: -1", "spec.seed", ""),
        (SECTION, "  evaluation: {controls: {distillation: true}}", "spec.evaluation.controls.distillation", "remove"),
    ],
)  # fmt: skip
def test_reasons_name_the_field_and_the_mend(old: str, new: str, path: str, says: str) -> None:
    refusals = _admit(edit(old, new)).refusals
    assert [refusal for refusal in refusals if refusal.path == path and says.split("; ")[-1] in refusal.message], (
        refusals
    )


@pytest.mark.parametrize("uri", ["runs", "/data/runs", "file:///data", "s3://b/p", "gs://b", "abfs://c/p"])
def test_storage_that_outlives_a_pod_is_taken(uri: str) -> None:
    assert _admit(edit("storage: {uri: runs}", f"storage: {{uri: '{uri}'}}")).refusals == ()


def test_a_cluster_has_suspension_and_approvals() -> None:
    assert _admit(edit(SECTION, "  suspend: true\n  approval: {required: [train], granted: [train]}")).refusals == ()
