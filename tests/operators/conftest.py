"""A cluster for the tests of this folder: a test API server with our definition, and kubectl for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.apiserver.server import ApiServer
from support.charts import ROOT
from support.kubectl import Kubectl
from support.kuberay import KubeRay
from support.operating import Operating, driver_directory

CRD = ROOT / "helm" / "preceptor" / "files" / "crd.yaml"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """A running API server that knows Specializations, with a namespace `lab`."""
    with ApiServer((CRD,)) as running:
        lab = {"metadata": {"name": "lab"}}
        running.within(lambda: running.store.create(running.store.shelf("", "namespaces"), "", lab))
        yield running


@pytest.fixture
def kubectl(server: ApiServer, tmp_path: Path) -> Kubectl:
    """Unmodified kubectl for it, in the namespace `lab`."""
    return server.kubectl(tmp_path, "lab")


@pytest.fixture
def lab(server: ApiServer, kubectl: Kubectl, tmp_path: Path) -> Iterator[Operating]:
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
