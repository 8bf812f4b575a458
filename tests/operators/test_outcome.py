"""How attempts end, case by case."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from preceptor.spec.status import Final
from preceptor_operator.observed import RayJobView
from preceptor_operator.outcome import Verdict, outcome

JOB = RayJobView(name="sums-2", attempt=2, uid="u", owned=True, created=datetime(2026, 1, 1, tzinfo=UTC))
FAILED = replace(JOB, deployment_status="Failed", job_status="FAILED", reason="AppFailed")
COMPLETE = replace(JOB, deployment_status="Complete", job_status="SUCCEEDED")


def final(code: int, attempt: int = 2) -> Final:
    return Final(attempt=attempt, exit_code=code, reason="Said", message="by the driver")


def died(code: int) -> RayJobView:
    words = f"Job entrypoint command failed with exit code {code}, last available logs (truncated): exit code 2"
    return replace(FAILED, message=words)


@pytest.mark.parametrize("status", ["", "Initializing", "Running", "Waiting", "Suspended", "Suspending", "Retrying"])
@pytest.mark.parametrize("said", [None, final(0), final(2)])
def test_an_attempt_goes_on_until_its_ray_job_has_ended(status: str, said: Final | None) -> None:
    assert outcome(replace(JOB, deployment_status=status), said, 2) is None
    assert outcome(replace(JOB, deployment_status=status, deleting=True), said, 2) is None


@pytest.mark.parametrize(
    ("job", "said", "verdict", "reason"),
    [
        (COMPLETE, final(0), "published", "Said"),
        (FAILED, final(2), "mistake", "Said"),
        (FAILED, final(3), "no-dataset", "Said"),
        (FAILED, final(4), "approval", "Said"),
        (FAILED, final(1), "lost", "Said"),
        (FAILED, final(130), "lost", "Said"),
        (None, final(0), "published", "Said"),
        (COMPLETE, final(2, attempt=1), "published", "Published"),
        (COMPLETE, None, "published", "Published"),
        (died(2), None, "mistake", "AppFailed"),
        (died(3), None, "no-dataset", "AppFailed"),
        (died(4), None, "approval", "AppFailed"),
        (died(1), None, "lost", "AppFailed"),
        (died(-9), None, "lost", "AppFailed"),
        (died(0), None, "lost", "AppFailed"),
        (died(2), final(1, attempt=1), "mistake", "AppFailed"),
        (FAILED, None, "lost", "AppFailed"),
        (
            replace(FAILED, job_status="", reason="PreRunningDeadlineExceeded"),
            None,
            "lost",
            "PreRunningDeadlineExceeded",
        ),
        (replace(JOB, deployment_status="Failed"), None, "lost", "JobFailed"),
        (replace(JOB, deployment_status="ValidationFailed", message="bad"), None, "mistake", "ValidationFailed"),
        (None, None, "lost", "RayJobVanished"),
        (None, final(0, attempt=1), "lost", "RayJobVanished"),
    ],
)
def test_what_follows_from_an_end(job: RayJobView | None, said: Final | None, verdict: Verdict, reason: str) -> None:
    found = outcome(job, said, 2)
    assert found is not None
    assert (found.verdict, found.reason) == (verdict, reason)
    assert found.message
    assert (found.final is not None) == (said is not None and said.attempt == 2)


def test_messages_of_others_fit_on_a_line() -> None:
    found = outcome(replace(FAILED, message="lost\n\x1b[31mlogs " + "x" * 5000), None, 2)
    assert found is not None
    assert found.message.startswith("lost [31mlogs x")
    assert len(found.message) == 1024
