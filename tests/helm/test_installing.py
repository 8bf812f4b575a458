"""The chart is installed, upgraded and uninstalled by Helm itself, against a test API server over HTTP."""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python as helm
import pytest
import yaml

from preceptor.spec.document import KIND
from preceptor_operator import names
from support.apiserver.api import start_api
from support.charts import CHART, RELEASE, ROOT, Object, defaults, render
from support.gitops import ARGOCD
from support.kubectl import Kubectl

NAMESPACE = "default"
CRD_PATH = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{names.CRD}"
RUNS = f"/apis/{names.GROUP}/{names.VERSION}/namespaces/{NAMESPACE}/{names.PLURAL}"
PATHS = {
    "ClusterRole": "apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "ConfigMap": "api/v1/namespaces/{}/configmaps",
    "CustomResourceDefinition": "apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "Deployment": "apis/apps/v1/namespaces/{}/deployments",
    "NetworkPolicy": "apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "PodDisruptionBudget": "apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "Role": "apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "Service": "api/v1/namespaces/{}/services",
    "ServiceAccount": "api/v1/namespaces/{}/serviceaccounts",
}


class Cluster:
    """A test API server and Helm's connection to it; releases are kept in Helm's memory."""

    def __init__(self, url: str, kubeconfig: Path, config: helm.Config) -> None:
        self.url = url
        self.kubeconfig = kubeconfig
        self.helm = config

    def get(self, path: str) -> Object | None:
        """An object by its path, ``None`` when it is not there."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                found: Object = json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return None
        return found

    def kubectl(self, *arguments: str, fed: str = "") -> str:
        """Run kubectl and return what it printed."""
        done = Kubectl(self.kubeconfig, self.kubeconfig.parent)(*arguments, stdin=fed)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def holds(self, each: Object) -> bool:
        """Whether an object of the chart is there."""
        return self.get(f"/{PATHS[each['kind']].format(NAMESPACE)}/{each['metadata']['name']}") is not None

    def install(self, values: dict[str, Any] | None = None, chart: Path = CHART, release: str = RELEASE) -> str:
        """Install and return the release's status."""
        status: str = self.helm.install(chart, release, values or {}, namespace=NAMESPACE, timeout=60)["status"]
        return status


def _changed(directory: Path, change: str) -> Path:
    """The chart as a later release might have it: with another CRD."""
    chart = directory / "later"
    shutil.copytree(CHART, chart)
    path = chart / "files" / "crd.yaml"
    crd = yaml.safe_load(path.read_text(encoding="utf-8"))
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"] = change
    path.write_text(yaml.safe_dump(crd), encoding="utf-8")
    return chart


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A server that knows nothing of us yet."""
    with start_api() as server:
        kubeconfig = server.kubeconfig(tmp_path / "kubeconfig")
        yield Cluster(
            server.url,
            kubeconfig,
            helm.Config(kubeconfig_path=kubeconfig, namespace=NAMESPACE, storage_driver="memory"),
        )


def test_an_installation_makes_what_was_rendered(cluster: Cluster) -> None:
    values = {"networkPolicy": {"enabled": True}, "podDisruptionBudget": {"enabled": True}}
    assert cluster.install(values) == "deployed"
    assert [each for each in render(values) if not cluster.holds(each)] == []


def test_an_upgrade_replaces_the_crd_and_restarts_the_operator(cluster: Cluster, tmp_path: Path) -> None:
    deployment = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{RELEASE}-preceptor"
    extra = {"networkPolicy": {"enabled": True}}
    cluster.install(extra)
    before = cluster.get(deployment)
    upgraded = cluster.helm.upgrade(
        _changed(tmp_path, "of a later release"), RELEASE, {"settings": {"jsonLogs": False}}, timeout=60
    )
    assert (upgraded["status"], upgraded["revision"]) == ("deployed", 2)
    crd, after = cluster.get(CRD_PATH), cluster.get(deployment)
    assert crd is not None
    assert before is not None
    assert after is not None
    assert crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"] == "of a later release"
    first, second = (each["spec"]["template"]["metadata"]["annotations"] for each in (before, after))
    assert first["checksum/settings"] != second["checksum/settings"]
    gone = [each for each in render(extra) if each["kind"] == "NetworkPolicy"]
    assert len(gone) == 1
    assert not cluster.holds(gone[0])


def test_an_uninstallation_keeps_the_crd_and_every_run(cluster: Cluster) -> None:
    cluster.install()
    cluster.kubectl("apply", "--namespace", NAMESPACE, "-f", str(ROOT / "specs" / "quickstart.yaml"))
    told = cluster.helm.uninstall(RELEASE, timeout=60)
    assert names.CRD in told["info"]
    left = [each["kind"] for each in render() if cluster.holds(each)]
    assert left == ["CustomResourceDefinition"]
    assert cluster.get(f"{RUNS}/quickstart") is not None
    assert cluster.install() == "deployed", "installed again under its name, the release takes up what it left"
    assert cluster.get(f"{RUNS}/quickstart") is not None


def test_without_keep_the_crd_goes(cluster: Cluster) -> None:
    cluster.install({"crds": {"keep": False}})
    assert cluster.get(CRD_PATH) is not None
    cluster.helm.uninstall(RELEASE, timeout=60)
    assert cluster.get(CRD_PATH) is None


def test_a_release_that_no_longer_brings_the_crd_leaves_it(cluster: Cluster) -> None:
    cluster.install()
    cluster.helm.upgrade(CHART, RELEASE, {"crds": {"install": False}}, timeout=60)
    assert cluster.get(CRD_PATH) is not None


def test_another_release_is_told_whose_the_crd_is(cluster: Cluster) -> None:
    cluster.install()
    with pytest.raises(helm.HelmReleaseError, match="invalid ownership metadata"):
        cluster.install(release="second")
    assert cluster.install({"crds": {"install": False}, "driver": {"create": False}}, release="second") == "deployed"


def test_bad_values_stop_before_anything_is_made(cluster: Cluster) -> None:
    with pytest.raises(helm.HelmError, match="/settings"):
        cluster.install({"settings": {"storage_root": "s3://b"}})
    assert [each for each in render() if cluster.holds(each)] == []
    assert defaults()["settings"]["storageRoot"] is None


def test_the_example_is_applied_as_its_readme_says(cluster: Cluster) -> None:
    cluster.kubectl("apply", "-f", str(ROOT / "specs" / "cluster" / "namespace.yaml"))
    cluster.install({"driver": {"namespaces": ["preceptor-runs"]}})
    assert cluster.get("/api/v1/namespaces/preceptor-runs/serviceaccounts/preceptor-driver") is not None
    printed = cluster.kubectl("apply", "-k", str(ROOT / "specs" / "cluster"))
    assert "specialization.preceptor.dev/finance-reasoning created" in printed
    again = cluster.kubectl("apply", "-k", str(ROOT / "specs" / "cluster"))
    # Defaults within the document's lists make kubectl patch what is there already; the server finds it the same.
    others = [line for line in again.splitlines() if not line.startswith("specialization")]
    assert {line.rpartition(" ")[2] for line in others} == {"unchanged"}
    printed = cluster.kubectl("get", "spz", "--all-namespaces", "--output=jsonpath={.items[*].metadata.generation}")
    assert printed == "1"


def test_argo_cds_configmap_gets_one_key_more(cluster: Cluster) -> None:
    """The command of helm/argocd/README.md: what is there already stays."""
    there: list[Object] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argocd"}},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "argocd-cm", "namespace": "argocd"},
            "data": {"url": "https://argo.example"},
        },
    ]
    apply = ("--namespace=argocd", "apply", "--server-side", "--filename=-")
    cluster.kubectl(*apply, "--field-manager=argocd", fed=yaml.safe_dump_all(there))
    key = f"resource.customizations.health.{names.GROUP}_{KIND}"
    script = f"--from-file={key}={ARGOCD / 'health.lua'}"
    made = cluster.kubectl(
        "--namespace=argocd", "create", "configmap", "argocd-cm", "--dry-run=client", "--output=yaml", script
    )
    cluster.kubectl(*apply, "--field-manager=preceptor-health", fed=made)
    found = cluster.get("/api/v1/namespaces/argocd/configmaps/argocd-cm")
    assert found is not None
    assert found["data"] == {"url": "https://argo.example", key: (ARGOCD / "health.lua").read_text(encoding="utf-8")}
    assert f"--from-file={key}=helm/argocd/health.lua" in (ARGOCD / "README.md").read_text(encoding="utf-8")
