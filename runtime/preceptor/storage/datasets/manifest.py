"""What is written down about a version."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class _Stored(BaseModel):
    """A stored record: immutable, and tolerant of keys that a later release added."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)


class FileInfo(_Stored):
    """One file of a version."""

    path: str
    """Its name in the version's directory."""
    bytes: int
    """Its size."""
    sha256: str
    """Digest of the file, in hex."""


class ShardInfo(FileInfo):
    """One Parquet file of a version."""

    rows: int
    """Rows in it."""


class _About(_Stored):
    """What a version's rows do not say themselves."""

    description: str = ""
    """What the task is, for the card."""
    recipe: str = ""
    """Digest of the recipe it was made by."""
    parents: tuple[str, ...] = ()
    """Versions that rows were carried over from."""
    funnel: dict[str, Any] = Field(default_factory=dict)
    """Rows made, accepted and dropped, by reason; see :class:`preceptor.recipes.funnel.Funnel`."""
    gates: dict[str, Any] = Field(default_factory=dict)
    """The gates its rows passed, by name and in their order: settings and, under ``dropped``, rows by reason."""
    created_by: dict[str, Any] = Field(default_factory=dict)
    """Which software and run made it."""


class VersionInfo(_About):
    """What the driver knows of a version beyond its rows."""

    number: int = Field(ge=1)
    """Which version of the run it is, for people: 1, 2, …"""


class Manifest(_About):
    """What makes a version real."""

    version: str
    """The name: number and first digits of ``digest``."""
    number: int | None = None
    """Which version of the run it is; an early release could leave it out."""
    digest: str = ""
    """64 hex digits of the rows' digest; early releases wrote only the 12 in the name."""
    rows: int
    """Rows in all shards."""
    skills: dict[str, int]
    """Rows of each skill, by name."""
    diversity: dict[str, Any] = Field(default_factory=dict)
    """How varied the rows are; see :class:`preceptor.evaluation.diversity.Diversity`."""
    shards: tuple[ShardInfo, ...]
    """The files of rows, in order."""
    files: tuple[FileInfo, ...] = ()
    """The other files: the card and the Croissant metadata."""
