"""Runs unmodified kubectl against one cluster, and never against the one in the home directory."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Kubectl:
    """kubectl with a kubeconfig of its own."""

    kubeconfig: Path
    """The only file that kubectl takes clusters from."""
    home: Path
    """Stands for the home directory, where kubectl keeps its discovery cache."""

    def __call__(self, *arguments: str, stdin: str = "", seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """The finished command, whatever its exit status; `seconds` bounds how long it may take.

        Raises:
            RuntimeError: kubectl is not installed.
            subprocess.TimeoutExpired: the command took longer.
        """
        program = shutil.which("kubectl")
        if program is None:
            raise RuntimeError("kubectl is not installed; https://kubernetes.io/docs/tasks/tools/ says how")
        return subprocess.run(
            [program, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.home)},
        )
