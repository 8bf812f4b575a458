"""DeepSpeed, told what it would otherwise guess: accelerator, launcher, compilers, precision."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed

from preceptor.spec.actors import Training
from preceptor.training.batches import Sizes
from preceptor.training.job import World

NO_COMPILER = "TORCHDYNAMO_DISABLE"
"""torch's switch that makes ``torch.compile`` give functions back as they are."""


def device_of(training: Training, world: World) -> torch.device:
    """The device a rank trains on: its GPU if the document gives it one, else the CPU."""
    return torch.device("cuda", world.local_rank) if training.gpus_per_worker else torch.device("cpu")


def join(world: World, device: torch.device) -> None:
    """Enter the process group, unless a launcher such as Ray Train has done so; a world of one needs no network."""
    os.environ.setdefault("LOCAL_RANK", str(world.local_rank))  # DeepSpeed insists on a launcher's variable
    if torch.distributed.is_initialized():
        return
    backend = "gloo" if device.type == "cpu" else "nccl"
    store = torch.distributed.HashStore() if world.size == 1 else None  # type: ignore[attr-defined]
    torch.distributed.init_process_group(backend, store=store, rank=world.rank, world_size=world.size)


def settings(training: Training, sizes: Sizes, device: torch.device) -> dict[str, Any]:
    """DeepSpeed's configuration (https://www.deepspeed.ai/docs/config-json/)."""
    return {
        "train_batch_size": sizes.batch,
        "train_micro_batch_size_per_gpu": sizes.micro,
        "gradient_accumulation_steps": sizes.accumulation,
        "optimizer": {
            "type": "AdamW",
            # DeepSpeed's own AdamW is compiled at first use, which takes minutes and a compiler.
            "params": {"lr": training.learning_rate, "weight_decay": training.weight_decay, "torch_adam": True},
        },
        "zero_optimization": {"stage": training.zero_stage, "overlap_comm": device.type != "cpu"},
        "zero_force_ds_cpu_optimizer": False,
        "zero_allow_untested_optimizer": True,
        "gradient_clipping": training.gradient_clipping,
        # On a CPU the loss autocasts instead: weights and gradients stay in float32.
        "bf16": {"enabled": training.precision == "bf16" and device.type != "cpu"},
        "steps_per_print": None,
    }


def initialize(module: torch.nn.Module, training: Training, sizes: Sizes, device: torch.device) -> Any:
    """The DeepSpeed engine around a module; it updates the weights that require a gradient."""
    if device.type == "cpu":
        os.environ["DS_ACCELERATOR"] = "cpu"
    logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
    import deepspeed

    if device.type == "cpu":
        # Probing which kernels could be compiled starts compilers; on a CPU torch's own are used, gloo included.
        deepspeed.ops.__compatible_ops__ = {}
    with _compiler_left_alone():
        engine, *_ = deepspeed.initialize(
            model=module,
            model_parameters=[weight for weight in module.parameters() if weight.requires_grad],
            config=settings(training, sizes, device),
            dist_init_required=False,
        )
    return engine


@contextmanager
def _compiler_left_alone() -> Iterator[None]:
    """Keep DeepSpeed from loading torch's compiler, 1.5 seconds, for a function of an optimiser that is not used."""
    before = os.environ.get(NO_COMPILER)
    os.environ[NO_COMPILER] = "1"
    try:
        yield
    finally:
        os.environ.pop(NO_COMPILER)
        if before is not None:
            os.environ[NO_COMPILER] = before


def set_learning_rate(engine: Any, rate: float) -> None:
    """Use a learning rate from the next update on."""
    for group in engine.optimizer.param_groups:
        group["lr"] = rate


def count(module: torch.nn.Module) -> int:
    """Weights that are updated; those that ZeRO stage 3 has spread over ranks are counted whole."""
    return sum(getattr(weight, "ds_numel", weight.numel()) for weight in module.parameters() if weight.requires_grad)
