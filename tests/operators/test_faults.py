"""What goes wrong between operator and API server changes nothing of what comes of it: one RayJob an attempt."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest

from support.apiserver.faults import Fault
from support.kuberay import KubeRay
from support.operating import Operating

STATUS = "specializations/sums/status$"
WATCHED = [("preceptor.dev", "specializations"), ("ray.io", "rayjobs"), ("", "pods")]


def watching(lab: Operating) -> bool:
    return all(lab.server.watchers(*each) for each in WATCHED)


def ends_well(lab: Operating, kuberay: KubeRay, attempts: int = 1) -> None:
    """The object is complete, after so many attempts, each with one RayJob that ran once."""
    lab.until(lambda: lab.holds("Complete"), seconds=40)
    names = [f"sums-{attempt}" for attempt in range(1, attempts + 1)]
    assert kuberay.started == names
    assert lab.ray_jobs() == names
    assert lab.status()["attempt"] == attempts
    assert len(lab.server.objects("", "configmaps")) == attempts


@pytest.mark.parametrize(
    "fault",
    [
        Fault("GET", "specializations/sums$", 500, times=3),
        Fault("GET", "/rayjobs$", 503, times=2),
        Fault("PATCH", STATUS, 409, times=2),
        Fault("PATCH", STATUS, 500, times=2),
        Fault("PATCH", STATUS, 500, times=2, late=True),
        Fault("PATCH", "/configmaps/sums-1-", 429, times=2),
        Fault("PATCH", "/configmaps/sums-1-", 0, times=2, late=True),
        Fault("PATCH", "/rayjobs/sums-1$", 500, times=2),
        Fault("PATCH", "/rayjobs/sums-1$", 0, late=True),
        Fault("POST", "/events$", 500, times=2),
    ],
    ids=lambda fault: f"{fault.method} {fault.path} {fault.code}{' late' if fault.late else ''}",
)
def test_an_answer_that_fails_is_asked_for_again(lab: Operating, kuberay: KubeRay, fault: Fault) -> None:
    lab.apply("0")
    lab.server.faults.planned.append(replace(fault))  # kubectl is done; the rest is the operator's
    lab.start()
    ends_well(lab, kuberay)
    (fault,) = lab.server.faults.planned
    assert fault.times == 0


@pytest.mark.parametrize("how", ["close", "drop", "expired"])
def test_a_watch_that_ends_is_begun_again_and_misses_nothing(lab: Operating, kuberay: KubeRay, how: str) -> None:
    lab.start()
    lab.until(lambda: watching(lab))
    assert lab.server.break_watches(how) >= len(WATCHED)
    lab.apply("wait 0")
    lab.until(lambda: lab.status().get("phase") == "Running")
    lab.server.break_watches(how)
    kuberay.kill("sums-1")
    ends_well(lab, kuberay, attempts=2)


def test_an_operator_killed_after_each_of_its_writes_is_continued_by_the_next(lab: Operating, kuberay: KubeRay) -> None:
    """Whatever request was the last one that reached the API server."""
    lab.settings["election"] = {"enabled": False}
    lab.apply("silent-1 0")
    killed = 0
    while not lab.holds("Complete"):
        operator = lab.start()
        before = writes(lab)
        lab.until(lambda: writes(lab) > before or lab.holds("Complete"), seconds=60)  # noqa: B023 - called at once
        operator.send_signal(signal.SIGKILL)
        operator.wait()
        killed += 1
        assert killed < 40
    assert killed >= 5
    lab.start()
    ends_well(lab, kuberay, attempts=2)


def writes(lab: Operating) -> int:
    """Requests of the operator that change something."""
    return sum(
        method in ("PATCH", "POST", "DELETE") for method, path in lab.server.faults.asked if "driver" not in path
    )


def test_of_two_operators_one_acts_and_the_other_takes_over(lab: Operating, kuberay: KubeRay) -> None:
    first = lab.start()
    lab.until(lambda: '"acting"' in lab.log(0))
    lab.start()
    lab.until(lambda: "waiting for the Lease" in lab.log(1))
    lab.apply("wait 0")
    lab.until(lambda: lab.status().get("phase") == "Running")
    assert '"acting"' not in lab.log(1)
    first.send_signal(signal.SIGKILL)
    kuberay.kill("sums-1")
    lab.until(lambda: '"acting"' in lab.log(1), seconds=5)
    ends_well(lab, kuberay, attempts=2)


def test_an_operator_that_ends_in_good_order_leaves_the_lease_at_once(lab: Operating) -> None:
    first = lab.start()
    lab.until(lambda: '"acting"' in lab.log(0))
    first.send_signal(signal.SIGTERM)
    assert first.wait(10) == 0
    lease = lab.server.find("coordination.k8s.io", "leases", "default", "preceptor-operator")
    assert lease is not None
    assert not lease["spec"].get("holderIdentity")


def test_an_operator_that_cannot_renew_its_lease_ends(lab: Operating) -> None:
    operator = lab.start()
    lab.until(lambda: '"acting"' in lab.log(0))
    lab.server.faults.planned.append(Fault("PUT", "/leases/", 500, times=1000))
    assert operator.wait(10) == 3
