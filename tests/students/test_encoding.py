import json
from pathlib import Path

import pytest

from preceptor.errors import StudentError
from preceptor.inference.engine import TransformersEngine
from preceptor.students.encoding import Encoder
from support.tiny import write_tiny_student

CONVERSATION = [
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": "What is 1 + 1?"},
    {"role": "assistant", "content": "2"},
    {"role": "user", "content": "And 2 + 2?"},
]


def test_a_question_has_the_same_tokens_in_training_and_in_an_examination(tiny: Path) -> None:
    assert list(Encoder(tiny).prompt(CONVERSATION)) == TransformersEngine(tiny, device="cpu").prompt(CONVERSATION)


def test_question_and_answer_are_what_the_chat_template_makes_of_the_whole_conversation(tiny: Path) -> None:
    encoded = Encoder(tiny).encode(CONVERSATION, "4")
    whole = [*CONVERSATION, {"role": "assistant", "content": "4"}]
    from transformers import AutoTokenizer

    text = AutoTokenizer.from_pretrained(tiny).apply_chat_template(whole, tokenize=False)
    assert AutoTokenizer.from_pretrained(tiny).decode(encoded.prompt + encoded.completion) == text.removesuffix("\n")
    assert encoded.length == len(encoded.prompt) + 2


def test_the_turn_ends_with_the_template_s_token_if_generation_stops_there(tmp_path: Path) -> None:
    """As in Gemma, whose end of text is not its end of turn."""
    directory = write_tiny_student(tmp_path)
    settings = json.loads((directory / "tokenizer_config.json").read_text())
    (directory / "tokenizer_config.json").write_text(json.dumps(settings | {"eos_token": "<pad>"}))
    assert Encoder(directory).encode(CONVERSATION, "").completion == (3,)
    generation = json.loads((directory / "generation_config.json").read_text())
    (directory / "generation_config.json").write_text(json.dumps(generation | {"eos_token_id": [0]}))
    assert Encoder(directory).encode(CONVERSATION, "").completion == (0,)


def test_a_student_without_chat_template_is_refused(tmp_path: Path) -> None:
    directory = write_tiny_student(tmp_path)
    (directory / "chat_template.jinja").unlink()
    with pytest.raises(StudentError, match="no chat template"):
        Encoder(directory)
