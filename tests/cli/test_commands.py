"""Every command that executes nothing, called as the console script calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.small_run import write_small_run

QUICKSTART = Path(__file__).parents[2] / "specs" / "quickstart.yaml"


def test_validate_says_so(call) -> None:  # type: ignore[no-untyped-def]
    code, out, err = call("validate", str(QUICKSTART))
    assert code == 0
    assert "valid" in out
    assert err == ""


def test_plan_names_what_will_be_done(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = call("plan", str(QUICKSTART), "--storage", str(tmp_path / "nowhere"))
    assert code == 0
    for word in ("private", "trainings", "$0.00", "invoice-mail"):
        assert word in out
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(("what", "key"), [("document", "spec"), ("report", "private")])
def test_schemas_are_json(call, what: str, key: str) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = call("schema", what)
    assert code == 0
    assert key in json.loads(out)["properties"]


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["validate", "missing.yaml"], "no such file"),
        (["run", "missing.yaml"], "no such file"),
        (["schema", "nothing"], "no schema"),
        (["status", "nowhere"], "no run"),
        (["report", "nowhere"], "no report"),
        (["replay", "nowhere"], "no run"),
        (["recipe", "check", "missing.yaml"], "no such file"),
        (["recipe", "check", str(QUICKSTART)], "has no recipe yet"),
        (["recipe", "check", str(QUICKSTART), "--for", str(QUICKSTART)], "skills"),
        (["report", "nowhere", "--storage", "elsewhere"], "goes with a document"),
        (["run", str(QUICKSTART), "--storage", "memory://x"], "lives in one process"),
    ],
)
def test_a_mistake_is_one_message(  # type: ignore[no-untyped-def]
    call, arguments: list[str], fragment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = call(*arguments)
    assert code == 2
    assert fragment in " ".join(err.split())
    assert "mend:" in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_every_problem_of_a_document_is_told_at_once(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    document = write_small_run(tmp_path, tmp_path, budget__iterations=0, dataset__minimum="many")
    code, _, err = call("run", str(document))
    assert code == 2
    assert "spec.budget.iterations" in err
    assert "spec.dataset.minimum" in err
    assert f"{document}:" in err
    assert not (tmp_path / "runs").exists()


def test_version(call) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = call("--version")
    assert code == 0
    assert out.startswith("preceptor ")


def test_a_recipe_is_priced(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("skills: [{skill: chat, quota: 48, sources: [{generator: chat}]}]")
    code, out, err = call("recipe", "check", str(recipe), "--for", str(QUICKSTART))
    assert (code, err) == (0, "")
    assert "48 rows" in out
    recipe.write_text("skills: [{skill: chat, quota: 48, sources: [{generator: chatt}, {kind: prompt, template: Go}]}]")
    code, out, err = call("recipe", "check", str(recipe), "--for", str(QUICKSTART))
    assert (code, out) == (2, "")
    for complaint in ("skills[0].sources[0].generator", "did you mean `chat`", "skills[0].sources[1].kind"):
        assert complaint in err


def test_a_gate_that_is_not_installed_is_found_before_anything_is_done(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    text = QUICKSTART.read_text("utf-8").replace("minimum: 48}", "minimum: 48, gates: {custom: [{name: polite}]}}")
    document = tmp_path / "polite.yaml"
    document.write_text(text.replace("quickstart/items.jsonl", str(QUICKSTART.parent / "quickstart/items.jsonl")))
    for command in ("validate", "plan", "run"):
        code, _, err = call(command, str(document), *(["--storage", str(tmp_path / "runs")] * (command != "validate")))
        assert code == 2
        assert "no gate `polite` is installed" in err
        assert "preceptor.gates" in err
