"""The training loop: read it from top to bottom, it is all there is."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Callable

import torch
import torch.distributed

from preceptor.errors import StudentError
from preceptor.spec.actors import Training
from preceptor.training import engine as deepspeed
from preceptor.training import model as students
from preceptor.training.batches import Sizes, plan
from preceptor.training.checkpoints import Checkpoints, DirectoryCheckpoints, NoCheckpoints, State
from preceptor.training.encoding import Encoder, shared_prefix
from preceptor.training.job import Progress, TrainingJob, TrainingResult, World
from preceptor.training.objective import AnswerLoss, collate


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
    training = job.training
    device = deepspeed.device_of(training, world)
    deepspeed.join(world, device)

    encoder = Encoder(job.model_dir)
    encoded = [encoder.encode(row) for row in job.rows]
    rows = [row for row in encoded if row.length <= training.max_tokens]
    if not rows:
        raise StudentError(
            f"none of the {len(encoded)} rows has at most {training.max_tokens} tokens",
            mend="raise student.training.maxTokens",
        )
    share = training.batch_size // world.size
    sizes = Sizes(batch=share * world.size, world=world.size, micro=training.micro_batch_size or share)
    steps = plan([row.length for row in rows], training.epochs, sizes, job.seed)

    torch.manual_seed(job.seed)
    model = students.load(job.model_dir, training, longest=max(row.length for row in rows), device=device)
    prefix = shared_prefix(rows) if training.dropout == 0 else ()
    loss_of = AnswerLoss(model, prefix=prefix, autocast=_autocast(training, device))
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    trainable = sum(weight.numel() for weight in weights)
    engine = deepspeed.initialize(loss_of, weights, training, sizes, device)

    checkpoints = checkpoints or (DirectoryCheckpoints(job.checkpoint_dir) if job.checkpoint_dir else NoCheckpoints())
    losses = list(checkpoints.resume(engine, world).losses)
    began = time.monotonic()
    for number, step in enumerate(steps[len(losses) :], start=len(losses) + 1):
        torch.manual_seed(hash((job.seed, number, world.rank)))  # dropout's; a resumed run needs no generator state
        for group in engine.optimizer.param_groups:
            group["lr"] = training.learning_rate * schedule(training, number, len(steps))
        # Each answer token weighs the same, whatever micro-batch and rank it is in. Gradients are averaged over ranks.
        answer_tokens = sum(len(rows[row].completion) for row in step.rows)
        loss = torch.zeros((), device=device)
        for micro in step.shares[world.rank]:
            batch = collate([rows[row] for row in micro], prefix=loss_of.shared, pad=encoder.pad, ballast=rows[0])
            part = engine(batch.to(device)) / answer_tokens
            engine.backward(part * world.size, scale_wrt_gas=False)
            engine.step()  # updates the weights after the step's last micro-batch
            loss += part.detach()
        torch.distributed.all_reduce(loss)
        losses.append(loss.item())
        if progress and world.rank == 0:
            progress(Progress(step=number, steps=len(steps), loss=losses[-1], seconds=time.monotonic() - began))
        if training.checkpoint_every and number % training.checkpoint_every == 0 and number < len(steps):
            checkpoints.save(engine, world, State(losses=tuple(losses)))
    seconds = time.monotonic() - began

    students.save(model, training, job.output_dir, write=world.rank == 0, gathered=training.zero_stage < 3)
    if training.method == "full" and world.rank == 0:
        encoder.save(job.output_dir)
    torch.distributed.barrier()
    engine.destroy()
    return TrainingResult(
        steps=len(steps),
        tokens=sum(rows[row].length for step in steps for row in step.rows),
        seconds=seconds,
        losses=tuple(losses),
        rows=len(rows),
        dropped_too_long=len(encoded) - len(rows),
        trainable_parameters=trainable,
        peak_memory=_peak_memory(device),
    )


def schedule(training: Training, step: int, steps: int) -> float:
    """The learning rate of a step (from 1) as a share of the peak: linear warmup, then the declared decay to 0."""
    warmup = math.ceil(training.warmup_ratio * steps)
    if step <= warmup:
        return step / warmup
    left = 1 - (step - warmup - 1) / max(1, steps - warmup)
    if training.schedule == "cosine":
        return 0.5 * (1 - math.cos(math.pi * left))
    return left if training.schedule == "linear" else 1.0


def _autocast(training: Training, device: torch.device) -> torch.dtype | None:
    return torch.bfloat16 if training.precision == "bf16" and device.type == "cpu" else None


def _peak_memory(device: torch.device) -> int:
    """Bytes: the GPU's largest allocation, or the process's largest resident size (which Linux counts in KiB)."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
