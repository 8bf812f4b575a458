"""`preceptor render` prints what the operator would apply."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from preceptor.cli import app
from preceptor.errors import UserError
from preceptor.spec.load import load
from preceptor_operator.manifests import Wanted, config_map, ray_job
from preceptor_operator.settings import Settings
from support.charts import ROOT, GoYaml

QUICKSTART = ROOT / "specs" / "quickstart.yaml"


def rendered(*arguments: str) -> list[object]:
    done = CliRunner().invoke(app, ["render", str(QUICKSTART), *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return list(yaml.load_all(done.stdout, Loader=GoYaml))


def test_it_is_what_the_operator_applies(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("{storageRoot: s3://bucket/lab, image: 'mine:1'}")
    document = load(QUICKSTART).spec
    wanted = Wanted(document=document, name="quickstart", namespace="runs", attempt=3)
    expected = [config_map(wanted), ray_job(wanted, Settings(storage_root="s3://bucket/lab", image="mine:1"))]
    assert rendered("--settings", str(settings), "--namespace", "runs", "--attempt", "3") == expected


def test_storage_in_a_pod_is_a_mistake_with_its_mend() -> None:
    with pytest.raises(UserError, match="mend: write it in full"):
        rendered()


def test_settings_that_are_wrong_are_named(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("{storageRoot: s3://bucket, imagge: x}")
    with pytest.raises(UserError, match="imagge"):
        rendered("--settings", str(settings))
