"""The operator as a process, and a small cluster around it: API server, kubectl, and KubeRay."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from support.apiserver.api import Api
from support.attempts import sums
from support.kubectl import Kubectl


@dataclass
class Operating:
    """A cluster in which operators are started and killed."""

    server: Api
    """The API server."""
    folder: Path
    """Where files go."""
    kubectl: Kubectl
    """kubectl, in the namespace `lab`."""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    """Operators, running or not."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Settings beside those that tests need."""

    def start(self) -> subprocess.Popen[bytes]:
        """Start an operator."""
        path = self.folder / "settings.yaml"
        told = {"storageRoot": "s3://bucket/lab", "metricsPort": 0, "probePort": 0}
        told["election"] = {"duration": "1s", "namespace": "default"}
        path.write_text(yaml.safe_dump(told | self.settings), encoding="utf-8")
        program = Path(sys.executable).with_name("preceptor-operator")
        with (self.folder / f"operator-{len(self.processes)}.log").open("wb") as log:
            started = subprocess.Popen(
                [program, "run", "--settings", path],
                env={**os.environ, "KUBECONFIG": str(self.kubectl.kubeconfig)},
                stderr=log,
                stdout=log,
            )
        self.processes.append(started)
        return started

    def log(self, number: int = -1) -> str:
        """What an operator logged."""
        return (self.folder / f"operator-{number % len(self.processes)}.log").read_text()

    def stop(self) -> None:
        """End all operators and wait for them."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def apply(self, description: str = "0", name: str = "sums", **spec: Any) -> None:
        """Apply a small document with kubectl; its description tells the stand-in for the driver what to do."""
        document = sums(**spec).model_dump(mode="json", by_alias=True, exclude_unset=True)
        document["metadata"] = {"name": name}
        document["spec"]["task"]["description"] = description
        done = self.kubectl("apply", "-f", "-", stdin=json.dumps(document))
        assert done.returncode == 0, done.stderr

    def status(self, name: str = "sums") -> dict[str, Any]:
        """The status of an object; empty when there is none."""
        found = self.server.find("preceptor.dev", "specializations", "lab", name)
        return (found or {}).get("status") or {}

    def holds(self, type_: str, name: str = "sums") -> dict[str, Any] | None:
        """A condition that holds."""
        conditions = self.status(name).get("conditions", [])
        return next((each for each in conditions if each["type"] == type_ and each["status"] == "True"), None)

    def ray_jobs(self) -> list[str]:
        """Names of the RayJobs."""
        return sorted(each["metadata"]["name"] for each in self.server.objects("ray.io", "rayjobs"))

    def until(self, true: Callable[[], object], seconds: float = 20) -> None:
        """Wait until something is true; fail with what there is when it does not become so."""
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end:
                logs = "\n".join(self.log(number)[-2000:] for number in range(len(self.processes)))
                raise AssertionError(
                    f"waited {seconds} s in vain; status {self.status()}, RayJobs {self.ray_jobs()}\n{logs}"
                )
            time.sleep(0.02)


def driver_directory(folder: Path) -> str:
    """A directory whose `preceptor` is the stand-in for the driver, for PATH."""
    path = folder / "bin"
    path.mkdir(exist_ok=True)
    program = path / "preceptor"
    script = Path(__file__).with_name("drivers.py")
    program.write_text(f'#!/bin/sh\nexec {shutil.which(sys.executable)} {script} "$@"\n')
    program.chmod(0o755)
    return str(path)
