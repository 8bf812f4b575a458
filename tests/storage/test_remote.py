"""Records from the web: over real HTTP on loopback, with the hub's client as it is, and a helpful word for failures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from preceptor.errors import StorageError, TaskError, UserError
from preceptor.storage import remote
from preceptor.storage.remote import web_address
from preceptor.storage.tables import read_files, read_records
from support.web import Page, Web, serve

RECORDS = [{"q": "one"}, {"q": "two"}]
LINES = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()
COMMIT = "0123456789abcdef0123456789abcdef01234567"
NOWHERE = Path("/nowhere")


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serve() as server:
        yield server


@pytest.fixture
def hub(web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Web:
    """The server in the place of the Hugging Face hub, and an empty cache."""
    from huggingface_hub import constants

    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, web.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", web.url)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return web


def on_hub(web: Web, path: str, body: bytes = LINES, revision: str = "main") -> None:
    headers = {"ETag": '"abc"', "X-Repo-Commit": COMMIT}
    web.pages[f"/datasets/owner/name/resolve/{revision}/{path}"] = Page(body, headers=headers)


def test_a_file_over_http(web: Web) -> None:
    web.pages["/data/items.jsonl"] = Page(LINES)
    assert read_records(f"{web.url}/data/items.jsonl", NOWHERE) == RECORDS
    assert read_records(f"{web.url}/data/items.jsonl?version=3", NOWHERE, limit=1) == RECORDS[:1]
    assert web.asked == ["GET /data/items.jsonl", "GET /data/items.jsonl?version=3"]


def test_several_files_in_their_order(web: Web, tmp_path: Path) -> None:
    web.pages["/a.json"] = Page(json.dumps(RECORDS).encode())
    (tmp_path / "b.jsonl").write_bytes(LINES)
    uris = (f"{web.url}/a.json?key=secret", "b.jsonl")
    files = read_files(uris, tmp_path)
    assert list(files.items()) == [(f"{web.url}/a.json", RECORDS), ("b.jsonl", RECORDS)]
    assert read_files(uris, tmp_path, limit=3)["b.jsonl"] == RECORDS[:1]
    assert list(read_files(uris, tmp_path, limit=2)) == [f"{web.url}/a.json"]
    assert read_files("b.jsonl", tmp_path) == {"b.jsonl": RECORDS}


def test_redirections_are_followed(web: Web) -> None:
    web.pages["/old.jsonl"] = Page(status=302, headers={"Location": "/new.jsonl"})
    web.pages["/new.jsonl"] = Page(LINES)
    assert read_records(f"{web.url}/old.jsonl", NOWHERE) == RECORDS


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("github://o/r@v1.2/data/x.json", "/o/r/v1.2/data/x.json"),
        ("github://o/r/x.json", "/o/r/HEAD/x.json"),
        ("github://o:r@main/x.json", "/o/r/main/x.json"),
        ("github://o:r@/x.json", "/o/r/HEAD/x.json"),
        ("GitHub://My-Org/my.repo@abc123/a b/ü.csv", "/My-Org/my.repo/abc123/a%20b/%C3%BC.csv"),
        ("github://o/r@main/a%20b.csv", "/o/r/main/a%20b.csv"),
        ("github://o/r@main/a@b.csv", "/o/r/main/a@b.csv".replace("@", "%40")),
    ],
)
def test_github_addresses(uri: str, address: str) -> None:
    assert web_address(uri, uri) == "https://raw.githubusercontent.com" + address


@pytest.mark.parametrize(
    "uri", ["github://o/r.json", "github://o", "github:///r@main/x.json", "github://o/r@main/x.json?raw=1"]
)
def test_github_uris_of_another_form_are_refused(uri: str) -> None:
    with pytest.raises(TaskError, match="names no file in a repository") as caught:
        web_address(uri, uri)
    assert "github://OWNER/REPO@REF/PATH" in caught.value.mend


def test_a_file_of_a_repository(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "GITHUB", web.url)
    web.pages["/owner/repo/main/data/a%20b.jsonl"] = Page(LINES)
    assert read_records("github://owner/repo@main/data/a b.jsonl", NOWHERE) == RECORDS


def test_a_file_of_a_dataset(hub: Web) -> None:
    on_hub(hub, "data/test.jsonl")
    assert read_records("hf://datasets/owner/name/data/test.jsonl", NOWHERE) == RECORDS
    assert any(asked == "GET /datasets/owner/name/resolve/main/data/test.jsonl" for asked in hub.asked)


@pytest.mark.parametrize(
    ("written", "revision"),
    [("v2", "v2"), ("refs/convert/parquet", "refs%2Fconvert%2Fparquet"), ("refs%2Fpr%2F1", "refs%2Fpr%2F1")],
)
def test_a_revision_of_a_dataset(hub: Web, written: str, revision: str) -> None:
    on_hub(hub, "test.jsonl", revision=revision)
    assert read_records(f"hf://datasets/owner/name@{written}/test.jsonl", NOWHERE) == RECORDS


def test_what_was_fetched_from_the_hub_is_there_when_the_hub_is_not(hub: Web) -> None:
    on_hub(hub, "test.jsonl")
    uri = "hf://datasets/owner/name/test.jsonl"
    assert read_records(uri, NOWHERE) == RECORDS
    hub.pages.clear()
    hub.pages["/datasets/owner/name/resolve/main/test.jsonl"] = Page(b"", 503)
    assert read_records(uri, NOWHERE) == RECORDS


@pytest.mark.parametrize(
    ("code", "words"),
    [("RepoNotFound", "no such dataset"), ("RevisionNotFound", "no such revision"), ("EntryNotFound", "no such file")],
)
def test_what_the_hub_does_not_have(hub: Web, code: str, words: str) -> None:
    hub.pages["/datasets/owner/name/resolve/main/x.jsonl"] = Page(b"", 404, {"X-Error-Code": code})
    with pytest.raises(TaskError, match=rf"hf://datasets/owner/name/x\.jsonl: there is {words}") as caught:
        read_records("hf://datasets/owner/name/x.jsonl", NOWHERE)
    assert "hf://datasets/OWNER/NAME" in caught.value.mend


def test_a_dataset_behind_a_login(hub: Web) -> None:
    hub.pages["/datasets/owner/name/resolve/main/x.jsonl"] = Page(b"", 403, {"X-Error-Code": "GatedRepo"})
    with pytest.raises(StorageError, match="asks for a login") as caught:
        read_records("hf://datasets/owner/name/x.jsonl", NOWHERE)
    assert "HF_TOKEN" in caught.value.mend


@pytest.mark.parametrize(
    "uri",
    ["hf://owner/name/x.jsonl", "hf://datasets/name/x.jsonl", "hf://datasets/owner/na--me/x.jsonl", "hf:///x.jsonl"],
)
def test_hub_uris_of_another_form_are_refused(hub: Web, uri: str) -> None:
    with pytest.raises(TaskError, match="this names no") as caught:
        read_records(uri, NOWHERE)
    assert "hf://datasets/OWNER/NAME/PATH" in caught.value.mend
    assert hub.asked == []


@pytest.mark.parametrize(
    ("page", "error", "words", "mend"),
    [
        (Page(b"", 404), TaskError, "no such file", "correct the `uri`"),
        (Page(b"", 410), TaskError, "no such file", "correct the `uri`"),
        (Page(b"", 401), StorageError, r"refuses access \(401\)", "needs no login"),
        (Page(b"", 403), StorageError, r"refuses access \(403\)", "needs no login"),
        (Page(b"", 429), StorageError, r"busy or failing \(429\)", "again later"),
        (Page(b"", 503), StorageError, r"busy or failing \(503\)", "again later"),
        (Page(LINES, cut_to=9), StorageError, "breaks off", "again"),
        (Page(b"<!DOCTYPE html>\n<html>..."), TaskError, "a web page", "raw file"),
        (Page(b"version https://git-lfs.github.com/spec/v1\noid ..."), TaskError, "pointer of Git LFS", "git-lfs"),
        (Page(b'{"q": "one"'), TaskError, r"x\.jsonl:1: not valid JSON", "one JSON object"),
    ],
)
def test_failures_say_what_to_do(web: Web, page: Page, error: type[UserError], words: str, mend: str) -> None:
    web.pages["/x.jsonl"] = page
    with pytest.raises(error, match=words) as caught:
        read_records(f"{web.url}/x.jsonl?signature=secret", NOWHERE)
    assert f"{web.url}/x.jsonl" in caught.value.message
    assert "secret" not in str(caught.value)
    assert mend in caught.value.mend


@pytest.mark.parametrize(
    "uri", ["github://o/r@main/x.jsonl", "hf://datasets/o/n/x.jsonl", "http://127.0.0.1:1/x.jsonl"]
)
def test_no_network(hub: Web, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(hub.url, "http://127.0.0.1:1")
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)  # the hub's client tries again
    monkeypatch.setattr(remote, "GITHUB", "http://127.0.0.1:1")
    with pytest.raises(StorageError, match=f"cannot read {uri}: the server does not answer") as caught:
        read_records(uri, NOWHERE)
    assert "download the file" in caught.value.mend


def test_addresses_that_are_none() -> None:
    with pytest.raises(TaskError, match="no address of a file"):
        read_records("https:///x.jsonl", NOWHERE)


@pytest.mark.parametrize("uri", ["ftp://host/x.jsonl", "gopher://host/x.jsonl"])
def test_other_schemes_are_refused(uri: str) -> None:
    with pytest.raises(TaskError, match="records cannot be read from") as caught:
        read_records(uri, NOWHERE)
    assert "hf://" in caught.value.mend
