"""Public files on the web: ``https://``, a GitHub repository, a dataset on the Hugging Face hub.

====================================================  ============================================================
``https://HOST/PATH`` (and ``http://``)               fetched as it is
``github://OWNER/REPO@REF/PATH``                      fetched from raw.githubusercontent.com: no key and no quota of
                                                      the API; ``REF`` is a commit, a tag or a branch without ``/``
``hf://datasets/OWNER/NAME[@REVISION]/PATH``          fetched through huggingface_hub: its cache, ``HF_TOKEN``,
                                                      ``HF_ENDPOINT`` and ``HF_HUB_OFFLINE`` hold
====================================================  ============================================================

fsspec writes a repository as ``github://OWNER:REPO@REF/PATH``; that form is read too. fsspec's own GitHub file system
asks the API, which answers sixty times an hour without a key, and gives files of Git LFS as pointers.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, unquote

from preceptor.errors import StorageError, TaskError, UserError

SCHEMES = frozenset({"http", "https", "github", "hf"})
"""Schemes that :func:`fetch` reads."""
GITHUB = "https://raw.githubusercontent.com"
"""Where GitHub serves the files of public repositories."""

_REPOSITORY = re.compile(r"github://([\w.-]+)[/:]([\w.-]+?)(?:@([^/]*))?/([^?#]+)", re.IGNORECASE)
_DATASET = re.compile(
    r"hf://datasets/([\w.-]+/[\w.-]+?)(?:@(refs/(?:convert|pr)/[^/]+|[^/]+))?/([^?#]+)", re.IGNORECASE
)
_GITHUB_MEND = "write github://OWNER/REPO@REF/PATH, with a commit, a tag or a branch as REF"
_HUB_MEND = "write hf://datasets/OWNER/NAME/PATH, or hf://datasets/OWNER/NAME@REVISION/PATH"
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_INSTEAD = "or download the file and write its path"


def fetch(uri: str, shown: str) -> bytes:
    """The whole file behind a URI of :data:`SCHEMES`; ``shown`` is what messages call it.

    Raises:
        TaskError: the URI is not of its scheme's form, or there is no such file.
        StorageError: the file is there, or may be, and cannot be had.
    """
    scheme = uri.partition("://")[0].lower()
    data = _from_hub(uri, shown) if scheme == "hf" else _from_web(web_address(uri, shown), shown)
    if data.startswith(_LFS_POINTER):
        mend = "download the file with git-lfs and write its path, or take it from where the project publishes it"
        raise TaskError(f"{shown}: holds a pointer of Git LFS, not the file itself", mend=mend)
    if data[:200].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        mend = "give the address of the raw file; for GitHub and Hugging Face use github:// and hf://"
        raise TaskError(f"{shown}: the address gives a web page, not a file of records", mend=mend)
    return data


def web_address(uri: str, shown: str) -> str:
    """The address that an ``https://`` or ``github://`` URI is fetched from. Raises ``TaskError`` for another form."""
    if not uri.lower().startswith("github://"):
        return uri
    match = _REPOSITORY.fullmatch(uri)
    if match is None:
        raise TaskError(f"{shown}: this names no file in a repository", mend=_GITHUB_MEND)
    owner, repository, reference, path = match.groups()
    return f"{GITHUB}/{owner}/{repository}/{quote(unquote(reference or 'HEAD'))}/{quote(unquote(path))}"


def dataset_file(uri: str, shown: str) -> tuple[str, str | None, str]:
    """Dataset, revision and path of an ``hf://`` URI. Raises ``TaskError`` for another form."""
    match = _DATASET.fullmatch(uri)
    if match is None:
        raise TaskError(f"{shown}: this names no file of a dataset on the hub", mend=_HUB_MEND)
    dataset, revision, path = match.groups()
    return dataset, unquote(revision) if revision else None, unquote(path)


def _from_web(address: str, shown: str) -> bytes:
    from aiohttp import ClientError  # late: only who reads from the web needs it
    from fsspec.implementations.http import HTTPFileSystem

    try:
        # Proxies come from the environment, as for every other client here.
        return bytes(HTTPFileSystem(client_kwargs={"trust_env": True}).cat_file(address))
    except (ClientError, OSError, ValueError) as error:  # ValueError: no address at all, such as https:///a
        raise _explained(shown, error) from error


def _from_hub(uri: str, shown: str) -> bytes:
    repository, revision, path = dataset_file(uri, shown)
    try:
        from huggingface_hub import errors as hub
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        raise StorageError(
            f"cannot read {shown}: the package for `hf://` is not installed", mend="pip install 'preceptor[hub]'"
        ) from error
    try:
        local = hf_hub_download(
            repository,
            path,
            repo_type="dataset",
            revision=revision,
            library_name="preceptor",
        )
        return Path(local).read_bytes()
    except hub.GatedRepoError as error:
        mend = "accept the dataset's terms on its page, then set HF_TOKEN to a token that may read it"
        raise StorageError(f"cannot read {shown}: the hub asks for a login", mend=mend) from error
    except (hub.RepositoryNotFoundError, hub.RevisionNotFoundError, hub.RemoteEntryNotFoundError) as error:
        what = {hub.RepositoryNotFoundError: "dataset", hub.RevisionNotFoundError: "revision"}.get(type(error), "file")
        mend = f"correct the `uri`; a private dataset needs HF_TOKEN. {_HUB_MEND[0].upper()}{_HUB_MEND[1:]}"
        raise TaskError(f"{shown}: there is no such {what} on the hub", mend=mend) from error
    except hub.HFValidationError as error:
        raise TaskError(f"{shown}: this names no dataset on the hub", mend=_HUB_MEND) from error
    except (hub.LocalEntryNotFoundError, OSError) as error:
        raise _explained(shown, error) from error


def _explained(shown: str, error: Exception) -> UserError:
    """What a failed fetch means: the address is wrong, access is refused, or the world is not well just now."""
    answer = getattr(error, "response", None)
    status = getattr(error, "status", None) or getattr(answer, "status_code", None)
    if status in (404, 410) or type(error) is FileNotFoundError:
        return TaskError(f"{shown}: no such file", mend="correct the `uri`")
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return TaskError(f"{shown}: this is no address of a file", mend="write https://HOST/PATH")
    if status in (401, 403):
        mend = f"give the address of a file that needs no login, {_INSTEAD}"
        return StorageError(f"cannot read {shown}: the server refuses access ({status})", mend=mend)
    if isinstance(status, int):
        mend = f"run the same command again later, {_INSTEAD}"
        return StorageError(f"cannot read {shown}: the server is busy or failing ({status})", mend=mend)
    return StorageError(
        f"cannot read {shown}: the server does not answer, or breaks off",
        mend=f"check the address and the network, then run the same command again, {_INSTEAD}",
    )
