"""The objects of an attempt: valid for KubeRay, fit for a restricted namespace, and saying what the document says."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft4Validator

from preceptor.spec.document import Specialization
from preceptor.spec.load import load, loads
from preceptor_operator.manifests import Wanted, budget_digest, config_map, ray_job
from preceptor_operator.settings import Settings
from preceptor_operator.storing import StorageNotSharedError
from support.attempts import SETTINGS, sums
from support.charts import ROOT
from support.structural import KNOWN

SCHEMA = json.loads((ROOT / "tests/contracts/kuberay/rayjob-v1.schema.json").read_text())["openAPIV3Schema"]
SHIPPED = sorted(path for path in [*ROOT.glob("specs/*.yaml"), ROOT / "specs/cluster/finance-reasoning.yaml"])


def wanted(document: Specialization | None = None, **more: Any) -> Wanted:
    return Wanted(**{"document": document or sums(), "name": "sums", "namespace": "lab", "attempt": 2} | more)


def job_of(document: Specialization | None = None, settings: Settings = SETTINGS, **more: Any) -> Any:
    return ray_job(wanted(document, uid="u-1", **more), settings)


def faults(job: Any) -> list[str]:
    """What KubeRay's schema says against a RayJob, unknown fields included."""
    closed = _closed(SCHEMA)
    return [f"{list(error.absolute_path)}: {error.message}" for error in Draft4Validator(closed).iter_errors(job)]


def _closed(part: Any) -> Any:
    if isinstance(part, list):
        return [_closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    made = {key: _closed(value) for key, value in part.items()}
    if isinstance(part.get("properties"), dict) and "type" in part and set(part) <= KNOWN | {"x-kubernetes-map-type"}:
        made.setdefault("additionalProperties", bool(part.get("x-kubernetes-preserve-unknown-fields")))
    if part.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
    return made


def pods(job: Any) -> Iterator[Any]:
    yield job["spec"]["submitterPodTemplate"]["spec"]
    cluster = job["spec"]["rayClusterSpec"]
    for group in [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]:
        yield group["template"]["spec"]


FULL = {
    "teacher": {
        "kind": "openai",
        "model": "big",
        "endpoint": {"baseUrl": "http://teacher:8000/v1", "apiKey": {"secret": {"name": "keys", "key": "teacher"}}},
        "generators": {"sums": {"kind": "reasoning-gym", "dataset": "chain_sum"}},
    },
    "student": {"model": "some/student", "training": {"workers": 2, "batchSize": 8, "gpusPerWorker": 1}},
    "storage": {"uri": "/data/runs"},
    "compute": {
        "image": "mine:1",
        "queue": "team",
        "priorityClass": "low",
        "serviceAccount": "runner",
        "secrets": ["storage"],
        "volumes": [{"claim": "data", "path": "/data"}, {"claim": "models", "path": "/models", "readOnly": True}],
        "nodeSelector": {"pool": "gpu"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "managedBy": "kueue.x-k8s.io/multikueue",
        "startDeadline": "10m",
    },
}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_documents_make_ray_jobs_that_kuberay_takes(path: Path) -> None:
    document = load(path).spec
    job = ray_job(wanted(document, name=document.name, uid="u-1"), SETTINGS)
    assert faults(job) == []


def test_the_check_against_kuberays_schema_can_fail() -> None:
    job = job_of()
    job["spec"]["backoffLimits"] = 0
    job["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["imagePullSecret"] = "x"
    assert len(faults(job)) == 2


def test_everything_a_document_can_ask_for_is_in_its_ray_job() -> None:
    job = job_of(sums(**FULL))
    assert faults(job) == []
    assert job["spec"]["entrypoint"] == "preceptor drive /opt/preceptor/specs/sums.yaml"
    assert job["spec"]["managedBy"] == "kueue.x-k8s.io/multikueue"
    assert job["spec"]["preRunningDeadlineSeconds"] == 600
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team"
    assert "suspend" not in job["spec"]
    ray_pods = list(pods(job))[1:]
    for pod in pods(job):
        assert pod["priorityClassName"] == "low"
        assert pod["nodeSelector"] == {"pool": "gpu"}
        assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
        assert [container["image"] for container in pod["containers"]] == ["mine:1"]
    for pod in ray_pods:
        (container,) = pod["containers"]
        assert pod["serviceAccountName"] == "runner"
        secret = {"secretKeyRef": {"name": "keys", "key": "teacher"}}
        assert {"name": "PRECEPTOR_SECRET_KEYS_TEACHER", "valueFrom": secret} in container["env"]
        assert container["envFrom"] == [{"secretRef": {"name": "storage"}}]
        mounts = {mount["mountPath"]: mount.get("readOnly", False) for mount in container["volumeMounts"]}
        assert mounts["/data"] is False
        assert mounts["/models"] is True


def test_the_submitter_has_neither_secrets_nor_rights() -> None:
    submitter = next(pods(job_of(sums(**FULL))))
    assert submitter["automountServiceAccountToken"] is False
    (container,) = submitter["containers"]
    assert not {"env", "envFrom", "volumeMounts"} & set(container)


def test_one_attempt_is_one_try_and_cleans_up_after_itself() -> None:
    spec = job_of()["spec"]
    assert (spec["backoffLimit"], spec["shutdownAfterJobFinishes"], spec["ttlSecondsAfterFinished"]) == (0, True, 300)


def test_pods_fit_a_restricted_namespace() -> None:
    for pod in pods(job_of(sums(**FULL))):
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


def test_the_driver_has_the_head_to_itself_and_generation_autoscales() -> None:
    cluster = job_of()["spec"]["rayClusterSpec"]
    assert cluster["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0"}
    assert cluster["enableInTreeAutoscaling"] is True
    (generation,) = cluster["workerGroupSpecs"]
    assert (generation["minReplicas"], generation["maxReplicas"]) == (1, 4)


def test_a_student_on_gpus_gets_a_group_that_costs_nothing_while_idle() -> None:
    job = job_of(sums(student=FULL["student"]))
    training = job["spec"]["rayClusterSpec"]["workerGroupSpecs"][1]
    assert (training["replicas"], training["minReplicas"], training["maxReplicas"]) == (0, 0, 2)
    assert training["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert training["rayStartParams"]["num-gpus"] == "1"


@pytest.mark.parametrize("where", ["document", "label"])
def test_a_queue_admits_a_cluster_of_fixed_size(where: str) -> None:
    compute = {"queue": "team"} if where == "document" else {}
    labels = {"kueue.x-k8s.io/queue-name": "team"} if where == "label" else {}
    job = job_of(sums(student=FULL["student"], compute=compute), labels=labels)
    cluster = job["spec"]["rayClusterSpec"]
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team"
    assert cluster["enableInTreeAutoscaling"] is False
    assert "autoscalerOptions" not in cluster
    sizes = [(group["replicas"], group["minReplicas"], group["maxReplicas"]) for group in cluster["workerGroupSpecs"]]
    assert sizes == [(1, 1, 1), (2, 2, 2)]


def test_the_head_knows_whose_status_the_driver_writes() -> None:
    head = job_of()["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
    env = {entry["name"]: entry.get("value") for entry in head["containers"][0]["env"]}
    assert env == {
        "PRECEPTOR_NAMESPACE": "lab",
        "PRECEPTOR_NAME": "sums",
        "PRECEPTOR_UID": "u-1",
        "PRECEPTOR_ATTEMPT": "2",
        "PRECEPTOR_WORKER_RESOURCE": "preceptor",
        "PRECEPTOR_WORKER_CPUS": "8",
    }


@pytest.mark.parametrize(
    ("groups", "cpus"),
    [
        ([{"name": "a", "replicas": 3, "cpus": 4}], 12),
        ([{"name": "a", "replicas": 1, "minReplicas": 0, "maxReplicas": 5, "cpus": 2}], 10),
        ([{"name": "a", "replicas": 2, "cpus": 2}, {"name": "g", "replicas": 8, "cpus": 8, "gpus": 1}], 4),
        ([{"name": "g", "replicas": 2, "cpus": 8, "gpus": 1}], 16),
    ],
)
def test_the_driver_knows_the_cpus_of_a_grown_cluster(groups: list[dict[str, Any]], cpus: int) -> None:
    job = job_of(sums(compute={"workerGroups": groups}))
    head = job["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
    env = {entry["name"]: entry.get("value") for entry in head["containers"][0]["env"]}
    assert env["PRECEPTOR_WORKER_CPUS"] == str(cpus)


def test_workers_have_what_keeps_work_away_from_the_head() -> None:
    cluster = job_of()["spec"]["rayClusterSpec"]
    assert "resources" not in cluster["headGroupSpec"]["rayStartParams"]
    (group,) = cluster["workerGroupSpecs"]
    (word,) = shlex.split(group["rayStartParams"]["resources"])  # as in `ray start --resources=...`
    assert json.loads(word) == {"preceptor": 1000}


def test_children_name_their_owner_and_not_the_users_labels() -> None:
    for child in (config_map(wanted(uid="u-1", labels={"app.kubernetes.io/instance": "argo"})), job_of()):
        metadata = child["metadata"]
        (owner,) = metadata["ownerReferences"]
        assert (owner["uid"], owner["controller"]) == ("u-1", True)
        assert "app.kubernetes.io/instance" not in metadata["labels"]
        assert metadata["labels"]["preceptor.dev/attempt"] == "2"
    assert "ownerReferences" not in config_map(wanted())["metadata"]


def test_the_mounted_document_says_what_was_written(tmp_path: Path) -> None:
    document = load(ROOT / "specs/quickstart.yaml").spec
    metadata = document.metadata.model_copy(
        update={"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "team": "y"}}
    )
    document = document.model_copy(update={"metadata": metadata})
    made = config_map(wanted(document, name=document.name))
    (text,) = made["data"].values()
    again = loads(text, source="again", base_dir=tmp_path).spec
    assert again.spec == document.spec
    assert again.spec.model_dump(exclude_unset=True) == document.spec.model_dump(exclude_unset=True)
    assert again.metadata.annotations == {"team": "y"}
    assert again.metadata.namespace == "lab"
    assert list(made["data"]) == [f"{document.name}.yaml"]
    head = ray_job(wanted(document, name=document.name), SETTINGS)["spec"]["rayClusterSpec"]["headGroupSpec"]
    mount = head["template"]["spec"]["containers"][0]["volumeMounts"][0]
    assert (mount["mountPath"], mount["subPath"]) == (
        f"/opt/preceptor/specs/{document.name}.yaml",
        f"{document.name}.yaml",
    )
    assert head["template"]["spec"]["volumes"][0]["configMap"]["name"] == made["metadata"]["name"]
    assert yaml.safe_load(text)["metadata"]["name"] == document.name


def test_another_document_is_another_config_map_and_another_budget_another_label() -> None:
    larger = sums(budget={"iterations": 4})
    assert config_map(wanted())["metadata"]["name"] == config_map(wanted())["metadata"]["name"]
    assert config_map(wanted())["metadata"]["name"] != config_map(wanted(larger))["metadata"]["name"]
    assert budget_digest(sums().spec.budget) != budget_digest(larger.spec.budget)
    assert job_of(larger)["metadata"]["labels"]["preceptor.dev/budget"] == budget_digest(larger.spec.budget)


@pytest.mark.parametrize(
    ("uri", "root", "volumes", "expected"),
    [
        ("runs", "s3://bucket/lab/", [], "s3://bucket/lab/runs"),
        ("s3://other/x", None, [], "s3://other/x"),
        ("runs", "/data", [{"claim": "data", "path": "/data"}], "/data/runs"),
        ("/data/runs", None, [{"claim": "data", "path": "/data"}], "/data/runs"),
        ("file:///data/runs", None, [{"claim": "data", "path": "/data"}], "file:///data/runs"),
        ("runs", None, [], None),
        ("runs", "/data", [], None),
        ("/data/runs", None, [{"claim": "data", "path": "/data", "readOnly": True}], None),
        ("/database", None, [{"claim": "data", "path": "/data"}], None),
        ("/data/../tmp", None, [{"claim": "data", "path": "/data"}], None),
    ],
)
def test_storage_outlives_the_pods(uri: str, root: str | None, volumes: Any, expected: str | None) -> None:
    document = sums(storage={"uri": uri}, compute={"volumes": volumes})
    settings = Settings(storage_root=root)
    if expected is None:
        with pytest.raises(StorageNotSharedError, match="mend: "):
            job_of(document, settings)
        return
    entrypoint = job_of(document, settings)["spec"]["entrypoint"]
    stored = f" --storage {expected}" if expected != uri else ""
    assert entrypoint == f"preceptor drive /opt/preceptor/specs/sums.yaml{stored}"
