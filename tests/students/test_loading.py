import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from preceptor.errors import StudentError
from preceptor.students.loading import load


def cut_short(directory: Path) -> None:
    weights = directory / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])


def no_weights(directory: Path) -> None:
    (directory / "model.safetensors").unlink()


def not_json(directory: Path) -> None:
    (directory / "config.json").write_text("{")


def unknown_kind(directory: Path) -> None:
    (directory / "config.json").write_text('{"model_type": "nobody-knows"}')


@pytest.mark.parametrize("spoil", [cut_short, no_weights, not_json, unknown_kind])
def test_a_directory_that_does_not_load_is_a_students_error(
    spoil: Callable[[Path], None], tiny: Path, tmp_path: Path
) -> None:
    directory = Path(shutil.copytree(tiny, tmp_path / "student"))
    spoil(directory)
    with pytest.raises(StudentError, match=f"{directory} does not load as a causal language model"):
        load(directory)
