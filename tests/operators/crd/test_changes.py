"""Changes of an object: what the API server takes is what a run may go on under."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from preceptor.spec.changes import resume_problems
from preceptor.spec.document import Specialization
from preceptor_operator.crd.manifest import schema
from support.admission import Refusal, admit

SCHEMA = schema()
FINANCE = Path(__file__).parents[3] / "specs" / "finance.yaml"
LIMITS = ("attempts", "rows", "teacherRequests", "teacherRequestsPerAttempt", "tokens", "usd")


def _finance() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(FINANCE.read_text(encoding="utf-8"))
    data["spec"]["dataset"]["gates"] = {
        "contamination": {"neighbours": {"model": "m", "concurrency": 4, "checker": {"model": "c"}}}
    }
    return data


def _leaves(value: Any, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    if isinstance(value, dict):
        return [leaf for key, each in value.items() for leaf in _leaves(each, (*path, key))]
    return [path] if isinstance(value, bool | int | float) else []


STORED = admit(SCHEMA, _finance()).object
NUMBERS = [leaf for leaf in _leaves(STORED["spec"], ("spec",)) if leaf[1] != "budget"]


def _set(document: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    at = changed
    for key in path[:-1]:
        at = at.setdefault(key, {})
    if value is None:
        at.pop(path[-1], None)
    else:
        at[path[-1]] = value
    return changed


def _canonical(document: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in document.items() if key != "status"}
    return Specialization.model_validate(kept).canonical()


def _about_changes(refusals: tuple[Refusal, ...]) -> list[str]:
    marks = ("cannot change", "may only grow")
    assert [each for each in refusals if not any(mark in each.message for mark in marks)] == []
    return [each.path for each in refusals]


def _agree(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Tell whether a change is refused; the API server and a resumed run must be of one mind."""
    stored = admit(SCHEMA, old)
    assert stored.refusals == ()
    refused = bool(_about_changes(admit(SCHEMA, new, stored.object).refusals))
    problems = resume_problems(_canonical(old), _canonical(new))
    assert refused == bool(problems), (problems, new["spec"])
    return refused


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else value * 0.99 if value else 0.001


@pytest.mark.parametrize("path", NUMBERS, ids=".".join)
def test_every_number_and_switch_is_held_or_free_alike(path: tuple[str, ...]) -> None:
    value: Any = STORED
    for key in path:
        value = value[key]
    try:
        changed = _set(STORED, path, _other(value))
        Specialization.model_validate({key: each for key, each in changed.items() if key != "status"})
    except ValueError:
        pytest.skip("this change contradicts the rest of the document")
    if admit(SCHEMA, changed).refusals:
        pytest.skip("this change is refused in any document")
    _agree(STORED, changed)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "task", "prompt"), "{{ other }}"),
        (("spec", "task", "items", "uri"), "other.jsonl"),
        (("spec", "engineer", "model"), "other"),
        (("spec", "engineer", "endpoint", "extraBody"), {"deep": {"er": 1}}),
        (("spec", "teacher", "model"), "other"),
        (("spec", "teacher", "endpoint", "extraBody"), {"chat_template_kwargs": {"enable_thinking": True}}),
        (("spec", "student", "model"), "other"),
        (("spec", "dataset", "gates", "contamination", "neighbours"), None),
        (("spec", "dataset", "gates", "contamination", "neighbours", "model"), "other"),
        (("spec", "approval", "required"), ["train"]),
    ],
)
def test_identity_is_held(path: tuple[str, ...], value: Any) -> None:
    assert _agree(_finance(), _set(_finance(), path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "suspend"), True),
        (("spec", "approval", "granted"), ["train"]),
        (("spec", "compute", "image"), "other:1"),
        (("spec", "storage", "uri"), "s3://bucket/runs"),
        (("spec", "teacher", "concurrency"), 3),
        (("spec", "dataset", "gates", "contamination", "neighbours", "concurrency"), 2),
        (("metadata", "labels"), {"a": "b"}),
    ],
)
def test_what_makes_no_difference_is_free(path: tuple[str, ...], value: Any) -> None:
    assert not _agree(_finance(), _set(_finance(), path, value))


_AMOUNTS = st.none() | st.integers(2000, 2006)


@settings(deadline=None, max_examples=60)
@given(
    old=st.fixed_dictionaries({"iterations": st.integers(1, 4), **dict.fromkeys(LIMITS, _AMOUNTS)}),
    new=st.fixed_dictionaries({"iterations": st.integers(1, 4), **dict.fromkeys(LIMITS, _AMOUNTS)}),
    change=st.sampled_from(("iterations", *LIMITS, None)),
)
def test_budgets_grow_alike(old: dict[str, Any], new: dict[str, Any], change: str | None) -> None:
    """One limit changes, or all of them."""
    after = new if change is None else old | {change: new[change]}
    before, then = (
        _set(_finance(), ("spec", "budget"), {key: value for key, value in limits.items() if value is not None})
        for limits in (old, after)
    )
    _agree(before, then)


@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [
        ("12h", "13h", False),
        ("12h", "720m", False),
        ("12h", "11h59m", True),
        ("90m", "1.5h", False),
        ("90m", None, False),
        (None, "90m", True),
        ("2d", "10d", False),
        ("10d", "9d", True),
        ("48h", "2d", False),
    ],
)
def test_time_grows_alike(old: str | None, new: str | None, refused: bool) -> None:
    before, after = (_set(_finance(), ("spec", "budget", "wallClock"), limit) for limit in (old, new))
    assert _agree(before, after) == refused


def test_days_against_hours_are_left_to_the_driver() -> None:
    before, after = (_set(_finance(), ("spec", "budget", "wallClock"), limit) for limit in ("2d", "1h"))
    assert admit(SCHEMA, after, admit(SCHEMA, before).object).refusals == ()
    assert resume_problems(_canonical(before), _canonical(after))
