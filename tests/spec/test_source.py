"""YAML text as data: what the readers of the world agree on, with lines; bounded whatever the text."""

from __future__ import annotations

import math
import time

import pytest

from preceptor.errors import DocumentError
from preceptor.spec.source import MAX_BYTES, join, parent, parse


def test_scalars_mean_what_kubectl_reads() -> None:
    text = """
text: plain
quoted: "12"
whole: 12
negative: -3
fraction: .5
scientific: 1e-4
day: 2025-01-31
ratio: 1:30
nothing: ~
also: null
blank:
yes_quoted: "yes"
right: true
wrong: FALSE
infinite: -.inf
1: number as key
"""
    assert parse(text, "x").data == {
        "text": "plain",
        "quoted": "12",
        "whole": 12,
        "negative": -3,
        "fraction": 0.5,
        "scientific": 1e-4,
        "day": "2025-01-31",
        "ratio": "1:30",
        "nothing": None,
        "also": None,
        "blank": None,
        "yes_quoted": "yes",
        "right": True,
        "wrong": False,
        "infinite": -math.inf,
        "1": "number as key",
    }


@pytest.mark.parametrize("scalar", ["no", "Off", "y", "N", "0x1F", "0b11", "0o7", "010", "1_000"])
def test_what_readers_disagree_about_is_a_problem(scalar: str) -> None:
    (problem,) = parse(f"a:\n  b: {scalar}", "x").problems
    assert (problem.path, problem.line) == ("a.b", 2)
    assert scalar in problem.message
    assert parse(f"a:\n  b: '{scalar}'", "x").problems == ()


def test_lines_are_those_of_keys_and_entries() -> None:
    source = parse("a:\n  - b: 1\n    c: {d: 2,\n      e: 3}\n  -\n    - 4\n'f.g':\n  h: 5\n", "x")
    assert source.lines == {
        "a": 1,
        "a[0]": 2,
        "a[0].b": 2,
        "a[0].c": 3,
        "a[0].c.d": 3,
        "a[0].c.e": 4,
        "a[1]": 6,
        "a[1][0]": 6,
        '["f.g"]': 7,
        '["f.g"].h': 8,
    }


@pytest.mark.parametrize(
    ("outer", "part", "path"),
    [("", "a", "a"), ("a", "b", "a.b"), ("a", 3, "a[3]"), ("a[3]", "b", "a[3].b"), ("a", "b.c", 'a["b.c"]')],
)
def test_parent_undoes_join(outer: str, part: str | int, path: str) -> None:
    assert join(outer, part) == path
    assert parent(path) == outer


def test_anchors_and_merges() -> None:
    text = """
base: &base {a: 1, b: {c: 2}}
copy: *base
more: {<<: *base, a: 3, d: 4}
many:
  <<: [{a: 5}, *base]
"""
    source = parse(text, "x")
    assert source.problems == ()
    assert source.data["copy"] == {"a": 1, "b": {"c": 2}}
    assert source.data["more"] == {"a": 3, "b": {"c": 2}, "d": 4}
    assert source.data["many"] == {"a": 5, "b": {"c": 2}}
    assert (source.lines["more.a"], source.lines["more.b"]) == (4, 2)


def test_a_merge_does_not_count_as_a_duplicate_key() -> None:
    assert parse("a: &x {k: 1}\nb:\n  k: 2\n  <<: *x\n", "x").data["b"] == {"k": 2}


def _laughs() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (_laughs(), "once its aliases are written out"),
        ("a: " + "[" * 10_000, "nested more than"),
        ("a: " + "{b: " * 100 + "1" + "}" * 100, "nested more than"),
        ("a: &x\n  b: *x\n", "contains itself"),
        ("a: &x\n  <<: *x\n", "contains itself"),
        ("a: " + "x" * MAX_BYTES, "longer than 256 KiB"),
        ("a: \x07", "a character that YAML does not allow"),
        ("%YAML 3.0\n---\na: 1", "not YAML"),
        ("a: 'x", "not YAML"),
        ("? [a]\n: b", "a key is not text"),
    ],
)
def test_hostile_text_is_refused_soon(text: str, says: str) -> None:
    started = time.process_time()
    with pytest.raises(DocumentError) as caught:
        parse(text, "x")
    assert says in str(caught.value)
    assert all(problem.mend for problem in caught.value.problems)
    assert time.process_time() - started < 5


def test_a_control_character_has_a_line() -> None:
    with pytest.raises(DocumentError) as caught:
        parse("a: 1\nb: 2\nc: \x01\n", "x")
    assert caught.value.problems[0].line == 3


def test_problems_are_gathered() -> None:
    source = parse('a: NO\nb: 1\nb: 2\nc: !!set {x}\nd: "\\ud800"\n', "x")
    assert [problem.line for problem in source.problems] == [1, 3, 4, 5]
    assert source.data["b"] == 1
