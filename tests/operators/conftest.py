"""A cluster for the tests of this folder: a test API server with our definition, and kubectl for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.apiserver.api import Api, start_api
from support.charts import ROOT
from support.kubectl import Kubectl
from support.kuberay import KubeRay
from support.operating import Operating, driver_directory

CRD = ROOT / "helm" / "preceptor" / "files" / "crd.yaml"


@pytest.fixture
def server() -> Iterator[Api]:
    """A running API server that knows Specializations, with a namespace `lab`."""
    with start_api(CRD) as running:
        running.create("", "namespaces", "", {"metadata": {"name": "lab"}})
        yield running


@pytest.fixture
def collecting(server: Api) -> None:
    """Skip a test of what goes with its owner where nobody does that."""
    if not server.collects:
        pytest.skip("a kube-apiserver without controllers collects nothing")


@pytest.fixture
def kubectl(server: Api, tmp_path: Path) -> Kubectl:
    """Unmodified kubectl for it, in the namespace `lab`."""
    return server.kubectl(tmp_path, "lab")


@pytest.fixture
def lab(server: Api, kubectl: Kubectl, tmp_path: Path) -> Iterator[Operating]:
    """A cluster in which operators can be started; KubeRay is not there yet."""
    operating = Operating(server, tmp_path, kubectl)
    yield operating
    operating.stop()


@pytest.fixture
def kuberay(lab: Operating) -> Iterator[KubeRay]:
    """KubeRay, with a stand-in for the driver."""
    path = f"{driver_directory(lab.folder)}:/usr/bin:/bin"
    with KubeRay(lab.server, lab.folder, environment={"PATH": path, "TEST_API": lab.server.url}) as running:
        yield running
