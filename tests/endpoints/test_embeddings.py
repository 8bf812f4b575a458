"""Embeddings as they come and as they are kept."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from preceptor.endpoints.embeddings import pack, read_answer, unpack
from preceptor.endpoints.messages import Texts
from preceptor.endpoints.meter import MESSAGE_TOKENS, bound_tokens
from preceptor.endpoints.records import Record

ASKED = Texts("m", ("one text", "another"), ("a", "b"), "rows/0")
USAGE = {"prompt_tokens": 7, "total_tokens": 7}


def body(data: Any, usage: Any = USAGE) -> bytes:
    return json.dumps({"data": data, "usage": usage, "model": "m-1"}).encode()


def entry(index: int, *vector: Any) -> dict[str, Any]:
    return {"index": index, "embedding": list(vector)}


def test_vectors_come_back_in_the_order_of_the_texts_as_units() -> None:
    answer = read_answer(body([entry(1, 0, 5), entry(0, 3, 4)]), ASKED)
    assert (answer.failure, answer.usage.prompt, answer.usage.completion, answer.model) == (None, 7, 0, "m-1")
    np.testing.assert_allclose(unpack(answer.text, 2), [[0.6, 0.8], [0, 1]], atol=1e-3)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "ab",
        [entry(0, 1, 2)],
        [entry(0, 1, 2), entry(0, 1, 2)],
        [entry(0, 1, 2), entry(2, 1, 2)],
        [entry(0, 1, 2), entry(1, 1)],
        [entry(0, 1, 2), entry(1, 0, 0)],
        [entry(0, 1, 2), entry(1, float("nan"), 0)],
        [entry(0, 1, 2), entry(1, 10**400, 0)],
        [entry(0, 1, 2), entry(1, "x", 0)],
        [entry(0), entry(1)],
        [entry(0, [1]), entry(1, [1])],
        [1, 2],
        [entry(0, 1, 2), {"index": [], "embedding": [1, 2]}],
    ],
)
def test_what_is_no_vector_for_each_text_is_malformed_and_charged_in_full(data: Any) -> None:
    answer = read_answer(body(data), ASKED)
    assert answer.failure == "malformed"
    assert answer.usage.prompt == bound_tokens(ASKED)


def test_vectors_may_be_of_any_length() -> None:
    vectors = unpack(pack(np.array([[1e300, 1e300], [1e-300, 0.0]])), 2)
    np.testing.assert_allclose(vectors, [[2**-0.5, 2**-0.5], [1, 0]], atol=1e-3)


def test_a_similarity_is_the_same_number_in_whatever_order_it_is_summed() -> None:
    random = np.random.default_rng(5)
    one, other = unpack(pack(random.normal(size=(2, 4096))), 2)
    sums = {float(np.cumsum((one * other)[random.permutation(4096)])[-1]) for _ in range(50)}
    assert sums == {float(one @ other)}


def test_the_log_names_texts_and_does_not_tell_them() -> None:
    answer = read_answer(body([entry(0, 1, 2), entry(1, 2, 1)]), ASKED)
    line = Record.outcome(ASKED, answer, Record.returned(ASKED).amount).to_line()
    assert b"another" not in line
    assert Record.from_line(line).answer == answer
    changed = Texts("m", ("one text", "another!"), ("a", "b"), "rows/0")
    assert changed.digest != ASKED.digest


def test_characters_that_tokenizers_write_out_are_bounded_as_written_out() -> None:
    ligature = "\ufdfa"  # one character, three bytes; eighteen characters once normalised
    written = "صلى الله عليه وسلم"
    assert bound_tokens(Texts("m", (ligature,), ("a",))) == len(written.encode()) + MESSAGE_TOKENS
