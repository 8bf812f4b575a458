"""Python literals out of ugly answers: outputs as CRUXEval has them, each worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preceptor.errors import TaskError
from preceptor.spec.task import LiteralScorer
from preceptor.tasks.items import Item
from preceptor.tasks.scorers import Score, build_scorer
from preceptor.tasks.scorers.literal import read_literal
from preceptor.tasks.scorers.literals import LONGEST

SCORER = build_scorer(LiteralScorer(kind="literal"))


def score(reference: str, output: str) -> Score:
    return SCORER.score(Item("i", {}, "p", reference, "s", "c"), output)


RIGHT = [
    # The same value in other dress.
    ("[(4, 1), (4, 1), (2, 3)]", "[(4,1),(4,1),(2,3)]"),
    ("{1: None, 2: None}", "{2: None, 1: None}"),
    ("'hbtofdeiequ'", '"hbtofdeiequ"'),
    ("(0, 'xxxxxxxxx')", '(0, "xxxxxxxxx")'),
    ("(3, 6)", "3, 6"),
    ("[('74', 31)]", "[('74', 31,),]"),
    ("[]", "[ ]"),
    ("''", '""'),
    ("{}", "{ }"),
    ("-1", "- 1"),
    ("8.5", "8.50"),
    ("20", "20.0"),
    ("False", " False\n"),
    ("set()", "set()"),
    ("{1, 2}", "{2, 1, 2}"),
    ("b'ab'", 'b"\\x61b"'),
    ("'\\\\foo'", "'\\\\foo'"),
    ("'a\\\\tb'", r"r'a\tb'"),
    ("'l \\nl '", '"l \\nl "'),
    ("'l \\nl '", "'''l \nl '''"),
    ("'å'", "'\\xe5'"),
    ("[['Hello World', '\"I am String\"']]", "[['Hello World', '\"I am String\"']]"),
    ("\"(12, 'Rwrepny') (15, 'Qltuf')\"", "'(12, \\'Rwrepny\\') (15, \\'Qltuf\\')'"),
    ("'#[)[]>[^e>\\n 8'", "'#[)[]>[^e>\\n 8'"),
    ("'{5:[5,5],2:[5,2,2]}'", "'{5:[5,5],2:[5,2,2]}'"),
    ("[-1, 0, 0, 1]", "[-1,\n 0,\n 0,\n 1]"),
    ("'apples\\t\\tpears'", "'apples\t\tpears'"),
    # Where the answer stands.
    ("'ph>t#A#BiEcDefW#ON#iiNCU'", "[ANSWER]'ph>t#A#BiEcDefW#ON#iiNCU'[/ANSWER]"),
    ("[1]", "[THOUGHT] a is [2] [/THOUGHT] [ANSWER]assert f([3]) == [1][/ANSWER]"),
    ("[1]", "[ANSWER][2][/ANSWER] No, wait. [ANSWER]\nassert f(3) == [1]\n[/ANSWER]"),
    ("[1]", "[ANSWER]assert f(3) == [1]"),
    ("'a == b'", "assert f('x == y') == 'a == b'"),
    ("9", "assert f('==') == 9  # nine letters"),
    ("(89, 4)", "The function returns (89, 4)"),
    ("(89, 4)", "The answer is (89, 4). I counted 5 times."),
    ("'816'", "**Answer:** `'816'`"),
    ("['a', 'b']", "Answer:\n\n```python\n['a', 'b']\n```\nThis is because of [0]."),
    ("['a', 'b']", "Answer: [\n  'a',\n  'b'\n]\n\nThis is because of [0]."),
    ("{'l': 1, 't': 2}", "We count letters.\n\n```\n{'l': 1, 't': 2}\n```\n\nDone with it."),
    ("{'l': 1, 't': 2}", "We count letters.\n```python\nassert f('lt') == {'l': 1, 't': 2}\n```"),
    ("2", "First x = 1, then\nassert f(7) == 2\nwhich we wanted."),
    ("'ha'", "So f('hah', 'h') gives 'ha'."),
    ("True", "<think>It could be\n```\nFalse\n```\n</think>True"),
    ("[0]", r"The output is \boxed{[0]}, not [1]."),
    ("None", "Answer: None."),
    ("'3. 4'", "The answer is '3. 4'. I counted 5 times."),
    ("[1, 'b 3. c']", "Answer: [1, 'b 3. c']"),
    ("-1", "It returns -1"),
    ("[1]", "f(2) -> [1]"),
    ("[1]", "Thus, [1]"),
    ("'answer: 5'", "'answer: 5'"),
]

WRONG = [
    ("1", "True"),
    ("True", "1"),
    ("[1, True]", "[1, 1]"),
    ("'1'", "1"),
    ("[1, 2]", "(1, 2)"),
    ("[1, 2]", "[2, 1]"),
    ("{1: 2}", "{1: 3}"),
    ("{1: 2}", "{1: 2, 3: 4}"),
    ("{1}", "[1]"),
    ("'a'", "b'a'"),
    ("'a'", "'A'"),
    ("'a '", "'a'"),
    ("'a\\\\nb'", "'a\\nb'"),
    ("None", "'None'"),
    ("[]", "None"),
    ("0.3", "0.30000001"),
    ("[1]", "[ANSWER][2][/ANSWER] and not [1]"),
]


@pytest.mark.parametrize(("reference", "output"), RIGHT)
def test_right(reference: str, output: str) -> None:
    assert score(reference, output).correct


@pytest.mark.parametrize(("reference", "output"), WRONG)
def test_wrong(reference: str, output: str) -> None:
    found = score(reference, output)
    assert (found.value, found.correct) == (0.0, False)
    assert found.extracted is not None


def test_there_are_enough_cases() -> None:
    assert len(RIGHT) >= 40


@pytest.mark.parametrize(
    "output",
    [
        "",
        "   ",
        "hello",
        "I do not know.",
        "[1, 2",
        "'cut off",
        "Answer: [1, 2",
        "[x for x in range(3)]",
        "__import__('os').system('true')",
        "f'{1}'",
        "{**{}}",
        "f(1) > 2",
        "len(x) >= 2",
        "1 +",
        "2 ** 99",
        "...",
        "nan",
        "5 apples",
        "```\n```",
        "[ANSWER][/ANSWER]",
    ],
)
def test_what_is_no_literal(output: str) -> None:
    assert score("1", output) == Score(0.0, False, None)
    assert not SCORER.readable(output, {})


def test_the_answer_is_kept_as_it_was_written_and_can_be_read_again() -> None:
    found = score("['a', 1]", 'So I say:\nAnswer: `["a", 1]`.')
    assert found.extracted == '["a", 1]'
    assert score(found.extracted, "['a', 1]").correct


def test_a_reference_that_is_no_literal_is_the_users_mistake() -> None:
    with pytest.raises(TaskError, match="item i: the reference is no Python literal"):
        score("many", "3")


def test_strange_escapes_do_not_warn() -> None:
    assert score("'\\\\d'", r"'\d'").correct


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece",
    [
        "(", "[", "{", "'", '"', "\\", "-", "- ", "~", "not ", "()", "f()", "a.b", "1+", "1,", "1 ", "[1", "'a' ",
        "{1:", "lambda:", "1 if 1 else ", "answer: ", "[ANSWER]", "```", "```\n", "assert 1 ==", "\n", "#", "9", "==",
        "b'", "[]", "(),", "1. ",
    ],
)  # fmt: skip
def test_long_rambling_is_read_in_time(piece: str) -> None:
    for size in (LONGEST - 100, 60_000):
        read_literal(piece * (size // len(piece)))
        read_literal("[" + piece * (size // len(piece)))


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="[](){}'\"\\,: \n01.eE-+truefalsnNoneTFAWR`=#bx_j", max_size=60))
def test_nothing_a_student_writes_can_crash_it(text: str) -> None:
    value = read_literal(text)
    assert SCORER.readable(text, {}) is (value is not None)
    assert value is None or value.text in text


_PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(_PLAIN)
def test_every_literal_is_read_from_its_representation(value: object) -> None:
    for output in (repr(value), f"[ANSWER]{value!r}[/ANSWER]", f"I think so.\nassert f(1) == {value!r}"):
        assert score(repr(value), output).correct
