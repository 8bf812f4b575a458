"""``preceptor datasets``, called as the console script calls it, on a run that a test broke or left whole."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from preceptor.console.versions import difference_page, version_page, version_table
from preceptor.printable import printable
from preceptor.storage.store import Store
from preceptor.versions.comparing import compare
from preceptor.versions.listing import listing
from preceptor.versions.run import Run, open_run
from preceptor.versions.showing import show
from support.versions import write_run


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    document, _, versions = write_run(tmp_path_factory.mktemp("original"))
    return document.parent, versions


@pytest.fixture
def versions(original: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A copy of the run in the working directory."""
    shutil.copytree(original[0], tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    return original[1]


RUN = "runs/small"


def test_the_document_or_the_directory_names_the_run(call: Any, versions: list[str]) -> None:
    code, out, err = call("datasets", "list", RUN)
    assert (code, err) == (0, "")
    assert all(version in out for version in versions)
    assert "published" in out.splitlines()[1]
    assert call("datasets", "list", "run.yaml", "--storage", "runs") == (code, out, err)


def test_show_prints_or_gives_json(call: Any, versions: list[str]) -> None:
    code, out, err = call("datasets", "show", RUN, "v2", "--rows", "1")
    assert (code, err) == (0, "")
    for said in (versions[1], versions[0], "duplicate 3", "threshold 0.9", "skill evenness", "requests"):
        assert said in out
    code, out, _ = call("datasets", "show", RUN, "v2", "--rows", "2", "--json")
    data = json.loads(out)
    assert (code, data["version"], len(data["sample"])) == (0, versions[1], 2)


def test_diff_says_what_changed(call: Any, versions: list[str]) -> None:
    code, out, err = call("datasets", "diff", RUN, "v1", "v2")
    assert (code, err) == (0, "")
    assert "6 rows gone, 6 in both (6 carried over), 12 new" in out
    assert "warm: 6 → 7 rows" in out


def test_what_a_model_wrote_cannot_act_on_the_terminal(call: Any, versions: list[str]) -> None:
    for arguments in (("show", RUN, "v1", "--rows", "9"), ("diff", RUN, "v1", "v2", "--rows", "9")):
        _, out, _ = call("datasets", *arguments)
        assert r"\u2028\x1b[31m [red]in the snow[/]" in out
        assert "\x1b" not in out
    _, out, _ = call("datasets", "show", RUN, "v1", "--json")
    assert out.isascii()


def test_verify_tells_whole_from_damaged_by_its_exit_code(call: Any, versions: list[str]) -> None:
    code, out, err = call("datasets", "verify", RUN)
    assert (code, err) == (0, "")
    assert [line.split(",")[0] for line in out.splitlines()] == [f"{version}: whole" for version in versions]

    shard = Path(RUN) / "datasets" / versions[1] / "data-00000.parquet"
    data = shard.read_bytes()
    shard.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    code, out, err = call("datasets", "verify", RUN)
    assert (code, err) == (1, "")
    assert f"{versions[0]}: whole" in out
    assert f"{versions[1]}: NOT whole" in out
    assert "data-00000.parquet is not the file that was committed" in out
    assert "mend: restore it" in out
    assert call("datasets", "verify", RUN, "v1")[0] == 0


def test_verify_of_a_version_that_only_the_ledger_knows(call: Any, versions: list[str]) -> None:
    shutil.rmtree(Path(RUN) / "datasets" / versions[0])
    code, out, _ = call("datasets", "verify", RUN, versions[0])
    assert code == 1
    assert "is missing; the ledger says it was committed" in out


def test_verify_of_a_damaged_ledger(call: Any, versions: list[str]) -> None:
    event = max((Path(RUN) / "ledger").iterdir())
    event.write_bytes(b"{}")
    code, out, _ = call("datasets", "verify", RUN)
    assert code == 1
    assert out.startswith("  ledger ")
    assert f"{versions[0]}: whole" in out


def test_a_copied_version_is_verified_and_exported_by_itself(call: Any, versions: list[str]) -> None:
    shutil.copytree(Path(RUN) / "datasets" / versions[1], "elsewhere")
    code, out, _ = call("datasets", "verify", "elsewhere")
    assert code == 0
    assert f"{versions[1]}: whole" in out
    assert "not checked: " in out
    code, out, err = call("datasets", "export", "elsewhere", "--format", "openai")
    assert code == 0
    assert f"{versions[1]}.jsonl: 18 rows" in out
    assert "no system message" in err
    assert len(Path(f"{versions[1]}.jsonl").read_text("utf-8").splitlines()) == 18


def test_export_writes_here_once(call: Any, versions: list[str]) -> None:
    before = set(Path().iterdir())
    code, out, err = call("datasets", "export", "run.yaml", "v1", "--format", "parquet", "--storage", "runs")
    assert (code, err) == (0, "")
    assert {str(path) for path in set(Path().iterdir()) - before} == {f"small-{versions[0]}.parquet"}
    assert out == f"small-{versions[0]}.parquet: 12 rows of {versions[0]} as parquet\n"
    code, out, err = call("datasets", "export", RUN, "v1", "--format", "parquet")
    assert (code, out) == (2, "")
    assert "is there already" in err
    assert call("datasets", "export", RUN, "v1", "--format", "parquet", "--force")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["list", "nowhere"], "there is no run"),
        (["list", "missing.yaml"], "no such file"),
        (["list", "runs", "--storage", "runs"], "goes with a document"),
        (["show", RUN], "which version?"),
        (["show", RUN, "v9"], "there is no dataset version v9"),
        (["diff", RUN, "v1", "v9"], "there is no dataset version v9"),
        (["verify", RUN, "v9"], "there is no dataset version v9"),
        (["verify", "nowhere"], "there is no run"),
        (["export", RUN, "v1"], "--format is missing"),
        (["export", RUN, "v1", "--format", "opanai"], "did you mean `openai`?"),
        (["export", RUN, "v1", "--format", "csv"], "choose one of: alpaca, sharegpt, openai, parquet"),
        (["export", RUN, "v1", "--format", "openai", "--output", "no/such/file"], "there is no directory"),
        (["export", RUN, "v1", "--format", "openai", "--output", "runs"], "is a directory"),
    ],
)
def test_a_mistake_is_one_message(call: Any, versions: list[str], arguments: list[str], fragment: str) -> None:
    before = sorted(Path().rglob("*"))
    code, out, err = call("datasets", *arguments)
    assert (code, out) == (2, "")
    assert fragment in err
    assert err.count("error: ") == err.count("mend: ") == 1
    assert "Traceback" not in err
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize("command", ["list", "show", "verify", "export --format openai"])
def test_a_run_that_never_committed(call: Any, versions: list[str], command: str) -> None:
    shutil.rmtree(Path(RUN) / "datasets")
    for event in (Path(RUN) / "ledger").glob("*"):
        if not event.name.startswith("000001"):
            event.unlink()
    code, out, err = call("datasets", *command.split(), RUN)
    assert (code, out) == (2, "")
    assert "has no dataset version yet" in err


# --- what it looks like ---


def pages(run: Run, versions: list[str]) -> list[Any]:
    return [
        version_table(listing(run)),
        version_page(show(run, versions[1], 3)),
        difference_page(compare(run, *versions, rows=2)),
    ]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_pages_fit_the_terminal(width: int, versions: list[str]) -> None:
    for page in pages(open_run(Store.open(RUN)), versions):
        text = io.StringIO()
        Console(file=text, width=width, force_terminal=False).print(page)
        assert max(map(len, text.getvalue().splitlines())) <= width
        if width >= 80:
            assert versions[1] in text.getvalue()


def test_without_colour_there_is_none(versions: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    for page in pages(open_run(Store.open(RUN)), versions):
        text = io.StringIO()
        Console(file=text, width=80, force_terminal=True).print(page)
        assert "\x1b[3" not in text.getvalue()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünï 漢字 🙂", "plain ünï 漢字 🙂"),
        ("a\x1b]0;title\x07b", r"a\x1b]0;title\x07b"),
        ("\x9b31m", r"\x9b31m"),
        ("one\ntwo\r\nthree", "one two three"),
        ("over\rwritten\x08", r"over\rwritten\x08"),
        ("abc\u202edcba", r"abc\u202edcba"),
        ("\u2066x\u2069", r"\u2066x\u2069"),
        ("👩\u200d🔬", "👩\u200d🔬"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_could_act_on_a_terminal_is_spelt_out(text: str, shown: str) -> None:
    assert printable(text) == shown
