"""The definition is one that an API server takes: structural, small, its rules affordable. The committed one is it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from preceptor.spec.document import Specialization
from preceptor.spec.schema import json_schema
from preceptor.spec.status import Status
from preceptor_operator.cli import main
from preceptor_operator.crd.manifest import crd, schema
from preceptor_operator.crd.rules import unused
from support.structural import ALL_COST, RULE_COST, cost, faults, known_to_rules, rules, unseen

COMMITTED = Path(__file__).parents[3] / "helm" / "preceptor" / "files" / "crd.yaml"


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return schema()


def test_the_committed_definition_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    main(["crd"])
    printed = capsys.readouterr().out
    assert printed == COMMITTED.read_text(encoding="utf-8")
    assert yaml.safe_load(printed) == crd()


def test_kubectl_can_note_it_in_an_annotation() -> None:
    """Client-side apply keeps the object as JSON in an annotation, which has 262,144 bytes."""
    assert len(json.dumps(crd()).encode()) < 200_000


def test_it_is_structural(made: dict[str, Any]) -> None:
    assert faults(made) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"type": ["object", "null"]}, "no type"),
        ({"$ref": "#/x"}, "$ref is not allowed"),
        ({"additionalProperties": False}, "may not be false"),
        ({"additionalProperties": {"type": "string"}}, "exclude one another"),
        ({"anyOf": [{"type": "object"}]}, "type may not stand within logic"),
        ({"not": {"properties": {"nowhere": {"maximum": 1}}}}, "nowhere is not described outside"),
        ({"required": ["nowhere"]}, "requires nowhere"),
        ({"exclusiveMinimum": 0}, "exclusiveMinimum is true or false"),
    ],
)
def test_the_check_finds_what_is_not_structural(made: dict[str, Any], change: dict[str, Any], says: str) -> None:
    broken = copy.deepcopy(made)
    broken["properties"]["spec"]["properties"]["dataset"] |= change
    found = faults(broken)
    assert any(says in fault for fault in found), found


def test_rules_are_affordable(made: dict[str, Any]) -> None:
    costs = {(at, rule["rule"]): often * cost(rule["rule"], part) for at, rule, part, often in rules(made)}
    assert [place for place, spent in costs.items() if spent > RULE_COST] == []
    assert sum(costs.values()) < ALL_COST


def test_rules_name_what_they_can_see(made: dict[str, Any]) -> None:
    found = list(rules(made))
    assert len(found) > 150
    for at, rule, part, _ in found:
        assert at or "self.metadata.name" in rule["rule"]
        if at:
            assert unseen(rule["rule"], part) == [], rule
        if "fieldPath" in rule:
            assert known_to_rules(part, rule["fieldPath"].lstrip(".")), rule
        assert "oldSelf" not in rule["rule"] or "[" not in at, "lists have no old entries to compare with"
        assert "\n" not in rule["message"]


def test_the_check_finds_what_rules_cannot_see(made: dict[str, Any]) -> None:
    task = made["properties"]["spec"]["properties"]["task"]
    assert unseen("self.items.uri.size() > 0", task) == [".items.uri"]
    assert unseen("self.items.answer.size() > 0", task) == []


def test_every_rule_and_limit_is_about_a_type_that_there_is() -> None:
    names = {name for type_ in (Specialization, Status) for name in json_schema(type_)["$defs"]}
    assert unused(names | {"Spec", "Status"}) == []
    assert unused((names | {"Spec", "Status"}) - {"Splits"}) == ["Splits"]


def test_names_and_columns() -> None:
    spec = crd()["spec"]
    assert (spec["names"]["shortNames"], spec["names"]["categories"]) == (["spz"], ["all"])
    (version,) = spec["versions"]
    assert version["subresources"] == {"status": {}}
    columns = version["additionalPrinterColumns"]
    assert [column["name"] for column in columns if "priority" not in column] == [
        "Phase",
        "Iteration",
        "Best",
        "Gain",
        "Spent",
        "Age",
    ]
    for column in columns:
        path = column["jsonPath"].lstrip(".")
        if path.startswith("status.") and "[" not in path:
            assert known_to_rules(version["schema"]["openAPIV3Schema"], path), path


def test_a_new_object_has_a_status(made: dict[str, Any]) -> None:
    """Without one, GitOps tools would take it for settled before the operator has seen it."""
    status = made["properties"]["status"]
    assert status["default"] == {"observedGeneration": 0}
    assert [name for name, field in status["properties"].items() if "default" in field] == []
    assert status["properties"]["conditions"]["x-kubernetes-list-map-keys"] == ["type"]
    assert set(status["properties"]) >= {"phase", "progress", "spent", "best", "final", "rayJob", "conditions"}
