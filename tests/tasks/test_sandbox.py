"""Templates: what they may do, how values are written, and that a hostile one ends at once."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from preceptor.errors import TaskError
from preceptor.tasks.prompts import compile_expression, compile_template

FIELDS: dict[str, Any] = {
    "text": "hello",
    "n": 3,
    "nothing": None,
    "row": {"x": [1, None, True], "é": "ü"},
    "rows": [1, 2, 3],
    "day": date(2026, 5, 3),
    "price": Decimal("1.50"),
    "nan": math.nan,
    "bytes": b"x",
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ text }} {{ n }} {{ n / 2 }}", "hello 3 1.5"),
        ("{{ row }}", '{"x": [1, null, true], "é": "ü"}'),
        ("{{ nothing }} {{ true }} {{ rows }}", "null true [1, 2, 3]"),
        ("{{ text | tojson }} {{ '<&>' | tojson }} {{ '<&>' }}", '"hello" "<&>" <&>'),
        ("{{ day }} {{ price }} {{ [day, price] }}", '2026-05-03 1.50 ["2026-05-03", 1.5]'),
        ("{{ text ~ n ~ nothing ~ row.x }}", "hello3null[1, null, true]"),
        ("{{ text.split('l')[-1] }}{{ text.upper() }}{{ row.get('y') }}", "oHELLOnull"),
        ("{{ rows | join(', ') }} {{ rows | map('string') | join }} {{ rows | sum }}", "1, 2, 3 123 6"),
        ("{{ text | replace('l', 'L') }} {{ 2.345 | round(1) }}", "heLLo 2.3"),
        ("{% for r in rows %}{{ loop.index }}.{{ r }} {% endfor %}", "1.1 2.2 3.3 "),
        ("{% if nothing is none and text ~ n == 'hello3' %}yes{% endif %}", "yes"),
        ("{{ missing | default('none given') }}", "none given"),
        ("{% for i in range(3) %}{{ i }}{% endfor %}", "012"),
    ],
)
def test_values_are_written(template: str, expected: str) -> None:
    assert compile_template(template, "here")(FIELDS) == expected


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("{{ tex }}", "here: there is no `tex`\n  mend: did you mean `text`?"),
        ("{{ row.y }}", "no attribute 'y'"),
        ("{{ [n, missing] }}", "there is no `missing`"),
        ("{{ text", "unexpected end of template"),
        ("a\nb {{ text", "here, line 2: unexpected end"),
        ("{{ text + 1 }}", "can only concatenate"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ nan }}", "not a finite number"),
        ("{{ [nan] }}", "not JSON compliant"),
        ("{{ bytes }}", "type bytes cannot be written"),
        ("{{ text.upper }}", "cannot be written as text"),
        ("{{ text | nope }}", "there is no filter `nope`"),
    ],
)
def test_mistakes_are_explained(template: str, complaint: str) -> None:
    with pytest.raises(TaskError) as caught:
        compile_template(template, "here")(FIELDS)
    assert complaint in str(caught.value)


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "template",
    [
        "{{ 'x' * 10**9 }}",
        "{{ [0] * 10**9 }}",
        "{{ 10 ** (10 ** 10) }}",
        "{{ 9 ** 9 ** 9 ** 9 ** 9 }}",
        "{{ 1.5 ** (10 ** 10) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ 'x' | center(10**9) }}",
        "{{ 'x'.ljust(10**9) }}",
        "{{ 5 | round(-(10**9)) }}",
        "{% for i in range(10**9) %}x{% endfor %}",
        "{% for i in range(10**6) %}xxxxxxxxxx{% endfor %}",
        "{% for i in range(1000) %}" * 3 + "{% endfor %}" * 3,
        "{% for i in rows %}" * 4 + "{% endfor %}" * 4,
        "{{ text" + "| replace('', text)" * 30 + " }}",
        "{{ text" + "| join(text)" * 30 + " }}",
        "{% set x = [1] %}{{ x }}",
        "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
        "{% include 'secrets' %}",
        "{% import 'os' as os %}",
        "{% extends 'x' %}",
        "{{ lipsum(n=100000) }}",
        "{{ cycler('a') }}",
        "{{ [1, 2] | random }}",
        "{{ text.__class__.__mro__ }}",
        "{{ text | attr('__class__') }}",
        "{{ ''['__class__'] }}",
        "{{ rows.append(4) }}",
        "{{ rows.clear() }}",
        "{{ (text.upper)() ~ range.__globals__ }}",
        "{{ self.__init__ }}",
        "{{" + "(" * 5000 + "1" + ")" * 5000 + "}}",
        "{{" + "-" * 5000 + "1 }}",
        "{{ " + "9" * 5000 + " }}",
        "x" * 60_000,
    ],
)
def test_hostile_templates_are_refused_at_once(template: str) -> None:
    with pytest.raises(TaskError):
        compile_template(template, "here")(FIELDS)
    assert FIELDS["rows"] == [1, 2, 3]


def test_rendering_many_rows_never_uses_up_an_allowance_of_its_own() -> None:
    renderer = compile_template("{{ (long | upper)[:1] }}", "here")
    assert [renderer({"long": "x" * 1_000_000}) for _ in range(80)] == ["X"] * 80
    with pytest.raises(TaskError, match="too much work"):
        compile_template("{{ (long | upper)[:1] }}" * 80, "here")({"long": "x" * 1_000_000})


@pytest.mark.parametrize(
    ("expression", "expected"),
    [("n * 2.5", 7.5), ("text ~ n", "hello3"), ("n if nothing is none else 0", 3), ("[n, day]", [3, date(2026, 5, 3)])],
)
def test_expressions_keep_their_type(expression: str, expected: object) -> None:
    assert compile_expression(expression, "here")(FIELDS) == expected


@pytest.mark.parametrize(
    "expression", ["missing", "row.y", "n n", "(n", "n }} {{ n", "range(3)", "text.upper", "'x' * 9"]
)
def test_bad_expressions_are_refused(expression: str) -> None:
    with pytest.raises(TaskError, match="here"):
        compile_expression(expression, "here")(FIELDS)


def test_names_a_template_reads() -> None:
    renderer = compile_template(
        "{{ a }}{{ b | default(1) }}{% if c is defined %}{{ c }}{% endif %}{% for x in range(2) %}{{ x }}{% endfor %}",
        "here",
    )
    assert renderer.variables == {"a", "b", "c"}
    assert renderer.required == {"a"}


def test_extra_filters_stand_beside_the_common_ones() -> None:
    renderer = compile_template("{{ text | shout | lower }}", "here", filters={"shout": lambda text: f"{text}!"})
    assert renderer(FIELDS) == "hello!"
    with pytest.raises(TaskError, match="no filter `shout`"):
        compile_template("{{ text | shout }}", "here")
