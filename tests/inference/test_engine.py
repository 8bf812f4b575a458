"""The engine against transformers' own ``generate``, one question at a time."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.profiler import ProfilerActivity, profile
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from preceptor.errors import StudentError
from preceptor.inference.engine import Output, TransformersEngine
from preceptor.spec.actors import Inference
from support.tiny import write_tiny_student

LIMIT = 20


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student that stops now and then: its stop token is made likelier."""
    directory = write_tiny_student(tmp_path_factory.mktemp("tiny"))
    model: Any = AutoModelForCausalLM.from_pretrained(directory)
    with torch.no_grad():
        model.lm_head.weight[model.config.eos_token_id] *= 1.5
    model.save_pretrained(directory)
    return directory


def conversations(count: int) -> list[list[dict[str, str]]]:
    instruction = {"role": "system", "content": "Answer with a number."}
    words = ["one", "seven and", "twelve times", "a hundred"]
    return [
        [instruction, {"role": "user", "content": f"{words[number % 4] * (number % 3)} {number}?"}]
        for number in range(count)
    ]


def by_generate(directory: Path, asked: list[list[dict[str, str]]]) -> list[Output]:
    model: Any = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32)
    tokenizer: Any = AutoTokenizer.from_pretrained(directory)
    answers = []
    for messages in asked:
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        ids = tokenizer(text, return_tensors="pt", add_special_tokens=False)
        made = model.generate(**ids, max_new_tokens=LIMIT, do_sample=False)[0, ids["input_ids"].shape[1] :]
        stopped = made[-1].item() == tokenizer.eos_token_id
        answers.append(Output(tokenizer.decode(made, skip_special_tokens=True), len(made), not stopped))
    return answers


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_answers_are_those_of_generate_in_input_order(tiny: Path, batch_size: int) -> None:
    asked = conversations(17)
    expected = by_generate(tiny, asked)
    assert len({output.truncated for output in expected}) == 2, "some should stop and some should not"
    settings = Inference(max_new_tokens=LIMIT, batch_size=batch_size)
    seen: list[int] = []
    engine = TransformersEngine(tiny, settings=settings, device="cpu", precision="fp32")
    assert engine.answer(asked, progress=seen.append) == expected
    assert seen == list(range(1, 18))


def test_questions_without_a_common_beginning(tiny: Path) -> None:
    asked = [[{"role": role, "content": text}] for role, text in [("user", "hello"), ("system", "x"), ("user", "yes?")]]
    engine = TransformersEngine(tiny, settings=Inference(max_new_tokens=LIMIT), device="cpu", precision="fp32")
    assert engine.answer(asked) == by_generate(tiny, asked)
    assert engine.answer([]) == []
    assert engine.answer(asked[:1]) == by_generate(tiny, asked[:1])


def test_the_same_questions_get_the_same_answers(tiny: Path) -> None:
    engine = TransformersEngine(tiny, settings=Inference(max_new_tokens=LIMIT, batch_size=4), device="cpu")
    asked = conversations(9)
    assert engine.answer(asked) == engine.answer(asked)


def test_a_row_that_ends_leaves_the_batch(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = TransformersEngine(tiny, settings=Inference(max_new_tokens=LIMIT), device="cpu", precision="fp32")
    rows: list[int] = []
    forward = engine._model.forward

    def count(**inputs: Any) -> Any:
        rows.append(len(inputs["input_ids"]))
        return forward(**inputs)

    monkeypatch.setattr(engine._model, "forward", count)
    outputs = engine.answer(conversations(17))
    assert rows[:2] == [1, 17], "the common beginning is read once"
    assert sum(rows[1:]) == sum(output.tokens for output in outputs), "nothing is computed for a finished row"


def write_adapter(student: Path, directory: Path) -> Any:
    """Write a random adapter of the student; gives the student that wears it."""
    from peft import LoraConfig, get_peft_model

    model: Any = AutoModelForCausalLM.from_pretrained(student)
    adapted: Any = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False))
    adapted.save_pretrained(directory, save_embedding_layers=False)
    return adapted


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_an_adapter_is_merged(tiny: Path, tmp_path: Path) -> None:
    merged = write_adapter(tiny, tmp_path / "adapter").merge_and_unload()
    merged.save_pretrained(tmp_path / "merged")
    AutoTokenizer.from_pretrained(tiny).save_pretrained(tmp_path / "merged")
    settings, asked = Inference(max_new_tokens=LIMIT), conversations(5)
    answers = TransformersEngine(tiny, tmp_path / "adapter", settings, device="cpu", precision="fp32").answer(asked)
    assert answers == by_generate(tmp_path / "merged", asked)
    assert answers != by_generate(tiny, asked)


def test_what_does_not_load_is_said_so(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(StudentError, match="does not load as a causal language model"):
        TransformersEngine(tmp_path, device="cpu")
    with pytest.raises(StudentError, match=f"with the adapter {tmp_path}"):
        TransformersEngine(tiny, tmp_path, device="cpu")


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_the_heads_weights_are_not_copied_for_every_row(tiny: Path, tmp_path: Path) -> None:
    rows = 16
    write_adapter(tiny, tmp_path)
    engine = TransformersEngine(tiny, tmp_path, Inference(max_new_tokens=2, batch_size=rows), device="cpu")
    config = AutoConfig.from_pretrained(tiny)
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as profiled:
        engine.answer(conversations(rows))
    shapes = [shape for event in profiled.events() for shape in event.input_shapes]
    assert [config.vocab_size, config.hidden_size] in shapes, "the head should be seen"
    assert [rows, config.hidden_size, config.vocab_size] not in shapes
