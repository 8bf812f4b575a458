"""The training loop: read it from top to bottom, it is all there is."""

from __future__ import annotations

import gc
import math
import resource
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.distributed

from preceptor.errors import StudentError
from preceptor.spec.actors import Training
from preceptor.students.encoding import Encoded, Encoder
from preceptor.training import engine as deepspeed
from preceptor.training import model as students
from preceptor.training.batches import Sizes, plan
from preceptor.training.checkpoints import Checkpoints, DirectoryCheckpoints, NoCheckpoints, State
from preceptor.training.encoding import shared_prefix
from preceptor.training.job import Progress, TrainingJob, TrainingResult, World
from preceptor.training.objective import AnswerLoss, Batch, collate


def train(
    job: TrainingJob,
    *,
    world: World | None = None,
    progress: Callable[[Progress], None] | None = None,
    checkpoints: Checkpoints | None = None,
) -> TrainingResult:
    """Fine-tune a student and write it to ``job.output_dir``; every process of the world calls this.

    The same job gives the same losses and weights, bit for bit, on the same machine and world; a resumed training
    gives those of an uninterrupted one.

    Args:
        job: What to train on what.
        world: The processes; what the launcher's environment says when absent, which is one process without launcher.
        progress: Called on rank 0 after each step.
        checkpoints: Where to keep state; ``job.checkpoint_dir`` when absent.

    Raises:
        StudentError: The model cannot be loaded, or no row is short enough.
    """
    world = world or World.from_environment()
    checkpoints = checkpoints or (DirectoryCheckpoints(job.checkpoint_dir) if job.checkpoint_dir else NoCheckpoints())
    training = job.training
    device = deepspeed.device_of(training, world)
    deepspeed.join(world, device)

    encoder = Encoder(job.model_dir)
    rows = _short_enough([encoder.encode(row.messages, row.completion) for row in job.rows], training)
    sizes = Sizes.of(training, world)
    steps = plan([row.length for row in rows], training.epochs, sizes, job.seed)

    torch.manual_seed(job.seed)
    model = students.load(job.model_dir, training, longest=max(row.length for row in rows), device=device)
    objective = AnswerLoss(
        model,
        prefix=() if training.dropout else shared_prefix(rows),  # dropout treats each row's prefix differently
        autocast=torch.bfloat16 if training.precision == "bf16" and device.type == "cpu" else None,
    )
    engine = deepspeed.initialize(objective, training, sizes, device)

    losses = list(checkpoints.resume(engine, world).losses)
    began = time.monotonic()
    for number, step in enumerate(steps[len(losses) :], start=len(losses) + 1):
        torch.manual_seed(hash((job.seed, number, world.rank)))  # dropout's; a resumed run needs no generator state
        deepspeed.set_learning_rate(engine, training.learning_rate * schedule(training, number, len(steps)))
        batches = (
            collate([rows[row] for row in micro], prefix=objective.shared, pad=encoder.pad, ballast=rows[0])
            for micro in step.shares[world.rank]
        )
        losses.append(_learn(engine, batches, sum(len(rows[row].completion) for row in step.rows), world))
        if progress and world.rank == 0:
            progress(Progress(step=number, steps=len(steps), loss=losses[-1], seconds=time.monotonic() - began))
        if training.checkpoint_every and number % training.checkpoint_every == 0 and number < len(steps):
            checkpoints.save(engine, world, State(losses=tuple(losses)))
    seconds = time.monotonic() - began

    students.save(model, encoder, training, job.output_dir, write=world.rank == 0)
    torch.distributed.barrier()
    result = TrainingResult(
        steps=len(steps),
        tokens=sum(rows[row].length for step in steps for row in step.rows),
        seconds=seconds,
        losses=tuple(losses),
        rows=len(rows),
        dropped_too_long=len(job.rows) - len(rows),
        trainable_parameters=deepspeed.count(objective),
        peak_memory=_peak_memory(device),
    )
    engine.destroy()
    del model, objective, engine
    gc.collect()  # a model and its engine hold each other
    return result


def _learn(engine: Any, batches: Iterable[Batch], answer_tokens: int, world: World) -> float:
    """One optimiser step over this rank's micro-batches; returns the mean loss over all ranks' answer tokens.

    Each answer token weighs the same, whatever micro-batch and rank it is in: losses are summed and divided by the
    step's number of answer tokens, and the mean that DeepSpeed takes over ranks is undone.
    """
    total = torch.zeros((), device=engine.device)
    for batch in batches:
        loss = engine(batch.to(engine.device)) / answer_tokens
        engine.backward(loss * world.size, scale_wrt_gas=False)
        engine.step()  # clips and updates after the last micro-batch, and only counts before
        total += loss.detach()
    torch.distributed.all_reduce(total)
    return total.item()


def schedule(training: Training, step: int, steps: int) -> float:
    """The learning rate of a step (from 1) as a share of the peak: linear warmup, then the declared decay towards 0."""
    warmup = math.ceil(training.warmup_ratio * steps)
    if step <= warmup:
        return step / warmup
    left = 1 - (step - warmup - 1) / max(1, steps - warmup)
    if training.schedule == "cosine":
        return 0.5 * (1 - math.cos(math.pi * left))
    return left if training.schedule == "linear" else 1.0


def _short_enough(encoded: list[Encoded], training: Training) -> list[Encoded]:
    """Rows of at most ``maxTokens``: a longer one is left out, because half an answer would teach to stop early."""
    rows = [row for row in encoded if row.length <= training.max_tokens]
    if not rows:
        raise StudentError(
            f"none of the {len(encoded)} rows has at most {training.max_tokens} tokens",
            mend="raise student.training.maxTokens",
        )
    return rows


def _peak_memory(device: torch.device) -> int:
    """Bytes: the GPU's largest allocation, or the process's largest resident size (which Linux counts in KiB)."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
