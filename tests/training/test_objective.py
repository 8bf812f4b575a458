"""The loss does less work than the textbook's, and has to be the textbook's."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, Gemma2Config, Gemma2ForCausalLM, GPT2Config, GPT2LMHeadModel

from preceptor.students.encoding import Encoded, Encoder
from preceptor.training.encoding import shared_prefix
from preceptor.training.job import Example
from preceptor.training.objective import AnswerLoss, can_share_prefix, collate, has_plain_head


@pytest.fixture(scope="module")
def encoded(tiny: Path, rows: list[Example]) -> list[Encoded]:
    return [Encoder(tiny).encode(row.messages, row.completion) for row in rows]


def textbook(model: Any, rows: list[Encoded]) -> torch.Tensor:
    """Every logit of every position, one row at a time."""
    total = torch.zeros(())
    for row in rows:
        ids = torch.tensor([row.prompt + row.completion])
        log = model(input_ids=ids).logits[0, :-1].log_softmax(-1)
        answer = range(len(row.prompt) - 1, row.length - 1)
        total = total - sum(log[place, ids[0, place + 1]] for place in answer)
    return total


def models(tiny: Path) -> dict[str, Any]:
    torch.manual_seed(0)
    sizes = {"vocab_size": 104, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    gemma = Gemma2Config(**sizes, num_attention_heads=2, num_key_value_heads=1, head_dim=16, sliding_window=16)
    return {
        "llama": AutoModelForCausalLM.from_pretrained(tiny),
        "gemma2": Gemma2ForCausalLM(gemma),
        "gpt2": GPT2LMHeadModel(GPT2Config(vocab_size=104, n_embd=32, n_layer=2, n_head=2, n_positions=128)),
    }


@pytest.mark.parametrize(
    ("name", "plain", "shares"), [("llama", True, True), ("gemma2", False, False), ("gpt2", True, True)]
)
def test_loss_and_gradients_are_those_of_all_logits(
    tiny: Path, encoded: list[Encoded], name: str, plain: bool, shares: bool
) -> None:
    model = models(tiny)[name].eval()
    assert (has_plain_head(model), can_share_prefix(model)) == (plain, shares)
    prefix = shared_prefix(encoded)
    assert len(prefix) > 8
    loss_of = AnswerLoss(model, prefix=prefix, autocast=None)
    assert loss_of.shared == (len(prefix) if shares and plain else 0)

    expected = textbook(model, encoded)
    expected.backward()
    gradients = {key: weight.grad.clone() for key, weight in model.named_parameters() if weight.grad is not None}
    model.zero_grad()
    loss = loss_of(collate(encoded, prefix=loss_of.shared, pad=0, ballast=encoded[0]))
    loss.backward()

    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    for key, weight in model.named_parameters():
        if key in gradients:
            torch.testing.assert_close(weight.grad, gradients[key], rtol=1e-3, atol=1e-4)


def test_a_batch_without_rows_has_no_loss_and_no_gradient(tiny: Path, encoded: list[Encoded]) -> None:
    model = models(tiny)["llama"]
    loss_of = AnswerLoss(model, prefix=shared_prefix(encoded), autocast=None)
    loss = loss_of(collate([], prefix=loss_of.shared, pad=0, ballast=encoded[0]))
    loss.backward()
    assert loss.item() == 0
    assert all(not weight.grad.any() for weight in model.parameters() if weight.grad is not None)


def test_the_probes_leave_the_model_in_its_mode(tiny: Path) -> None:
    model = models(tiny)["llama"].train()
    AnswerLoss(model, prefix=(1,) * 9, autocast=None)
    assert model.training
