"""One contract for every adapter of the gateway to RayJobs, against the test API server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lightkube import Client
from typer.testing import CliRunner

from preceptor.cli import app
from preceptor.errors import UserError
from preceptor_operator.gateway import ConflictError, RayJobGateway, RefusedError, UnreachableError
from preceptor_operator.kuberay_gateway import KubeRayGateway
from preceptor_operator.lightkube_gateway import LightkubeGateway
from support.apiserver.api import Api
from support.apiserver.faults import Fault
from support.charts import ROOT


def ray_job(run: str = "sums") -> dict[str, Any]:
    labels = {"preceptor.dev/specialization": run, "preceptor.dev/attempt": "1"}
    metadata = {"name": "sums-1", "namespace": "lab", "labels": labels}
    return {"apiVersion": "ray.io/v1", "kind": "RayJob", "metadata": metadata, "spec": {"backoffLimit": 0}}


@pytest.fixture(params=["lightkube", "kuberay"])
def gateway(
    request: pytest.FixtureRequest, server: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RayJobGateway]:
    path = server.kubeconfig(tmp_path / "kubeconfig")
    monkeypatch.setenv("KUBECONFIG", str(path))
    if request.param == "lightkube":
        with Client() as client:
            yield LightkubeGateway(client)
        return
    made = KubeRayGateway()
    yield made
    made.close()


def test_a_ray_job_is_made_once_read_and_deleted(server: Api, gateway: RayJobGateway) -> None:
    assert gateway.read("lab", "sums-1") is None
    gateway.apply(ray_job())
    first = gateway.read("lab", "sums-1")
    gateway.apply(ray_job())
    assert first is not None
    assert first["spec"]["backoffLimit"] == 0
    assert gateway.read("lab", "sums-1") == first
    gateway.delete("lab", "sums-1")
    gateway.delete("lab", "sums-1")
    assert server.objects("ray.io", "rayjobs") == []


def test_a_strangers_ray_job_is_left_alone(gateway: RayJobGateway) -> None:
    gateway.apply(ray_job("other"))
    before = gateway.read("lab", "sums-1")
    with pytest.raises(ConflictError):
        gateway.apply(ray_job())
    assert gateway.read("lab", "sums-1") == before


CALLS: dict[str, Callable[[RayJobGateway], object]] = {
    "apply": lambda gateway: gateway.apply(ray_job()),
    "read": lambda gateway: gateway.read("lab", "sums-1"),
    "delete": lambda gateway: gateway.delete("lab", "sums-1"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("code", "error"), [(403, RefusedError), (429, UnreachableError), (500, UnreachableError), (503, UnreachableError)]
)
def test_what_the_server_refuses_is_an_error_of_ours(
    server: Api, gateway: RayJobGateway, call: str, code: int, error: type[Exception]
) -> None:
    server.faults.planned += [Fault(method, "/rayjobs", code, times=9) for method in ("GET", "POST", "PATCH", "DELETE")]
    with pytest.raises(error):
        CALLS[call](gateway)


def test_a_namespace_that_is_missing_is_the_users_to_mend(gateway: RayJobGateway) -> None:
    job = ray_job()
    job["metadata"]["namespace"] = "nowhere"
    with pytest.raises(RefusedError, match="nowhere"):
        gateway.apply(job)


def test_submit_makes_a_ray_job_and_the_document_that_goes_with_it(server: Api, tmp_path: Path) -> None:
    kubeconfig, settings = server.kubeconfig(tmp_path / "kubeconfig"), tmp_path / "settings.yaml"
    settings.write_text("{storageRoot: s3://bucket/lab}")
    command = ["submit", str(ROOT / "specs" / "quickstart.yaml"), "--settings", str(settings), "--namespace", "lab"]
    for _ in range(2):  # the second time everything is there
        done = CliRunner().invoke(app, [*command, "--kubeconfig", str(kubeconfig)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
    assert "kubectl get rayjob quickstart-1 --namespace lab --watch" in done.output
    (job,) = server.objects("ray.io", "rayjobs")
    (held,) = server.objects("", "configmaps")
    head = job["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
    assert head["volumes"][0]["configMap"]["name"] == held["metadata"]["name"]
    if server.collects:
        server.delete("ray.io", "rayjobs", "lab", "quickstart-1")
        assert server.objects("", "configmaps") == []


def test_a_client_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UserError, match="pip install --no-deps codeflare-sdk"):
        KubeRayGateway()
