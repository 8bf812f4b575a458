from __future__ import annotations

import pickle
import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preceptor.errors import GateError
from preceptor.gates.contamination import SEEDS, ContaminationGate, ExamIndex, Protected
from preceptor.gates.text import words
from preceptor.recipes.sample import Receipt, Sample
from preceptor.spec.gates import ContaminationGate as Settings
from preceptor.tasks.content import Content
from support.payments import task
from support.plants import CODE_KINDS, KINDS, Plant, plant

LONG = (
    "A ferry leaves the northern harbour at 7:40 with 126 passengers and 18 cars. At the first island 32 passengers "
    "get off and 9 get on; at the second island a third of those on board leave, taking 5 cars with them. How many "
    "passengers and how many cars arrive at the southern harbour?"
)
MEDIUM = "A beekeeper fills 24 jars with 350 grams of honey each. How many kilograms of honey is that?"
BRIEF = "How many edges has a prism whose base is a heptagon?"
CODE = (
    "def f(names):\n    kept = {}\n    for place, name in enumerate(names):\n        if name.startswith('q'):\n"
    "            kept[name] = place * 2\n    return sorted(kept.items(), key=lambda pair: -pair[1])\n"
    "['qua', 'rot', 'quo']"
)
TINY = "What is (3 + 4) * 5?"
ITEMS = (LONG, MEDIUM, BRIEF, CODE, TINY)
TOLD = (LONG, MEDIUM, BRIEF, CODE)
"""Items long enough to be told by a part."""
SEED = "Nine lanterns hang along a wall of 64 metres, the outer ones 4 metres from its ends. How far apart are they?"
CAUGHT = (
    "exact",
    "case, space, punctuation",
    "light edit",
    "wrapped",
    "in a long row",
    "in the answer",
    "other numbers",
)
"""Plants that are all caught."""


def build(*texts: str, split: str = "private", cluster: str = "", **settings: float) -> ExamIndex:
    protected = [Protected(split, f"{number:04}", text, cluster) for number, text in enumerate(texts)]
    return ExamIndex.build(protected, Settings.model_validate(settings))


INDEX = build(*ITEMS)


def reason(index: ExamIndex, question: str, answer: str = "", *, seeds: bool = True) -> str | None:
    found = index.find(question, answer, seeds=seeds)
    return found.reason if found else None


@pytest.mark.parametrize("kind", CAUGHT)
@pytest.mark.parametrize("item", TOLD)
def test_planted_copies_are_caught(item: str, kind: str) -> None:
    for seed in range(40):
        planted = plant(kind, item, str(seed))
        assert reason(INDEX, planted.question, planted.answer), planted


def test_a_reformatted_copy_of_code_is_caught() -> None:
    assert reason(INDEX, plant("reformatted", CODE, "1").question) == "contaminated-ngram"


@pytest.mark.parametrize("kind", [*KINDS, *CODE_KINDS])
def test_plants_are_the_same_every_time(kind: str) -> None:
    assert plant(kind, CODE, "1") == plant(kind, CODE, "1") != Plant("")


def test_half_of_a_long_item_is_caught() -> None:
    assert reason(INDEX, plant("one half", LONG, "1").question) == "contaminated-ngram"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (TINY, "contaminated-exact"),
        ("what is ( 3+4 )*5", "contaminated-exact"),
        ("What is (3 + 4) - 5?", None),
        ("What is 3 + 4 * 5?", None),
        ("What is (5 + 4) * 3?", None),
        ("Tell me: What is (3 + 4) * 5? And why?", None),
        (BRIEF.replace("prism", "pyramid"), "contaminated-similar"),
        ("How many corners has a prism whose base is a hexagon?", None),
        ("How many jars does a beekeeper need for 84 kilograms of honey?", None),
        ("", None),
        (" \n", None),
        ("?!", None),
    ],
)
def test_short_questions_are_compared_whole(question: str, expected: str | None) -> None:
    assert reason(INDEX, question) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "contaminated-ngram"),
        ({"ngram": 50}, "contaminated-coverage"),
        ({"ngram": 50, "coverage": 1.0, "similarity": 0.5}, "contaminated-similar"),
        ({"ngram": 50, "coverage": 1.0, "similarity": 1.0}, None),
    ],
)
def test_the_strongest_rule_gives_the_reason(settings: dict[str, float], expected: str | None) -> None:
    told = LONG.split()
    told[10] = told[22] = told[34] = "indeed"
    assert reason(build(LONG, **settings), " ".join(told)) == expected


def test_coverage_counts_question_and_answer_together() -> None:
    told = words(LONG)
    one, two, three = (" ".join(told[start : start + 15]) for start in (0, 15, 30))
    index = build(LONG, ngram=20)
    assert reason(index, f"{one} so {two}") is None
    assert reason(index, f"{one} so {two}", three) == "contaminated-coverage"


def test_a_row_that_passes_is_told_its_nearest_item() -> None:
    found = INDEX.find("The port is far. At the second island a third of those on board sing.")
    assert found is not None
    assert (found.reason, found.neighbour) == (None, "private:0000")
    assert 0 < found.similarity < 0.5
    assert INDEX.find("Nothing here is in common with any of them, whatever one may say about it.") is None


@pytest.mark.parametrize(("shared", "expected"), [(5, "contaminated-ngram"), (6, None)])
def test_what_many_items_share_is_boilerplate(shared: int, expected: str | None) -> None:
    opening = "Assume that every gas is perfect and that all data refer to 298.15 K unless stated otherwise."
    ends = ("zinc melts", "iron rusts", "gold shines", "lead bends", "tin whines", "silver tarnishes")[:shared]
    index = build(*(f"{opening} How much heat is set free when {end} in a bowl of salt water?" for end in ends))
    assert reason(index, f"{opening} What volume does a balloon of helium take at 40 bar?") == expected
    assert reason(index, f"{opening} How much heat is set free when zinc melts in a bowl of salt water?")


def test_what_items_of_one_context_share_stays_protected() -> None:
    context = (
        "The mill bought 400 sacks of rye at 31 crowns each and sold the flour for 19,000 crowns in the same year."
    )
    asked = [f"{context} Question {number}: what did {who} earn?" for number, who in enumerate("abcdefghij")]
    assert reason(build(*asked), f"{context} Who owned the mill?") is None
    assert reason(build(*asked, cluster="mill"), f"{context} Who owned the mill?") == "contaminated-ngram"


def test_short_items_of_one_make_are_compared_whole() -> None:
    made = [f"Tom has {n} {fruit} and buys {n + 2} more, so how many now?" for n, fruit in enumerate("abcdefgh")]
    index = build(*made)
    assert reason(index, "Tom has 40 plums and buys 2 more, so how many now?") is None
    assert reason(index, made[3].upper()) == "contaminated-exact"
    assert not index.tells_edited(made[3])
    assert reason(build(*made[:3]), "Tom has 40 plums and buys 2 more, so how many now?") == "contaminated-similar"


@pytest.mark.parametrize(
    ("item", "told"), [*((item, True) for item in TOLD), (TINY, False), ("Not there at all.", False)]
)
def test_the_index_knows_which_items_it_tells_by_a_part(item: str, told: bool) -> None:
    assert INDEX.tells_edited(item) == told


def test_seeds_may_be_copied_by_those_who_answer_them() -> None:
    questions = [Protected("private", "a", LONG), Protected(SEEDS, "b", SEED)]
    index = ExamIndex.build(questions, Settings())
    assert reason(index, SEED) == "seed-copy-exact"
    assert reason(index, f"Listen. {SEED}") == "seed-copy-ngram"
    assert reason(index, SEED, seeds=False) is None
    assert reason(index, LONG, SEED) == "contaminated-exact"
    assert reason(index, SEED, LONG, seeds=False) == "contaminated-ngram"
    assert reason(index, "Nine 64 metres, the outer ones 4 metres from its end.") is None


def test_a_seed_with_other_numbers_is_another_question() -> None:
    changed = "An oven bakes 5 loaves in 40 minutes. How many are baked after 200?"
    assert reason(build("An oven bakes 8 loaves in 30 minutes. How many are baked after 120?"), changed) is not None
    assert (
        reason(build("An oven bakes 8 loaves in 30 minutes. How many are baked after 120?", split=SEEDS), changed)
        is None
    )


def test_the_gate_judges_what_the_question_says_and_writes_down_the_neighbour() -> None:
    gate = ContaminationGate(
        build(LONG), Content(task("Read this carefully, and give what it asks for: {{ message }}"))
    )
    receipt = Receipt(recipe="", attempt=1, generator="", difficulty=1, unit=0, index=0, teacher="")

    def row(message: str, answer: str = "1") -> Sample:
        fields = {"message": message}
        return Sample.create(skill="s", fields=fields, prompt=f"Read: {message}", answer=answer, receipt=receipt)

    assert gate.check(row(LONG)) == "contaminated-exact"
    near = row("At the second island a third of those on board sing.")
    assert gate.check(near) is None
    assert gate.noted(near).receipt.neighbour == "private:0000"
    assert gate.noted(row("Another one")).receipt.neighbour == ""
    assert gate.check(row("What is read carefully?")) is None


WORDS = st.text("abcdeéßжλ", min_size=1, max_size=6) | st.integers(0, 400).map(str)
SENTENCES = st.lists(WORDS, min_size=1, max_size=40)
GAPS = st.sampled_from([" ", "  ", "\n", ", ", ". ", " \t", "; ", "! “", "… "])


@given(st.data(), SENTENCES)
def test_a_copy_in_other_case_spacing_and_punctuation_is_always_caught(
    data: st.DataObject, sentence: list[str]
) -> None:
    index = build(" ".join(sentence), LONG)
    cases = st.sampled_from([str.upper, str.lower, str.title, str])
    copy = "".join(data.draw(cases)(word) + data.draw(GAPS) for word in sentence)
    found = index.find(copy)
    assert found is not None
    assert found.reason == "contaminated-exact"
    assert found.neighbour == "private:0000"


@given(st.data(), st.lists(WORDS, min_size=8, max_size=60))
def test_a_copy_with_one_word_replaced_is_caught_where_the_index_says_so(data: st.DataObject, told: list[str]) -> None:
    index = build(" ".join(told))
    assert index.tells_edited(" ".join(told))
    told[data.draw(st.integers(0, len(told) - 1))] = "replaced"
    assert reason(index, " ".join(told)) is not None


@given(st.lists(SENTENCES.map(" ".join), max_size=8), st.randoms(use_true_random=False))
def test_an_index_is_the_same_after_storing_it_and_whatever_the_order(texts: list[str], rng: random.Random) -> None:
    splits = ("feedback", "selection", "private", SEEDS)
    questions = [Protected(splits[n % 4], f"{n:03}", text, "c" * (n % 3)) for n, text in enumerate(texts)]
    index = ExamIndex.build(questions, Settings())
    stored = index.to_bytes()
    assert ExamIndex.from_bytes(stored).to_bytes() == stored
    assert pickle.loads(pickle.dumps(index)).digest == index.digest
    rng.shuffle(questions)
    assert ExamIndex.build(questions, Settings()).to_bytes() == stored
    for text in texts:
        assert ExamIndex.from_bytes(stored).find(text) == index.find(text)


def test_other_questions_and_other_settings_make_another_digest() -> None:
    assert len({build(LONG).digest, build(MEDIUM).digest, build(LONG, ngram=12).digest, build().digest}) == 4


def test_the_index_is_the_same_in_every_process() -> None:
    script = (
        "import sys; from preceptor.gates.contamination import ExamIndex, Protected;"
        "from preceptor.spec.gates import ContaminationGate as S;"
        "print(ExamIndex.build([Protected('private', '0000', sys.argv[1])], S()).digest)"
    )
    environment = {"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script, LONG], capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == build(LONG).digest, done.stderr


def test_the_index_holds_no_text() -> None:
    index = ExamIndex.build(
        [*(Protected("private", "0a", text) for text in ITEMS), Protected(SEEDS, "0b", SEED)], Settings()
    )
    always = pickle.dumps(build()).decode("latin-1")
    for data in (index.to_bytes(), pickle.dumps(index)):
        held = data.decode("latin-1").lower()
        told = {word for text in (*ITEMS, SEED) for word in words(text) if len(word) >= 4 and word not in always}
        assert len(told) > 50
        assert not {word for word in told if word in held}


@pytest.mark.parametrize("place", [0, 10, 30, 60, 200, -1])
def test_damage_is_found(place: int) -> None:
    data = bytearray(INDEX.to_bytes())
    data[place] ^= 1
    with pytest.raises(GateError, match="index of the examination"):
        ExamIndex.from_bytes(bytes(data))


@pytest.mark.parametrize("kept", [0, 5, 40, 1000, -8])
def test_a_part_is_refused(kept: int) -> None:
    with pytest.raises(GateError, match="index of the examination"):
        ExamIndex.from_bytes(INDEX.to_bytes()[:kept])


def test_scripts_without_spaces_are_told_by_their_characters() -> None:
    item = "小明有十二个苹果,他给了小红五个,又买了七个。请问小明现在一共有多少个苹果?"
    assert reason(build(item), f"请看题目:{item}写出步骤。") == "contaminated-ngram"
    assert reason(build(item), item.replace("买了", "拿了")) is not None
    assert reason(build(item), "小明有一只狗和两只猫,他每天喂它们三次。请问他一周喂多少次?") is None


FORM = (
    "Josie received {money} dollars as a gift from her aunt. She plans to buy {tapes} cassette tapes that cost {price} "
    "dollars each and a headphone set that costs as much as both. How much money will she have left in the end?"
)


def generated(*texts: str) -> ExamIndex:
    questions = [Protected("private", f"{number:04}", text) for number, text in enumerate(texts)]
    return ExamIndex.build(questions, Settings(), generated=True)


def of_generator(index: ExamIndex, question: str, answer: str = "") -> str | None:
    found = index.find(question, answer, procedural=True)
    return found.reason if found else None


def forms(*moneys: int) -> list[str]:
    return [FORM.format(money=money, tapes=money % 7 + 2, price=money % 11 + 3) for money in moneys]


def test_a_generator_makes_the_questions_of_its_make_with_other_numbers() -> None:
    index = generated(*forms(50, 61, 83))
    other = forms(97)[0]
    assert of_generator(index, other) is None
    assert reason(index, other) == "contaminated-ngram"
    assert of_generator(build(*forms(50, 61, 83)), other) == "contaminated-ngram"


def test_short_questions_of_one_make_with_other_numbers_are_others_however_few_there_are() -> None:
    index = generated("State the answer to the following problem: 4 + 3 =")
    assert of_generator(index, "State the answer to the following problem: 6 + 8 =") is None
    assert of_generator(index, "State the answer to the next problem: 4 + 3 =") == "contaminated-similar"


@pytest.mark.parametrize("kind", [kind for kind in CAUGHT if kind != "other numbers"])
@pytest.mark.parametrize("item", TOLD)
def test_what_a_generator_copies_is_caught_as_planted_copies_are(item: str, kind: str) -> None:
    index = generated(*ITEMS)
    for seed in range(40):
        planted = plant(kind, item, str(seed))
        if kind != "light edit" or numbers(planted.question) == numbers(item):
            assert of_generator(index, planted.question, planted.answer), planted


def numbers(text: str) -> list[str]:
    return [word for word in words(text) if word.isdecimal()]


@pytest.mark.parametrize("item", [LONG, BRIEF, *forms(50, 61)])
@pytest.mark.parametrize("wrapping", ["Variant {}: ", "In town {} somebody asked this: ", "{} "])
def test_an_item_that_a_generator_s_wording_quotes_is_caught(item: str, wrapping: str) -> None:
    """Though it stands in every row of the generator, and others of its make in the examination."""
    index = generated(LONG, BRIEF, *forms(50, 61, 83))
    for number in range(40):
        assert of_generator(index, wrapping.format(number) + item)
    assert of_generator(index, item) == "contaminated-exact"


def test_wording_made_of_one_item_stays_protected_whatever_its_numbers() -> None:
    """That a generator made the item, nothing shows."""
    assert of_generator(generated(*forms(50)), forms(61)[0]) == "contaminated-ngram"


def test_items_without_numbers_are_protected_from_generators_as_from_others() -> None:
    texts = [f"Here is a word to be spelt backwards, letter by letter, please: {word}" for word in ("ale", "rye")]
    assert of_generator(generated(*texts), texts[0].replace("ale", "oat")) == "contaminated-coverage"


def test_the_gate_knows_which_rows_generators_made() -> None:
    gate = ContaminationGate(generated(*forms(50, 61)), Content(task("Read: {{ message }}")))

    def row(message: str, source: str) -> Sample:
        receipt = Receipt("", 1, "", 1, 0, 0, "", source=source)
        return Sample.create(skill="s", fields={"message": message}, prompt=message, answer="1", receipt=receipt)

    other, copied = forms(97)[0], forms(61)[0]
    assert [gate.check(row(other, source)) for source in ("procedural", "prompt")] == [None, "contaminated-ngram"]
    assert [gate.check(row(copied, source)) for source in ("procedural", "prompt")] == ["contaminated-exact"] * 2


def test_the_index_knows_which_items_it_tells_by_a_part_in_what_generators_make() -> None:
    made = [f"Find the value of x in the equation {n} x + {n + 3} = {n * 7}." for n in range(2, 12)]
    index = generated(LONG, *made)
    assert index.tells_edited(LONG, procedural=True)
    assert not index.tells_edited(made[0])
    assert index.tells_edited(made[0], procedural=True)
    assert of_generator(index, made[0].replace("value", "size")) == "contaminated-similar"


def test_an_index_for_generators_is_stored_whole() -> None:
    index, plain = generated(*ITEMS, *forms(50, 61)), build(*ITEMS, *forms(50, 61))
    stored = index.to_bytes()
    again = pickle.loads(pickle.dumps(ExamIndex.from_bytes(stored)))
    assert again.to_bytes() == stored
    assert index.digest != plain.digest
    for question in (*forms(50, 97), LONG, TINY):
        assert again.find(question, procedural=True) == index.find(question, procedural=True)
        assert index.find(question) == plain.find(question)


@given(st.data(), st.lists(WORDS, min_size=8, max_size=60))
def test_a_word_replaced_in_what_a_generator_copies_is_caught_where_the_index_says_so(
    data: st.DataObject, told: list[str]
) -> None:
    index = generated(" ".join(told))
    assert index.tells_edited(" ".join(told), procedural=True)
    place = data.draw(st.integers(0, len(told) - 1))
    number = words(told[place])[0].isdecimal()
    told[place] = "400" if number else "replaced"
    if not number:
        assert of_generator(index, " ".join(told)) is not None
