"""Acts KubeRay on a test API server: carries RayJobs out as processes on this machine, and tells their state.

States, reasons and messages are those of KubeRay's RayJob controller (v1.7). The entrypoint runs as it is written, with
the environment of the head's container; files that the pod would mount from a ConfigMap lie where `folder` stands for
the pod's root. Secrets and claims are the caller's to provide.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from support.apiserver.api import Api
from support.apiserver.store import Json, now

FINALIZER = "ray.io/rayjob-finalizer"
"""KubeRay's own: a RayJob is there until its cluster is not."""
GRACE = 10.0
"""Seconds from SIGTERM to SIGKILL."""


@dataclass
class Job:
    """A RayJob that is carried out."""

    name: tuple[str, str]
    """Namespace and name."""
    uid: str
    """Its uid."""
    process: subprocess.Popen[bytes] | None = None
    """Its driver."""
    started: float = field(default_factory=time.monotonic)
    """When it was seen."""


class KubeRay:
    """A thread that does what KubeRay would, while it is entered.

    `run` starts a driver from its command line, environment and log; the default is a shell. `stuck` keeps clusters
    from starting, as when an image cannot be pulled.
    """

    def __init__(
        self,
        server: Api,
        folder: Path,
        *,
        environment: Mapping[str, str] | None = None,
        run: Callable[[str, dict[str, str], Path], subprocess.Popen[bytes]] | None = None,
    ) -> None:
        self._server, self._folder = server, folder
        self._environment = dict(environment or {})
        self._run = run or _shell
        self._jobs: dict[str, Job] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="kuberay", daemon=True)
        self.stuck = False
        self.started: list[str] = []
        """Names of the RayJobs whose driver was started, in order."""
        self.failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(30)
        for job in self._jobs.values():
            _stop(job)
        if self.failure is not None:
            raise self.failure

    def kill(self, name: str) -> None:
        """Kill the driver of a RayJob, and everything it started, as a node that goes down does."""
        (job,) = [job for job in self._jobs.values() if job.name[1] == name]
        assert job.process is not None
        os.killpg(job.process.pid, signal.SIGKILL)

    def log(self, name: str) -> str:
        """What a driver printed so far."""
        path = self._folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _loop(self) -> None:
        try:
            while not self._end.wait(0.05):
                for obj in self._server.objects("ray.io", "rayjobs"):
                    self._step(obj)
        except BaseException as error:  # noqa: BLE001 - told by __exit__: a thread's own traceback fails no test
            self.failure = error

    def _step(self, obj: Json) -> None:
        metadata, status = obj["metadata"], obj.get("status") or {}
        job = self._jobs.get(metadata["uid"])
        state = status.get("jobDeploymentStatus", "")
        if "deletionTimestamp" in metadata:
            if job is not None:
                _stop(self._jobs.pop(metadata["uid"]))
            self._write(obj, finalizers=[])
        elif job is None and state == "":
            self._begin(obj)
        elif job is not None and state == "Initializing" and not self.stuck:
            self._launch(obj, job)
        elif job is not None and state == "Initializing":
            self._wait(obj, job)
        elif job is not None and state == "Running" and job.process is not None:
            code = job.process.poll()
            if code is not None:
                self._ended(obj, code)

    def _begin(self, obj: Json) -> None:
        name, spec = obj["metadata"]["name"], obj["spec"]
        if spec.get("suspend") and not spec.get("shutdownAfterJobFinishes"):
            self._write(obj, {"jobDeploymentStatus": "ValidationFailed", "reason": "ValidationFailed"})
            return
        self._jobs[obj["metadata"]["uid"]] = Job((obj["metadata"]["namespace"], name), obj["metadata"]["uid"])
        status = {
            "jobDeploymentStatus": "Initializing",
            "jobId": f"{name}-x",
            "rayClusterName": f"{name}-c",
            "startTime": now(),
        }
        self._write(obj, status, finalizers=[FINALIZER])
        if self.stuck:
            self._pod(obj)

    def _wait(self, obj: Json, job: Job) -> None:
        limit = obj["spec"].get("preRunningDeadlineSeconds")
        if limit is not None and time.monotonic() - job.started > limit:
            message = f"The RayJob did not reach Running within {limit} seconds"
            self._write(obj, _failed("PreRunningDeadlineExceeded", message))

    def _launch(self, obj: Json, job: Job) -> None:
        head = obj["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
        (container,) = head["containers"]
        command = obj["spec"]["entrypoint"]
        for mount in container.get("volumeMounts", []):
            volume = next(each for each in head["volumes"] if each["name"] == mount["name"])
            if "configMap" in volume:
                held = self._server.find("", "configmaps", job.name[0], volume["configMap"]["name"])
                assert held is not None, f"the pod would wait for ConfigMap {volume['configMap']['name']}"
                path = self._folder / mount["mountPath"].lstrip("/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(held["data"][mount["subPath"]], encoding="utf-8")
                command = command.replace(mount["mountPath"], str(path))
        plain = {each["name"]: each["value"] for each in container.get("env", []) if "value" in each}
        job.process = self._run(
            command, {**os.environ, **self._environment, **plain}, self._folder / f"{job.name[1]}.log"
        )
        self.started.append(job.name[1])
        self._write(obj, {"jobDeploymentStatus": "Running", "jobStatus": "RUNNING"})

    def _ended(self, obj: Json, code: int) -> None:
        if code == 0:
            ended = {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED", "endTime": now(), "succeeded": 1}
            self._write(obj, ended)
            return
        # Ray's words, which KubeRay passes on.
        message = (
            f"Job entrypoint command failed with exit code {code}, last available logs (truncated to 20,000 chars):"
        )
        self._write(obj, _failed("AppFailed", message))

    def _pod(self, obj: Json) -> None:
        template = obj["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]
        image = template["spec"]["containers"][0]["image"]
        waiting = {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}"'}
        uid = obj["metadata"]["uid"]
        owner = {"apiVersion": "ray.io/v1", "kind": "RayJob", "name": obj["metadata"]["name"], "uid": uid}
        pod = {
            "metadata": {
                "name": f"{obj['metadata']['name']}-c-head",
                "labels": template["metadata"]["labels"] | {"ray.io/cluster": f"{obj['metadata']['name']}-c"},
                "ownerReferences": [owner],
            },
            "spec": template["spec"],
        }
        found = self._server.create("", "pods", obj["metadata"]["namespace"], pod)
        state = {"name": "ray-head", "image": image, "imageID": "", "ready": False, "restartCount": 0}
        status = {"phase": "Pending", "containerStatuses": [state | {"state": {"waiting": waiting}}]}
        self._server.alter("", "pods", found, {"status": status}, status=True)

    def _write(self, obj: Json, status: Json | None = None, *, finalizers: list[str] | None = None) -> None:
        """Change a RayJob that may have changed or gone meanwhile."""
        if status is not None:
            self._server.alter("ray.io", "rayjobs", obj, {"status": status}, status=True)
        if finalizers is not None:
            self._server.alter("ray.io", "rayjobs", obj, {"metadata": {"finalizers": finalizers}})


def _failed(reason: str, message: str) -> Json:
    failed = {"jobDeploymentStatus": "Failed", "jobStatus": "FAILED", "failed": 1, "endTime": now()}
    return {**failed, "reason": reason, "message": message}


def _shell(command: str, environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            ["/bin/sh", "-c", command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _stop(job: Job) -> None:
    """End a driver as the kubelet does: it is asked, and after a while it is killed with all it started."""
    if job.process is None:
        return
    with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
        os.killpg(job.process.pid, signal.SIGTERM)
        job.process.wait(GRACE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(job.process.pid, signal.SIGKILL)
    job.process.wait(GRACE)
