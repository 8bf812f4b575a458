"""What the test API server answers when it refuses a request: Kubernetes' `Status` object."""

from dataclasses import dataclass


@dataclass
class Refusal(Exception):  # noqa: N818 - an answer of the server, which its caller turns into a response
    """A request that the server does not grant."""

    code: int
    """HTTP status, such as 409."""
    reason: str
    """Kubernetes' machine-readable reason, such as `Conflict`."""
    message: str
    """What kubectl shows."""

    def status(self) -> dict[str, object]:
        """The body of the response (API reference: meta/v1 Status)."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
