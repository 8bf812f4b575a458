"""The driver's part of the status: what is told, who may be told, and an API server that is no help."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from preceptor.errors import (
    ApprovalError,
    BudgetError,
    DocumentError,
    EndpointDownError,
    FencedError,
    Problem,
    StorageDownError,
    StudentError,
)
from preceptor.kube.status import Errand, StatusWriter
from preceptor.kube.telling import exit_code, failed
from preceptor.spec.status import DriverStatus, Final, Spent
from support.apiserver.api import Api, start_api
from support.apiserver.faults import Fault
from support.attempts import sums
from support.charts import ROOT

FINAL = Final(attempt=1, exit_code=0, reason="Published")
PATH = "specializations/sums/status$"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with start_api(ROOT / "helm" / "preceptor" / "files" / "crd.yaml") as running:
        monkeypatch.setenv("KUBECONFIG", str(running.kubeconfig(tmp_path / "kubeconfig")))
        document = sums().model_dump(mode="json", by_alias=True, exclude_unset=True)
        running.create("preceptor.dev", "specializations", "default", document)
        yield running


def stored(server: Api) -> dict[str, object]:
    found = server.find("preceptor.dev", "specializations", "default", "sums")
    assert found is not None
    return {"uid": found["metadata"]["uid"], **found["status"]}


def errand(server: Api) -> Errand:
    return Errand("default", "sums", str(stored(server)["uid"]), 1)


def spent(tokens: int) -> DriverStatus:
    return DriverStatus(spent=Spent(tokens=tokens))


def test_what_is_newest_is_written_and_the_operators_part_left_alone(server: Api) -> None:
    count = iter(range(1, 10_000))
    writer = StatusWriter(errand(server), lambda: spent(next(count)), spacing=0.02)
    writer.start()
    end = time.monotonic() + 10
    while "spent" not in stored(server) and time.monotonic() < end:
        time.sleep(0.01)
    writer.finish(FINAL)
    status = stored(server)
    assert status["final"] == {"attempt": 1, "exitCode": 0, "reason": "Published", "message": ""}
    assert "tokens" in status["spent"]  # type: ignore[operator]
    assert status["observedGeneration"] == 0


def test_the_last_word_is_tried_until_it_is_written(server: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("preceptor.kube.status.RETRY_SECONDS", 0.01)
    server.faults.planned += [Fault("PATCH", PATH, 500, times=2), Fault("PATCH", PATH, 0, times=2)]
    StatusWriter(errand(server), lambda: None).finish(FINAL)
    assert stored(server)["final"]


def test_an_object_made_anew_under_the_same_name_is_not_written_to(server: Api) -> None:
    other = Errand("default", "sums", "an-earlier-uid", 1)
    began = time.monotonic()
    StatusWriter(other, lambda: spent(1)).finish(FINAL)
    assert time.monotonic() - began < 5  # another try would be answered alike
    assert "final" not in stored(server)


def test_an_api_server_that_is_gone_is_given_up_in_time(
    server: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = (tmp_path / "kubeconfig").read_text().replace(str(server.port), "9")
    (tmp_path / "kubeconfig").write_text(config)
    monkeypatch.setattr("preceptor.kube.status.RETRY_SECONDS", 0.01)
    StatusWriter(errand(server), lambda: None).finish(FINAL, patience=0.2)
    assert [record.message for record in caplog.records] == [
        "the status was not written: the API server did not answer (ConnectError)"
    ]


def test_without_an_object_nobody_is_told() -> None:
    writer = StatusWriter(Errand("", "", "", 0), lambda: spent(1))
    writer.start()
    writer.finish(FINAL)


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (DocumentError("x.yaml", [Problem("spec.seed", 3, "no", "yes")]), 2, "DocumentError"),
        (StudentError("no such model", mend="name another"), 2, "StudentError"),
        (BudgetError("ended"), 3, "BudgetExhausted"),
        (ApprovalError("waits", step="train", mend="let it"), 4, "ApprovalNeeded"),
        (FencedError("another driver"), 1, "FencedError"),
        (StorageDownError("away"), 1, "StorageDownError"),
        (EndpointDownError("away"), 1, "EndpointDownError"),
        (KeyboardInterrupt(), 130, "Interrupted"),
        (RuntimeError("Bearer sk-secret"), 1, "UnexpectedError"),
    ],
)
def test_how_it_ended_is_told_with_what_follows(error: BaseException, code: int, reason: str) -> None:
    final = failed(error, 7)
    assert (final.attempt, final.exit_code, final.reason) == (7, code, reason)
    assert exit_code(error) == code
    assert final.step == ("train" if code == 4 else None)
    assert "secret" not in final.message  # of what nobody foresaw nothing is repeated
    assert "\n" not in final.message
