"""The chart's values: equal to the operator's settings, and strict."""

from __future__ import annotations

import json
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import helm_python as helm
import pytest
from jsonschema import Draft7Validator

from preceptor_operator.settings import Settings
from support.charts import CHART, ROOT, defaults

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))

BAD = [
    ({"replica": 2}, "additional properties 'replica' not allowed"),
    ({"replicas": "two"}, "at '/replicas'"),
    ({"image": {"digest": "md5:1"}}, "at '/image/digest'"),
    ({"image": {"pullPolicy": "Sometimes"}}, "at '/image/pullPolicy'"),
    ({"settings": {"storage_root": "s3://b"}}, "at '/settings'"),
    ({"settings": {"head": {"gpus": 1}}}, "at '/settings/head'"),
    ({"settings": {"election": {"duration": 15}}}, "at '/settings/election/duration'"),
    ({"settings": {"training": {"cpus": 0}}}, "at '/settings/training/cpus'"),
    ({"settings": {"namespaces": ["Team_A"]}}, "at '/settings/namespaces/0'"),
    ({"settings": {"metricsPort": 70000}}, "at '/settings/metricsPort'"),
    ({"settings": {"election": {"enabled": False}}, "replicas": 2}, "at '/replicas'"),
    ({"serviceAccount": {"create": False}}, "at '/serviceAccount/name'"),
    ({"driver": {"namespaces": ["a", "a"]}}, "at '/driver/namespaces'"),
    ({"crds": {"keep": "yes"}}, "at '/crds/keep'"),
    ({"podDisruptionBudget": {"minAvailable": "half"}}, "at '/podDisruptionBudget/minAvailable'"),
    ({"networkPolicy": {"apiServerPorts": []}}, "at '/networkPolicy/apiServerPorts'"),
    ({"env": [{"value": "x"}]}, "at '/env/0'"),
    ({"resources": {"limit": {}}}, "at '/resources'"),
    ({"podLabels": {"a": 1}}, "at '/podLabels/a'"),
]


def test_settings_and_their_defaults_are_the_operators() -> None:
    assert defaults()["settings"] == Settings().model_dump(mode="json", by_alias=True)


def test_the_schema_of_settings_is_the_operators() -> None:
    found = spec_from_file_location("settings_schema", ROOT / "helm" / "settings_schema.py")
    assert found is not None
    assert found.loader is not None
    module = module_from_spec(found)
    found.loader.exec_module(module)
    assert SCHEMA["properties"]["settings"] == module.settings_schema(), "run python helm/settings_schema.py"


def test_the_schema_is_a_schema_and_takes_the_defaults() -> None:
    Draft7Validator.check_schema(SCHEMA)
    Draft7Validator(SCHEMA).validate(defaults())


def test_the_schema_knows_every_value_and_no_other() -> None:
    def compare(values: dict[str, Any], schema: dict[str, Any], path: str) -> None:
        if "properties" not in schema:
            assert schema.get("type") == "object", path
            return
        assert schema["additionalProperties"] is False, path
        assert values.keys() == schema["properties"].keys() - {"global", "claims"}, path
        for key, value in values.items():
            if isinstance(value, dict):
                compare(value, schema["properties"][key], f"{path}.{key}")

    compare(defaults(), SCHEMA, "values")


@pytest.mark.parametrize(("values", "message"), BAD, ids=[message for _, message in BAD])
def test_mistakes_are_refused_with_their_path(values: dict[str, Any], message: str) -> None:
    with helm.Chart.load(CHART) as chart, pytest.raises(helm.HelmValuesError) as refused:
        chart.validate_schema(values)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "values", [{"settings": {"storageRoot": None}}, {"podSecurityContext": {"runAsUser": None}}, {"global": {"a": 1}}]
)
def test_null_and_global_are_taken(values: dict[str, Any]) -> None:
    with helm.Chart.load(CHART) as chart:
        chart.validate_schema(values)
