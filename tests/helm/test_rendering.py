"""The chart renders with its defaults and with every value changed, and what it renders Kubernetes would take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import helm_python as helm
import pytest
import yaml

import preceptor
from preceptor_operator import names
from preceptor_operator.settings import Settings
from support.charts import CHART, NAMESPACE, defaults, faults, one, pod, render, render_files, unrestricted
from support.gitops import ARGOCD, flux_documents

FILES = CHART / "files"

CHANGED: dict[str, Any] = {
    "nameOverride": "other",
    "fullnameOverride": "other-name",
    "image.repository": "registry.example/preceptor-operator",
    "image.tag": "v9",
    "image.digest": "sha256:" + 64 * "0",
    "image.pullPolicy": "Always",
    "image.pullSecrets": ["registry"],
    "settings.imagePullPolicy": "Never",
    "settings.imagePullSecrets": ["registry"],
    "settings.storageRoot": "s3://bucket/runs",
    "settings.documentDirectory": "/documents",
    "settings.head.memory": "9Gi",
    "settings.generation.memory": "9Gi",
    "settings.training.memory": "9Gi",
    "settings.namespaces": ["team-a", "team-b"],
    "settings.election.namespace": "leases",
    "settings.election.duration": "3s",
    "serviceAccount.name": "somebody",
    "serviceAccount.annotations": {"a.example/role": "operator"},
    "driver.namespaces": ["team-a", "team-b"],
    "driver.annotations": {"a.example/role": "driver"},
    "metrics.service.annotations": {"a.example/scrape": "true"},
    "metrics.serviceMonitor.interval": "5m",
    "metrics.serviceMonitor.labels": {"release": "prometheus"},
    "networkPolicy.apiServerPorts": [8443],
    "networkPolicy.metricsFrom": [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    ],
    "podDisruptionBudget.minAvailable": "50%",
    "resources.requests.cpu": "1",
    "resources.requests.memory": "1Gi",
    "resources.limits.memory": "1Gi",
    "podSecurityContext.seccompProfile.type": "Localhost",
    "securityContext.capabilities.drop": ["NET_RAW", "ALL"],
    "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
    "podAnnotations": {"a.example/b": "c"},
    "podLabels": {"a.example/b": "c"},
    "commonLabels": {"team": "models"},
    "priorityClassName": "system-cluster-critical",
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
    ],
}
"""Another value for each that has no plain one: booleans are turned, numbers raised, other texts lengthened."""

BESIDE: dict[str, dict[str, Any]] = {
    "crds.keep": {},
    "serviceAccount.create": {"serviceAccount": {"name": "pre-preceptor"}},
    "metrics.serviceMonitor": {"metrics": {"serviceMonitor": {"enabled": True}}},
    "networkPolicy": {"networkPolicy": {"enabled": True}},
    "podDisruptionBudget": {"podDisruptionBudget": {"enabled": True}},
}
"""What must be set for a value to count, by the value or the part that it belongs to."""

FREE = {
    "serviceAccount.create",  # the account is somebody else's then, and nothing but it is missing
    "driver.create",
}


def _leaves(part: Any, path: str = "") -> dict[str, Any]:
    if isinstance(part, dict) and part:
        return {key: value for name, below in part.items() for key, value in _leaves(below, f"{path}.{name}").items()}
    return {path.removeprefix("."): part}


def _nested(path: str, value: Any) -> dict[str, Any]:
    first, _, rest = path.partition(".")
    return {first: _nested(rest, value) if rest else value}


def _merged(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    return left | {
        key: _merged(left[key], value) if isinstance(value, dict) and isinstance(left.get(key), dict) else value
        for key, value in right.items()
    }


def _other(path: str, value: Any) -> Any:
    if path in CHANGED:
        return CHANGED[path]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    assert isinstance(value, str), f"say in CHANGED what `{path}` may be instead of {value!r}"
    assert value, f"say in CHANGED what `{path}` may be instead of nothing"
    return value + "-other"


LEAVES = _leaves(defaults())


def test_the_chart_is_clean() -> None:
    report = helm.lint(CHART, strict=True)
    assert report["errors"] == []
    assert [found for found in report["messages"] if found["severity"] > 1] == []


def test_the_chart_has_the_packages_version() -> None:
    with helm.Chart.load(CHART) as chart:
        assert chart.version == chart.metadata["appVersion"] == preceptor.__version__


def test_defaults_make_sound_objects() -> None:
    objects = render()
    assert faults(objects) == []
    assert unrestricted(pod(objects)) == []
    assert sorted(each["kind"] for each in objects) == sorted(
        "ClusterRole ClusterRole ClusterRole ClusterRoleBinding ConfigMap CustomResourceDefinition Deployment "
        "Role Role RoleBinding RoleBinding Service ServiceAccount ServiceAccount".split()
    )


@pytest.mark.parametrize("path", LEAVES)
def test_every_value_changes_something_and_breaks_nothing(path: str) -> None:
    needed: dict[str, Any] = next((given for part, given in BESIDE.items() if path.startswith(part)), {})
    # The CRD takes longest to render and depends on few values.
    small = {} if path.startswith(("crds.", "commonLabels", "nameOverride")) else {"crds": {"install": False}}
    before = small if path.endswith(".enabled") else small | needed
    other = _merged(small | needed, _nested(path, _other(path, LEAVES[path])))
    objects = render(other)
    assert objects != render(before)
    missing = [fault for fault in faults(objects) if path not in FREE or "ServiceAccount" not in fault]
    assert missing == []
    if not path.startswith(("podSecurityContext.runAs", "securityContext.allow")):
        assert unrestricted(pod(objects)) == []


def test_everything_at_once() -> None:
    """All that a large installation would use together."""
    values: dict[str, Any] = {
        "replicas": 3,
        "settings": {"namespaces": ["team-a"], "storageRoot": "s3://bucket/runs"},
        "metrics": {"serviceMonitor": {"enabled": True}},
        "networkPolicy": {"enabled": True},
        "podDisruptionBudget": {"enabled": True},
    }
    assert faults(render(values)) == []


def test_the_gitops_examples_install() -> None:
    application = yaml.safe_load((ARGOCD / "application.yaml").read_text(encoding="utf-8"))
    release = flux_documents()["HelmRelease"]
    for values in (application["spec"]["source"]["helm"]["valuesObject"], release["spec"]["values"]):
        assert faults(render(values)) == []


def test_the_settings_are_what_the_operator_reads() -> None:
    text = one(render(), "ConfigMap")["data"]["settings.yaml"]
    assert Settings.model_validate(yaml.safe_load(text), strict=False) == Settings()
    changed = {"settings": {"clusterTtlSeconds": 10_000_000, "namespaces": ["a"], "election": {"duration": "1m30s"}}}
    read = Settings.model_validate(yaml.safe_load(one(render(changed), "ConfigMap")["data"]["settings.yaml"]))
    assert (read.cluster_ttl_seconds, read.namespaces, read.election.duration) == (10_000_000, ("a",), 90)


def test_settings_are_mounted_where_the_operator_is_told() -> None:
    container = pod(render())["spec"]["containers"][0]
    command, _, path = container["args"]
    assert (command, container["args"][1]) == ("run", "--settings")
    mount = next(mount for mount in container["volumeMounts"] if mount["name"] == "settings")
    assert Path(path).parent == Path(mount["mountPath"])
    assert Path(path).name in one(render(), "ConfigMap")["data"]


def test_other_settings_make_other_pods_and_the_same_do_not() -> None:
    first, second = (pod(render())["metadata"]["annotations"]["checksum/settings"] for _ in range(2))
    other = pod(render({"settings": {"jsonLogs": False}}))["metadata"]["annotations"]["checksum/settings"]
    assert first == second != other


def test_the_image_by_digest_wins() -> None:
    digest = "sha256:" + 64 * "a"
    values = {"image": {"repository": "registry.example/operator", "tag": "v9"}}
    assert pod(render(values))["spec"]["containers"][0]["image"] == "registry.example/operator:v9"
    values["image"]["digest"] = digest
    assert pod(render(values))["spec"]["containers"][0]["image"] == f"registry.example/operator@{digest}"


@pytest.mark.parametrize("keep", [True, False])
def test_the_crd_is_the_generated_one(keep: bool) -> None:
    """Nothing of it is lost on the way through Helm, whose YAML knows no integers above 2^53."""
    rendered = one(render({"crds": {"keep": keep}}), "CustomResourceDefinition")
    generated = yaml.safe_load((FILES / "crd.yaml").read_text(encoding="utf-8"))
    assert rendered["metadata"]["name"] == names.CRD
    assert rendered["spec"] == generated["spec"]
    policy = rendered["metadata"].get("annotations", {}).get("helm.sh/resource-policy")
    assert policy == ("keep" if keep else None)
    assert generated["metadata"].get("annotations", {}).items() <= rendered["metadata"].get("annotations", {}).items()


def test_the_crd_may_be_left_to_others() -> None:
    assert [each for each in render({"crds": {"install": False}}) if each["kind"] == "CustomResourceDefinition"] == []


def test_one_namespace_needs_no_cluster_wide_rights() -> None:
    objects = render({"settings": {"namespaces": ["team-a", "team-b"]}, "rbac": {"aggregate": False}})
    assert [each for each in objects if each["kind"].startswith("ClusterRole")] == []
    for namespace in ("team-a", "team-b"):
        assert one(objects, "RoleBinding", "pre-preceptor", namespace)["subjects"] == [
            {"kind": "ServiceAccount", "name": "pre-preceptor", "namespace": NAMESPACE}
        ]
        assert one(objects, "ServiceAccount", "preceptor-driver", namespace)


def test_runs_may_be_where_the_operator_watches_or_where_it_is_said() -> None:
    def places(values: dict[str, Any]) -> set[str]:
        found = [each for each in render(values) if each["metadata"]["name"] == "preceptor-driver"]
        assert {each["kind"] for each in found} == {"ServiceAccount", "Role", "RoleBinding"}
        return {each["metadata"]["namespace"] for each in found}

    assert places({}) == {NAMESPACE}
    assert places({"settings": {"namespaces": ["a", "b"]}}) == {"a", "b"}
    assert places({"settings": {"namespaces": ["a", "b"]}, "driver": {"namespaces": ["c"]}}) == {"c"}


def test_without_election_an_operator_ends_before_the_next_begins() -> None:
    objects = render({"settings": {"election": {"enabled": False}}})
    assert one(objects, "Deployment")["spec"]["strategy"] == {"type": "Recreate"}
    assert [each for each in objects if each["metadata"]["name"].endswith("-election")] == []


def test_ports_that_are_off_are_nowhere() -> None:
    objects = render({"settings": {"metricsPort": 0, "probePort": 0}, "networkPolicy": {"enabled": True}})
    assert faults(objects) == []
    container = pod(objects)["spec"]["containers"][0]
    assert container.keys() & {"ports", "livenessProbe", "readinessProbe"} == set()
    assert [each for each in objects if each["kind"] == "Service"] == []
    assert "ingress" not in one(objects, "NetworkPolicy")["spec"]


def test_nobody_may_read_secrets() -> None:
    for values in ({}, {"settings": {"namespaces": ["a"]}}):
        for each in render(values):
            for rule in each.get("rules", ()):
                assert "secrets" not in rule["resources"]
                assert "*" not in (*rule["resources"], *rule["verbs"], *rule["apiGroups"])


def test_long_release_names_fit() -> None:
    for release in ("preceptor", "a" * 53):
        objects = render(release=release)
        assert faults(objects) == []
        expected = "preceptor" if release == "preceptor" else "a" * 50
        assert one(objects, "Deployment")["metadata"]["name"] == expected
    assert one(render({"fullnameOverride": "preceptor"}), "Deployment")["metadata"]["name"] == "preceptor"


def test_the_notes_say_what_to_do_and_what_stays() -> None:
    notes = render_files()["NOTES.txt"]
    assert "storageRoot is not set" in notes
    assert f"Runs may be in: {NAMESPACE}" in notes
    assert f"kubectl delete crd {names.CRD}" in notes
    other = render_files({"settings": {"storageRoot": "s3://b", "namespaces": ["a", "b"]}, "crds": {"keep": False}})[
        "NOTES.txt"
    ]
    assert "storageRoot" not in other
    assert "Runs may be in: a, b" in other
    assert "It also removes the CustomResourceDefinition" in other
