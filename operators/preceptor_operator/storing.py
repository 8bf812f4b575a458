"""Where a run in a cluster stores what it makes: somewhere that outlives its pods, or nowhere. Pure."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import urlsplit

from preceptor.errors import UserError
from preceptor.spec.document import Compute
from preceptor_operator.settings import Settings


class StorageNotSharedError(UserError):
    """What the run would store could be lost with a pod."""


def storage_of(uri: str, compute: Compute, settings: Settings) -> str:
    """Return ``spec.storage.uri`` as the driver gets it: absolute; a relative one counts from the storage root.

    Raises :class:`StorageNotSharedError` where it would lie in a pod's own file system.
    """
    located = uri
    if not urlsplit(uri).scheme and not uri.startswith("/"):
        if settings.storage_root is None:
            raise StorageNotSharedError(
                f"spec.storage.uri is relative (`{uri}`), and the operator's settings name no storageRoot that it "
                "could count from",
                mend="write it in full, as in s3://bucket/prefix, or set settings.storageRoot in the chart's values",
            )
        located = f"{settings.storage_root.rstrip('/')}/{uri}"
    path = _local(located)
    if path is not None and not any(_within(path, volume.path) for volume in compute.volumes if not volume.read_only):
        raise StorageNotSharedError(
            f"spec.storage.uri leads to {located}, which ends with the pod: no volume is mounted there",
            mend="store in a bucket, as in s3://bucket/prefix, or mount a claim there with spec.compute.volumes",
        )
    return located


def _local(uri: str) -> PurePosixPath | None:
    parts = urlsplit(uri)
    return PurePosixPath(parts.path) if parts.scheme in ("", "file") else None


def _within(path: PurePosixPath, root: str) -> bool:
    return ".." not in path.parts and path.is_relative_to(root)
