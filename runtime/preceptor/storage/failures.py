"""What goes wrong in a file system or a bucket, said in one sentence with its mend.

Backends raise ``OSError`` and, for buckets, their client library's own errors. Those are recognised by the name of
their class, so that nothing here imports botocore, google-auth or azure.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from preceptor.errors import StorageDownError, StorageError

Failures = tuple[type[BaseException], ...]
"""The errors a backend raises when the outside world is at fault."""

_FREE_SPACE = ("no space left on the device", "free some space there or choose another storage root, then run again")
_NO_ACCESS = ("permission denied", "grant this user or role access, or choose another storage root")
_NO_BUCKET = ("the bucket or container does not exist", "create it, or correct the storage root")
_NO_LOGIN = (
    "no usable credentials were found",
    "provide them in the environment, a profile or the pod's service account; never in the URI",
)
_AGAIN = "see to the server, then run again: the same command continues where this one stopped"
_FAILING = ("the server fails or is overloaded, and did not recover in time", _AGAIN)
_BROKEN_OFF = ("the server keeps breaking off the connection", _AGAIN)
_UNREACHABLE = ("the endpoint does not answer", "check the endpoint, for S3 AWS_ENDPOINT_URL, and the network")

_BY_ERRNO = {
    errno.ENOSPC: _FREE_SPACE,
    errno.EDQUOT: ("the disk quota is used up", _FREE_SPACE[1]),
    errno.EROFS: ("the file system is read-only", "mount it writable or choose another storage root"),
    errno.EACCES: _NO_ACCESS,
    errno.EPERM: _NO_ACCESS,
    errno.ENOTDIR: ("part of the path is a file, not a directory", "correct the storage root or move that file away"),
    errno.EISDIR: ("there is a directory where a file belongs", "move it away or choose another storage root"),
    errno.ENAMETOOLONG: ("the path is too long", "choose a shorter storage root"),
    errno.ENOTSUP: (
        "the file system has no hard links, which create-only writes need",
        "choose a storage root on another file system, or a bucket",
    ),
    errno.ENOSYS: (
        "the server does not implement conditional writes",
        "choose a bucket on a server that honours If-None-Match",
    ),
}

_BY_CLASS = {
    "NoCredentialsError": _NO_LOGIN,
    "PartialCredentialsError": _NO_LOGIN,
    "CredentialRetrievalError": _NO_LOGIN,
    "TokenRetrievalError": _NO_LOGIN,
    "SSOTokenLoadError": _NO_LOGIN,
    "UnauthorizedSSOTokenError": _NO_LOGIN,
    "ProfileNotFound": _NO_LOGIN,
    "DefaultCredentialsError": _NO_LOGIN,
    "ClientAuthenticationError": _NO_LOGIN,
    "EndpointConnectionError": _UNREACHABLE,
    "ConnectTimeoutError": _UNREACHABLE,
    "ReadTimeoutError": _UNREACHABLE,
    "ClientConnectorError": _UNREACHABLE,
    "ConnectionClosedError": _BROKEN_OFF,
    "ResponseStreamingError": _BROKEN_OFF,
    "ClientPayloadError": _BROKEN_OFF,
    "ServerDisconnectedError": _BROKEN_OFF,
    "PermissionError": _NO_ACCESS,
}

_PASSING_CODES = frozenset(
    {
        *("InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout", "OperationAborted", "Throttling"),
        *("TooManyRequests", "BadDigest", "IncompleteBody", "XAmzContentSHA256Mismatch", "ConditionalRequestConflict"),
        *("429", "500", "502", "503", "504"),  # of answers without a body
        "NoSuchUpload",  # a multipart upload that was completed and whose reply was lost
    }
)

_BY_CODE = {
    "NoSuchBucket": _NO_BUCKET,
    "InvalidAccessKeyId": _NO_LOGIN,
    "SignatureDoesNotMatch": _NO_LOGIN,
    "ExpiredToken": ("the credentials have expired", "renew them and run again"),
    **dict.fromkeys(_PASSING_CODES, _FAILING),
    "ConditionalRequestConflict": (
        "other writers kept creating the same object",
        "run again; when it persists, look for a second driver of this run",
    ),
}

_PASSING_CLASSES = frozenset(
    {
        "ClientError",  # aiohttp's; botocore's of the same name has a code, which is asked first
        "ConnectionError",  # also Python's own: reset, refused, broken pipe
        "HTTPClientError",  # botocore: no connection, broken off, timed out
        "HttpError",  # gcsfs
        "ResponseParserError",  # botocore: an answer that is not what S3 says
        "ServiceRequestError",  # azure: not sent
        "ServiceResponseError",  # azure: sent, no answer
        "TimeoutError",
    }
)
_LASTING_CLASSES = frozenset({"SSLError", "ProxyConnectionError", "InvalidProxiesConfigError", "InvalidURL"})

_USER_INFO = re.compile(r"(?<=://)[^/@]*:[^/@]*@")


def safe(uri: str) -> str:
    """The URI as it may be shown: without a password in front of the host and without a query."""
    return _USER_INFO.sub("***@", uri.split("?", 1)[0])


def server_code(error: BaseException) -> str:
    """The error code of an S3 server (``NoSuchBucket``, ``PreconditionFailed`` …), ``""`` when there is none."""
    seen: BaseException | None = error
    while seen is not None:
        response = getattr(seen, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
        seen = seen.__cause__
    return ""


def passing(error: BaseException) -> bool:
    """Whether the server, or the way to it, may be well again in a moment."""
    code = server_code(error)
    if code:
        return code in _PASSING_CODES
    status = getattr(error, "status_code", None) or getattr(error, "code", None)  # azure, gcsfs
    if isinstance(status, int):
        return status == 429 or status >= 500
    names = {cls.__name__ for cls in type(error).__mro__}
    return bool(names & _PASSING_CLASSES) and not names & _LASTING_CLASSES


def storage_error(action: str, uri: str, error: BaseException) -> StorageError:
    """The message for one failure: what could not be done, where, why, and the mend."""
    number = error.errno if isinstance(error, OSError) else None
    reason, mend = (
        _BY_CODE.get(server_code(error))
        or (number is not None and _BY_ERRNO.get(number))
        or next((known for cls in type(error).__mro__ if (known := _BY_CLASS.get(cls.__name__))), None)
        or (_NO_BUCKET if isinstance(error, FileNotFoundError) else None)
        or (_one_line(error), "check the storage root; the same command continues where this one stopped")
    )
    kind = StorageDownError if passing(error) else StorageError
    return kind(f"cannot {action} {safe(uri)}: {reason}", mend=mend)


def _one_line(error: BaseException) -> str:
    """The error's own words: the first line, without URIs' secrets, never empty."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    first = (words.strip().splitlines() or [""])[0]
    return safe(first) or type(error).__name__


@contextmanager
def explained(action: str, uri: str, failures: Failures, *, passes: Failures = ()) -> Iterator[None]:
    """Turn ``failures`` inside the block into a :class:`StorageError`; those in ``passes`` go through as they are.

    A missing bucket is explained even where a missing file passes.
    """
    try:
        yield
    except failures as error:
        if isinstance(error, passes) and server_code(error) != "NoSuchBucket":
            raise
        raise storage_error(action, uri, error) from error
