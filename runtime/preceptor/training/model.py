"""The student as a module that learns: loaded, given adapters, saved."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch

from preceptor.spec.actors import Training
from preceptor.students import loading
from preceptor.students.encoding import Encoder

EAGER_TOKENS = 256
"""Up to this length a CPU computes attention faster as plain matrix products than as torch's fused kernel, whose
backward pass is slow there; beyond it the plain products' memory, quadratic in length, is not worth it."""


def load(model_dir: Path, training: Training, *, longest: int, device: torch.device) -> Any:
    """The student ready to learn, on the CPU: base model, and adapters if the method is LoRA.

    Args:
        model_dir: Directory that transformers loads.
        training: Method, rank, precision.
        longest: Tokens of the longest row.
        device: Where it will be trained.

    Raises:
        StudentError: The directory holds no causal language model.

    """
    on_gpu = device.type != "cpu"
    half = training.precision == "bf16"
    attention = "eager" if not on_gpu and longest <= EAGER_TOKENS else None
    dtype = torch.bfloat16 if half and on_gpu else torch.float32
    model = loading.load(model_dir, dtype=dtype, attn_implementation=attention)
    model.train()
    if training.method == "full":
        return model
    adapted = _with_adapters(model, training)
    if half and not on_gpu:
        _halve_frozen_products(adapted)
    return adapted


def _with_adapters(model: Any, training: Training) -> Any:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=training.rank,
        lora_alpha=training.alpha,  # peft accepts fractions too
        lora_dropout=training.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():
        # peft 0.21 asks for a property that transformers 5 has renamed.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        return get_peft_model(model, config)


def _halve_frozen_products(model: torch.nn.Module) -> None:
    """Keep in bf16 what autocast would cast to bf16 at every step: the same numbers, computed once."""
    for module in model.modules():
        if isinstance(module, torch.nn.Linear) and not module.weight.requires_grad:
            module.to(torch.bfloat16)


def save(model: Any, encoder: Encoder, training: Training, output_dir: Path, *, write: bool) -> None:
    """Write the adapter or the full weights; every rank has to call it, because weights may be spread over ranks.

    Args:
        model: What :func:`load` returned.
        encoder: Its tokenizer, written beside full weights so that the directory is a student of its own.
        training: Method and precision; full weights are stored in the precision they are examined in.
        output_dir: Gets ``adapter_model.safetensors`` and ``adapter_config.json``, or a whole transformers model.
        write: Whether this rank writes.
    """
    lora = training.method == "lora"
    state = {}
    for name, weight in model.named_parameters():
        if weight.requires_grad or not lora:
            with _whole(weight):
                if write:
                    state[name] = weight.detach().cpu().clone()
    if not write:
        return
    if lora:
        # Left to itself, peft would ask a hub whether the base model's vocabulary was resized.
        model.save_pretrained(output_dir, state_dict=state, save_embedding_layers=False)
        return
    if training.precision == "bf16":
        state = {name: weight.to(torch.bfloat16) for name, weight in state.items()}
        model.config.dtype = torch.bfloat16
    model.save_pretrained(output_dir, state_dict=state)
    encoder.save(output_dir)


def _whole(weight: torch.nn.Parameter) -> AbstractContextManager[None]:
    """While it lasts, the weight is whole on every rank; ZeRO stage 3 has spread it."""
    if not hasattr(weight, "ds_id"):
        return nullcontext()
    import deepspeed

    gathered: AbstractContextManager[None] = deepspeed.zero.GatheredParameters([weight])
    return gathered
