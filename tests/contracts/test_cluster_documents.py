"""The worked example under specs/cluster: it parses, plans, and its parts fit each other."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from lightkube import codecs

from preceptor.planning.plan import plan
from preceptor.spec.actors import LLMEngineer, OpenAITeacher
from preceptor.spec.document import KIND
from preceptor.spec.load import load

CLUSTER = Path(__file__).parents[2] / "specs" / "cluster"
FILES = sorted(path.name for path in CLUSTER.glob("*.yaml"))
DOCUMENTS = [name for name in FILES if f"kind: {KIND}\n" in (CLUSTER / name).read_text(encoding="utf-8")]
README = (CLUSTER / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What ``kubectl apply -k`` would send, by kind."""
    kubectl = shutil.which("kubectl")
    assert kubectl is not None, "kubectl is missing; .ci/run says how it is installed"
    environment = os.environ | {"KUBECONFIG": str(tmp_path_factory.mktemp("kube") / "config")}
    done = subprocess.run(
        [kubectl, "kustomize", str(CLUSTER)], capture_output=True, text=True, check=True, env=environment, timeout=60
    )
    return {found["kind"]: found for found in yaml.safe_load_all(done.stdout)}


def test_every_file_is_applied_or_said_to_be() -> None:
    listed = yaml.safe_load((CLUSTER / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    assert sorted([*listed, "kustomization.yaml", "namespace.yaml"]) == FILES
    assert "kubectl apply -f specs/cluster/namespace.yaml" in README


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_is_accepted_and_names_its_schema(name: str) -> None:
    document = load(CLUSTER / name)
    assert document.spec.name == name.removesuffix(".yaml")
    first = (CLUSTER / name).read_text(encoding="utf-8").splitlines()[0]
    schema = first.removeprefix("# yaml-language-server: $schema=")
    assert (CLUSTER / schema).resolve() == CLUSTER.parent / "specialization.schema.json"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_plans(name: str, tmp_path: Path) -> None:
    """Over local items instead of public ones, in local storage instead of the bucket."""
    benchmark = Path(__file__).parent / "benchmarks" / "finance.yaml"
    records = [case["record"] for case in yaml.safe_load(benchmark.read_text(encoding="utf-8"))]
    many = [
        {
            key: f"{value} {turn}" if key in ("question", "context", "question_id") else value
            for key, value in record.items()
        }
        for turn in range(10)
        for record in records
    ]
    (tmp_path / "items.json").write_text(json.dumps(many), encoding="utf-8")
    data = yaml.safe_load((CLUSTER / name).read_text(encoding="utf-8"))
    data["spec"]["task"]["items"]["uri"] = "items.json"
    (tmp_path / name).write_text(yaml.safe_dump(data), encoding="utf-8")
    planned = plan(load(tmp_path / name), storage=str(tmp_path / "runs"))
    assert (planned.name, planned.iterations) == (name.removesuffix(".yaml"), data["spec"]["budget"]["iterations"])
    assert sum(sum(split.values()) for split in planned.splits.values()) == len(many)


def test_kubernetes_knows_every_field(applied: dict[str, dict[str, Any]]) -> None:
    namespace = yaml.safe_load((CLUSTER / "namespace.yaml").read_text(encoding="utf-8"))
    for found in (namespace, *(found for kind, found in applied.items() if kind != KIND)):
        assert codecs.from_dict(copy.deepcopy(found)).to_dict() == found
    for found in applied.values():
        assert found["metadata"]["namespace"] == namespace["metadata"]["name"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_document_asks_the_teacher_that_is_there(name: str, applied: dict[str, dict[str, Any]]) -> None:
    spec = load(CLUSTER / name).spec.spec
    service, pod = applied["Service"], applied["Deployment"]["spec"]["template"]
    container = pod["spec"]["containers"][0]
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert applied["Deployment"]["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert isinstance(spec.teacher, OpenAITeacher)
    assert isinstance(spec.engineer, LLMEngineer)
    for asked in (spec.teacher, spec.engineer):
        url = urlsplit(str(asked.endpoint.base_url))
        assert (url.hostname, url.port) == (service["metadata"]["name"], service["spec"]["ports"][0]["port"])
        assert f"--served-model-name={asked.model}" in container["args"]
    assert f"--port={container['ports'][0]['containerPort']}" in container["args"]
    claims = {
        volume["persistentVolumeClaim"]["claimName"] for volume in pod["spec"]["volumes"] if "emptyDir" not in volume
    }
    assert claims == {applied["PersistentVolumeClaim"]["metadata"]["name"]}
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["spec"]["volumes"]}


def test_there_are_two_gpus_in_all(applied: dict[str, dict[str, Any]]) -> None:
    teacher = applied["Deployment"]["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"][
        "nvidia.com/gpu"
    ]
    groups = load(CLUSTER / "finance-reasoning.yaml").spec.spec.compute.worker_groups
    most = sum(group.gpus * (group.max_replicas or group.replicas) for group in groups)
    training = load(CLUSTER / "finance-reasoning.yaml").spec.spec.student.training
    assert (int(teacher), most) == (1, 1)
    assert training.workers * training.gpus_per_worker == most
    assert all(group.min_replicas == 0 for group in groups if group.gpus)


def test_secrets_are_named_and_explained_and_not_there(applied: dict[str, dict[str, Any]]) -> None:
    assert "Secret" not in applied
    spec = load(CLUSTER / "finance-reasoning.yaml").spec.spec
    made = dict(re.findall(r"create secret generic (\w+) \\\n((?:\s+--from-literal=.*\n?)+)", README))
    assert set(spec.compute.secrets) == set(made)
    container = applied["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    for entry in container["env"]:
        if "valueFrom" in entry:
            reference = entry["valueFrom"]["secretKeyRef"]
            assert f"--from-literal={reference['key']}=" in made[reference["name"]]
    assert isinstance(spec.teacher, OpenAITeacher)
    assert spec.teacher.endpoint.api_key is not None
    assert any(f"--from-literal={spec.teacher.endpoint.api_key.env}=" in literals for literals in made.values())
