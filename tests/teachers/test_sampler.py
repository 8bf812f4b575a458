from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections import Counter
from datetime import date
from typing import Any

import pytest

from preceptor.errors import RecipeError, UserError
from preceptor.spec.actors import ProceduralTeacher as Config
from preceptor.teachers.draft import Draft
from preceptor.teachers.procedural import ProceduralTeacher
from preceptor.teachers.templates import GeneratorError
from support.payments import TEACHER, task, teacher


def made(config: Config, generator: str = "g", count: int = 200, seed: int = 1, **levels: float) -> list[Draft]:
    weights = {int(level.removeprefix("level")): weight for level, weight in levels.items()}
    return ProceduralTeacher(config).make(generator, levels=weights, count=count, seed=seed)


def one(value: dict[str, Any], **values: Any) -> Config:
    """A teacher with one generator that writes the value ``x`` as question and answer."""
    form = {"input": {"message": "{{ x }}"}}
    return teacher(
        values={**values, "x": value},
        answer="{{ x | tojson }}",
        generators={"g": {"kind": "sampler", "forms": [form]}},
    )


def drawn(value: dict[str, Any], count: int = 200, **values: Any) -> list[Any]:
    return [json.loads(draft.answer) for draft in made(one(value, **values), count=count)]


def test_question_and_answer_come_from_the_same_values() -> None:
    for draft in made(Config.model_validate(TEACHER), "letter", level1=1):
        answer = json.loads(draft.answer)
        assert draft.fields["message"].startswith(f"Please pay {answer['payee']}, {answer['amount']:,.2f} by ")
        assert str(date.fromisoformat(answer["due"]).year) in draft.fields["message"]


def test_values_left_out_are_null_in_the_answer() -> None:
    drafts = made(Config.model_validate(TEACHER), "letter", level2=1)
    assert all(json.loads(draft.answer)["due"] is None for draft in drafts)


def test_a_generators_value_replaces_the_teachers_where_that_one_stood() -> None:
    for draft in made(Config.model_validate(TEACHER), "chat"):
        assert draft.fields["message"].startswith("pay Zoe, ")


def test_a_forms_value_replaces_the_generators() -> None:
    forms = [
        {"input": {"message": "{{ x }}"}, "values": {"x": {"kind": "category", "of": ["form"]}}},
        {"input": {"message": "{{ x }}"}, "difficulty": 2},
    ]
    config = teacher(
        answer="{{ x }}",
        generators={
            "g": {"kind": "sampler", "values": {"x": {"kind": "category", "of": ["generator"]}}, "forms": forms}
        },
    )
    assert {(draft.difficulty, draft.answer) for draft in made(config)} == {(1, "form"), (2, "generator")}


def test_categories_keep_their_types_and_weights() -> None:
    values = drawn({"kind": "category", "of": ["a", 1, 2.5, True], "weights": [1, 0, 2, 1]}, 4000)
    counts = Counter(map(repr, values))
    assert set(counts) == {"'a'", "2.5", "True"}
    assert 1850 < counts["2.5"] < 2150


def test_numbers_lie_on_their_grid_and_reach_both_ends() -> None:
    assert set(drawn({"kind": "number", "low": -1, "high": 2})) == {-1, 0, 1, 2}
    tenths = drawn({"kind": "number", "low": 0.1, "high": 0.5, "decimals": 1})
    assert set(tenths) == {0.1, 0.2, 0.3, 0.4, 0.5}
    assert set(drawn({"kind": "number", "low": 0.5, "high": 2.5})) == {1, 2}


def test_a_log_distribution_draws_every_magnitude_alike() -> None:
    values = drawn({"kind": "number", "low": 1, "high": 10000, "decimals": 2, "distribution": "log"}, 4000)
    assert min(values) >= 1
    assert max(values) <= 10000
    assert 900 < sum(value < 10 for value in values) < 1100


def test_days_reach_both_ends() -> None:
    assert set(drawn({"kind": "date", "first": "2028-02-28", "last": "2028-03-01"})) == {
        "2028-02-28",
        "2028-02-29",
        "2028-03-01",
    }


@pytest.mark.parametrize("of", ["person", "firstName", "lastName", "company", "city", "street"])
def test_names_are_invented(of: str) -> None:
    names = drawn({"kind": "name", "of": of, "locale": "de_DE"}, 50)
    assert all(names)
    assert len(set(names)) > 20


def test_an_expression_gives_any_plain_type() -> None:
    values = drawn(
        {"kind": "expression", "of": "[n * 2, day | plus_days(n) | iso]"},
        n={"kind": "number", "low": 3, "high": 3},
        day={"kind": "date", "first": "2026-01-01", "last": "2026-01-01"},
    )
    assert values[0] == [6, "2026-01-04"]


def test_forms_are_chosen_by_level_then_weight() -> None:
    forms = [
        {"input": {"message": "often"}, "weight": 3},
        {"input": {"message": "seldom"}},
        {"input": {"message": "hard"}, "difficulty": 4},
    ]
    config = teacher(answer="x", generators={"g": {"kind": "sampler", "skill": "s", "forms": forms}})
    counts = Counter(
        (draft.fields["message"], draft.difficulty, draft.skill)
        for draft in made(config, count=4000, level1=1, level4=3)
    )
    assert 650 < counts["often", 1, "s"] < 850
    assert 200 < counts["seldom", 1, "s"] < 300
    assert 2850 < counts["hard", 4, "s"] < 3150
    built = ProceduralTeacher(config)
    assert (built.skills(), built.levels("g")) == ({"g": "s"}, (1, 4))


def test_all_levels_are_alike_when_none_is_weighed() -> None:
    levels = Counter(draft.difficulty for draft in made(Config.model_validate(TEACHER), "letter", count=1000))
    assert 430 < levels[1] < 570


def test_the_seed_and_the_generators_name_decide_the_rows() -> None:
    config = Config.model_validate(TEACHER)
    assert made(config, "letter", 20, seed=5) == made(config, "letter", 20, seed=5)
    assert made(config, "letter", 20, seed=5) != made(config, "letter", 20, seed=6)
    assert made(config, "letter", 20, seed=5) == made(
        teacher(generators={"letter": TEACHER["generators"]["letter"]}), "letter", 20, seed=5
    )


def test_rows_are_the_same_in_processes_with_other_hash_seeds() -> None:
    code = (
        "from support.payments import teacher; from preceptor.teachers.procedural import ProceduralTeacher\n"
        "from preceptor.recipes.digests import digest\n"
        "values = {'who': {'kind': 'name', 'locale': 'fr_FR'}, 'n': {'kind': 'number', 'low': 1, 'high': 9}}\n"
        "form = {'input': {'message': '{{ who }} {{ n }}'}}\n"
        "t = ProceduralTeacher(teacher(values=values, answer='{{ n }}', generators={'g': "
        "{'kind': 'sampler', 'forms': [form]}}))\n"
        "rows = t.make('g', levels={}, count=30, seed=3)\n"
        "print(digest([[dict(row.fields), row.answer] for row in rows]), t.identity)"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": "tests"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_the_identity_names_what_rows_depend_on() -> None:
    plain = ProceduralTeacher(teacher())
    assert plain.identity == ProceduralTeacher(teacher(concurrency=9)).identity
    assert plain.identity != ProceduralTeacher(teacher(answer="x")).identity


def test_unknown_generators_and_levels_are_refused() -> None:
    built = ProceduralTeacher(teacher())
    with pytest.raises(RecipeError, match="no generator `fax`; it has chat, letter"):
        built.make("fax", levels={}, count=1, seed=0)
    with pytest.raises(RecipeError, match="no difficulty 3"):
        built.make("letter", levels={1: 1.0, 3: 0.5}, count=1, seed=0)


def with_form(form: dict[str, Any], **generator: Any) -> Config:
    forms = [{"input": {"message": "{{ payee }}"}}, form]
    return teacher(generators={"pay-it": {"kind": "sampler", "forms": forms, **generator}})


FORM = "spec.teacher.generators.pay-it.forms[1]"


@pytest.mark.parametrize(
    ("config", "path", "said"),
    [
        (
            with_form({"input": {"message": "{{ amuont }}"}}),
            f"{FORM}.input.message",
            ("generator `pay-it`, form 2, column `message`", "`amuont`", "did you mean `amount`?"),
        ),
        (
            with_form({"input": {"message": "{{ due }}"}, "without": ["due"]}),
            f"{FORM}.input.message",
            ("`due`",),
        ),
        (with_form({"input": {"message": "{{ payee"}}), f"{FORM}.input.message", ("form 2",)),
        (
            with_form({"input": {"message": '{{ due | date("%H") }}'}}),
            f"{FORM}.input.message",
            ("unknown date token `%H`",),
        ),
        (
            with_form({"input": {"message": '{{ amount | money("1234") }}'}}),
            f"{FORM}.input.message",
            ("losing decimals",),
        ),
        (
            with_form({"input": {"message": "x"}, "without": ["duo"]}),
            f"{FORM}.without",
            ("`duo`", "did you mean `due`?"),
        ),
        (
            with_form({"input": {"message": "{{ n }}"}, "values": {"n": {"kind": "expression", "of": "1 / 0"}}}),
            f"{FORM}.values.n",
            ("form 2, value `n`", "division"),
        ),
        (
            with_form({"input": {"message": "{{ n }}"}, "values": {"n": {"kind": "expression", "of": "zzz"}}}),
            f"{FORM}.values.n",
            ("`zzz`",),
        ),
        (
            with_form({"input": {"message": "{{ n }}"}, "values": {"n": {"kind": "number", "low": 0.2, "high": 0.8}}}),
            f"{FORM}.values.n",
            ("no number with 0 decimals from 0.2 to 0.8",),
        ),
        (
            with_form({"input": {"message": "{{ n }}"}, "values": {"n": {"kind": "name", "locale": "xx_YY"}}}),
            f"{FORM}.values.n",
            ("Faker has no locale `xx_YY`",),
        ),
        (with_form({"input": {"message": "x"}}, answer="{{ nope }}"), None, ("answer", "`nope`")),
    ],
)
def test_a_check_finds_what_keeps_a_form_from_rendering(
    config: Config, path: str | None, said: tuple[str, ...]
) -> None:
    problems = ProceduralTeacher(config).check(task())
    assert len(problems) == 1
    problem = problems[0]
    assert problem.path == (path or "spec.teacher.generators.pay-it.answer")
    for part in said:
        assert part in f"{problem.message} {problem.mend}"


def test_the_order_of_keys_means_nothing() -> None:
    """An API server gives objects back with their keys sorted."""
    values = {"b": {"kind": "expression", "of": "a + z"}, "z": {"kind": "number", "low": 1, "high": 9}}
    values |= {"a": {"kind": "number", "low": 10, "high": 99}}
    rows = [
        made(with_form({"input": {"message": "{{ a }} {{ b }}"}, "values": dict(ordered)}), "pay-it", 20)
        for ordered in (values.items(), sorted(values.items()), reversed(values.items()))
    ]
    assert rows[0] == rows[1] == rows[2]


def test_values_that_depend_on_themselves_are_found() -> None:
    circle = {"n": {"kind": "expression", "of": "m"}, "m": {"kind": "expression", "of": "n + 1"}}
    [problem] = ProceduralTeacher(with_form({"input": {"message": "{{ n }}"}, "values": circle})).check(task())
    assert "depend on themselves" in problem.message
    assert "`m`" in problem.message


def test_values_that_a_row_does_not_need_are_not_drawn_and_change_nothing() -> None:
    unused = {"fails": {"kind": "expression", "of": "1 / 0"}, "n": {"kind": "number", "low": 1, "high": 9}}
    more = teacher(values={**unused, **TEACHER["values"]})
    assert made(more, "letter", 20) == made(teacher(), "letter", 20)


def test_a_check_of_a_teacher_that_fits_is_silent() -> None:
    assert ProceduralTeacher(teacher()).check(task()) == []


def test_a_check_finds_a_prompt_that_reads_other_columns() -> None:
    problems = ProceduralTeacher(teacher()).check(task(prompt="{{ context }} {{ message }}"))
    assert [problem.path for problem in problems] == [
        "spec.teacher.generators.letter",
        "spec.teacher.generators.chat",
    ]
    assert "`context`" in problems[0].message
    assert "it gives message" in problems[0].mend


def test_a_check_finds_an_answer_that_the_scorer_cannot_read() -> None:
    problems = ProceduralTeacher(teacher(answer="{{ payee }}")).check(task())
    assert len(problems) == 2
    assert "the task's scorer (json) cannot read the answer `" in problems[0].message


def test_an_error_while_making_rows_names_its_place_in_any_process() -> None:
    config = with_form({"input": {"message": "{{ amuont }}"}})
    with pytest.raises(GeneratorError) as caught:
        made(config, "pay-it")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(copy, UserError)
    assert (str(copy), copy.path) == (str(caught.value), f"{FORM}.input.message")


def test_templates_run_in_the_sandbox() -> None:
    config = with_form({"input": {"message": "{{ payee.__class__.__mro__ }}"}})
    assert len(ProceduralTeacher(config).check(task())) == 1
