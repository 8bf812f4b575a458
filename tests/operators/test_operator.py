"""The operator as a process against an API server and KubeRay: what a user does with kubectl, and what comes of it."""

import json
from typing import Any

import pytest

from support.kuberay import KubeRay
from support.operating import Operating


def good(done: Any) -> str:
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def change(lab: Operating, **spec: Any) -> None:
    good(lab.kubectl("patch", "spz", "sums", "--type=merge", "-p", json.dumps({"spec": spec})))


def test_a_document_is_carried_out_and_waited_for(lab: Operating, kuberay: KubeRay) -> None:
    lab.start()
    lab.apply("0")
    good(lab.kubectl("wait", "--for=condition=Complete", "spz/sums", "--timeout=20s"))
    assert lab.ray_jobs() == ["sums-1"]
    status = lab.status()
    assert (status["phase"], status["attempt"], status["rayJob"]) == ("Complete", 1, "sums-1")
    assert status["final"]["reason"] == "Published"
    assert status["observedGeneration"] == 1
    assert {"startTime", "completionTime"} <= set(status)
    lab.until(lambda: "Published" in lab.kubectl("describe", "spz", "sums").stdout.partition("Events:")[2])
    assert "Complete" in good(lab.kubectl("get", "spz", "sums"))


def test_a_lost_attempt_is_followed_by_another(lab: Operating, kuberay: KubeRay) -> None:
    lab.start()
    lab.apply("wait 0")
    lab.until(lambda: lab.status().get("phase") == "Running")
    kuberay.kill("sums-1")
    lab.until(lambda: (lab.holds("Reconciling") or {}).get("reason") == "BackingOff")
    lab.until(lambda: lab.holds("Complete"))
    assert lab.ray_jobs() == ["sums-1", "sums-2"]
    assert kuberay.started == ["sums-1", "sums-2"]


def test_a_users_mistake_is_tried_once(lab: Operating, kuberay: KubeRay) -> None:
    lab.start()
    lab.apply("2")
    lab.until(lambda: lab.holds("Failed"))
    assert lab.ray_jobs() == ["sums-1"]
    assert (lab.holds("Failed") or {})["message"] == "attempt 1 ends with 2"


def test_suspend_stops_the_driver_and_resume_begins_another_attempt(lab: Operating, kuberay: KubeRay) -> None:
    lab.start()
    lab.apply("wait 0")
    lab.until(lambda: lab.status().get("phase") == "Running")
    change(lab, suspend=True)
    lab.until(lambda: lab.holds("Suspended"))
    lab.until(lambda: lab.ray_jobs() == [])
    change(lab, suspend=False)
    lab.until(lambda: lab.holds("Complete"))
    assert kuberay.started == ["sums-1", "sums-2"]
    assert lab.status()["failures"] == 0


def test_an_approval_in_git_lets_the_run_go_on(lab: Operating, kuberay: KubeRay) -> None:
    lab.start()
    lab.apply("4 0", approval={"required": ["train"]})
    lab.until(lambda: lab.holds("AwaitingApproval"))
    change(lab, approval={"required": ["train"], "granted": ["train"]})
    lab.until(lambda: lab.holds("Complete"))
    assert kuberay.started == ["sums-1", "sums-2"]


def test_a_larger_budget_replaces_the_attempt_that_runs(lab: Operating, kuberay: KubeRay) -> None:
    lab.start()
    lab.apply("wait 0")
    lab.until(lambda: lab.status().get("phase") == "Running")
    change(lab, budget={"iterations": 9})
    lab.until(lambda: lab.holds("Complete"))
    assert lab.ray_jobs() == ["sums-2"]


def test_an_image_that_cannot_be_pulled_is_shown_with_its_message(lab: Operating, kuberay: KubeRay) -> None:
    kuberay.stuck = True
    lab.start()
    lab.apply("0", compute={"image": "nowhere/nothing:1"})
    lab.until(lambda: (lab.holds("Reconciling") or {}).get("reason") == "PodNotRunning")
    assert 'Back-off pulling image "nowhere/nothing:1"' in (lab.holds("Reconciling") or {})["message"]
    assert "ImagePullBackOff" in good(lab.kubectl("get", "spz", "-o", "wide"))


@pytest.mark.usefixtures("collecting")
def test_deleting_the_object_ends_its_driver_and_leaves_nothing(lab: Operating, kuberay: KubeRay) -> None:
    lab.start()
    lab.apply("wait")
    lab.until(lambda: lab.status().get("phase") == "Running")
    good(lab.kubectl("delete", "spz", "sums"))
    lab.until(lambda: lab.ray_jobs() == [] and lab.server.objects("", "configmaps") == [])


def test_an_object_that_has_lived_its_time_after_the_end_is_deleted(lab: Operating, kuberay: KubeRay) -> None:
    lab.start()
    lab.apply("0", compute={"ttlSecondsAfterFinished": 2})
    lab.until(lambda: lab.holds("Complete"))
    lab.until(lambda: lab.server.objects("preceptor.dev", "specializations") == [])
    lab.until(lambda: lab.ray_jobs() == [])


def test_storage_that_ends_with_the_pod_is_refused_before_anything_is_made(lab: Operating, kuberay: KubeRay) -> None:
    lab.start()
    lab.apply("0", storage={"uri": "/tmp/runs"})
    lab.until(lambda: lab.holds("Stalled"))
    assert lab.ray_jobs() == []
    change(lab, storage={"uri": "s3://bucket/x"})
    lab.until(lambda: lab.holds("Complete"))


def test_a_strangers_ray_job_is_left_alone(lab: Operating, kuberay: KubeRay) -> None:
    stranger = {"apiVersion": "ray.io/v1", "kind": "RayJob", "metadata": {"name": "sums-1"}, "spec": {"suspend": True}}
    good(lab.kubectl("apply", "-f", "-", stdin=json.dumps(stranger)))
    before = lab.server.find("ray.io", "rayjobs", "lab", "sums-1")
    lab.start()
    lab.apply("0")
    lab.until(lambda: (lab.holds("Stalled") or {}).get("reason") == "NameTaken")
    found = lab.server.find("ray.io", "rayjobs", "lab", "sums-1")
    assert before is not None
    assert found is not None
    assert (found["metadata"]["uid"], found["spec"]) == (before["metadata"]["uid"], before["spec"])
