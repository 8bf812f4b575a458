"""How an attempt ended, and what follows from it. Pure.

The driver tells by ``status.final``. Where it could not, Ray's message in the RayJob has its exit code; where neither
is there, the infrastructure took the attempt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from preceptor.spec.status import Final
from preceptor_operator.observed import RayJobView

Verdict = Literal["published", "no-dataset", "approval", "mistake", "lost"]
"""``published``: the run has ended, whatever it came to; ``no-dataset``: its budget ended first; ``approval``: it waits
for a human; ``mistake``: the user's to mend, and trying again would not help; ``lost``: to be tried again."""

ENDED = frozenset({"Complete", "Failed", "ValidationFailed"})
"""``jobDeploymentStatus`` of a RayJob that KubeRay is done with."""

_CODES: dict[int, Verdict] = {0: "published", 2: "mistake", 3: "no-dataset", 4: "approval"}
_EXIT_CODE = re.compile(r"exit code (-?\d{1,3})\b")
_LONGEST = 1024


@dataclass(frozen=True)
class Outcome:
    """The end of an attempt."""

    verdict: Verdict
    """What follows from it."""
    reason: str
    """In one CamelCase word."""
    message: str
    """In words, one line of at most 1,024 characters."""
    final: Final | None = None
    """What the driver said of it; ``None`` when it could not."""


def outcome(job: RayJobView | None, final: Final | None, attempt: int) -> Outcome | None:
    """How ``attempt`` ended; ``None`` while it goes on.

    ``final`` of another attempt tells nothing of this one. A driver that has said its last word ends the attempt only
    when its RayJob has ended too, or is gone: until then its pods are there, and so is its hold on the storage.
    """
    said = final if final is not None and final.attempt == attempt else None
    if job is not None and job.deployment_status not in ENDED:
        return None
    if said is not None:
        return Outcome(_CODES.get(said.exit_code, "lost"), said.reason, _line(said.message), said)
    if job is None:
        return Outcome(
            "lost", "RayJobVanished", f"the RayJob of attempt {attempt} is gone, and its driver said nothing"
        )
    if job.deployment_status == "ValidationFailed":
        return Outcome("mistake", "ValidationFailed", _line(job.message) or "KubeRay refuses the RayJob")
    if job.job_status == "SUCCEEDED":
        return Outcome("published", "Published", "the driver ended well; its last word did not reach the status")
    found = _EXIT_CODE.search(job.message)
    verdict = _CODES.get(int(found[1]), "lost") if found else "lost"
    if verdict == "published":  # a failed job did not publish, whatever its message quotes
        verdict = "lost"
    return Outcome(verdict, job.reason or "JobFailed", _line(job.message) or f"attempt {attempt} failed")


def _line(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
