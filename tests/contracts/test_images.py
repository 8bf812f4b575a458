"""The images' Dockerfiles, as far as they can be checked without building them."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from preceptor_operator.settings import Settings

ROOT = Path(__file__).parents[2]
DOCKERFILES = {name: ROOT / name / "Dockerfile" for name in ("operators", "runtime")}
REQUIREMENTS = ROOT / "operators" / "requirements.txt"


def _steps(path: Path) -> list[tuple[str, list[str]]]:
    """Instructions with their words, continued lines joined, comments left out."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(words[0], words[1:]) for line in joined.splitlines() if (words := line.split())]


def _sources(path: Path) -> list[str]:
    """What an image copies from the repository."""
    copied = [words for step, words in _steps(path) if step == "COPY" and not words[0].startswith("--from")]
    return [word for words in copied for word in words[:-1] if not word.startswith("--")]


def _installed() -> set[str]:
    """The distributions that pip installs for the operator's requirements.txt."""
    environment = {**default_environment(), "extra": ""}
    names = {line for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"}
    todo, found = [Requirement(name) for name in names], set()
    while todo:
        wanted = todo.pop()
        key = canonicalize_name(wanted.name)
        if key in found:
            continue
        found.add(key)
        extras = [environment | {"extra": extra} for extra in ("", *wanted.extras)]
        todo += [
            below
            for below in map(Requirement, distribution(wanted.name).requires or ())
            if below.marker is None or any(below.marker.evaluate(each) for each in extras)
        ]
    return found


@pytest.mark.parametrize("name", DOCKERFILES)
def test_what_is_copied_is_there_and_not_ignored(name: str) -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    sources = _sources(DOCKERFILES[name])
    assert {"pyproject.toml", "README.md", "LICENSE", "runtime", "operators"} <= set(sources)
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source.split('/')[0]}" in ignored


@pytest.mark.parametrize("name", DOCKERFILES)
def test_images_run_as_nobody_special(name: str) -> None:
    users = [words[0] for step, words in _steps(DOCKERFILES[name]) if step == "USER"]
    assert re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", users[-1]), "Kubernetes' runAsNonRoot needs a number"


def test_the_operators_user_is_the_charts() -> None:
    values = yaml.safe_load((ROOT / "helm" / "preceptor" / "values.yaml").read_text(encoding="utf-8"))
    context = values["podSecurityContext"]
    user = [words[0] for step, words in _steps(DOCKERFILES["operators"]) if step == "USER"][-1]
    assert user == f"{context['runAsUser']}:{context['runAsGroup']}"


def test_ray_is_the_same_everywhere() -> None:
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pinned = re.search(r"^ray==(.+)$", constraints, re.MULTILINE)
    assert pinned is not None
    arguments = [words[0] for step, words in _steps(DOCKERFILES["runtime"]) if step == "ARG"]
    assert f"RAY={pinned[1]}" in arguments
    assert Settings().ray_version == pinned[1]


def test_the_shipped_documents_are_where_the_settings_say() -> None:
    copied = [words for step, words in _steps(DOCKERFILES["runtime"]) if step == "COPY"]
    assert ["specs", Settings().document_directory] in copied


def test_the_operators_image_is_slim() -> None:
    installed = _installed()
    assert {"kopf", "lightkube", "pydantic", "pyyaml", "prometheus-client"} <= installed
    assert installed & {"ray", "torch", "numpy", "pyarrow", "fsspec", "jinja2", "scipy", "transformers"} == set()


def test_the_operator_imports_with_what_its_image_has() -> None:
    """All modules of the operator, in a process in which no other distribution can be imported."""
    owners = packages_distributions()
    allowed = _installed() | {"preceptor"}
    hidden = sorted(
        module for module, names in owners.items() if not {canonicalize_name(name) for name in names} & allowed
    )
    assert {"ray", "torch", "numpy"} <= set(hidden)
    code = f"""
import importlib, pkgutil, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {set(hidden)!r}:
            raise ModuleNotFoundError(f"the image has no {{name}}", name=name)
sys.meta_path.insert(0, Absent())
import preceptor_operator
for module in pkgutil.walk_packages(preceptor_operator.__path__, "preceptor_operator."):
    importlib.import_module(module.name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
