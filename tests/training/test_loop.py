"""The loop in one process, against ten lines of plain torch."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from preceptor.errors import StudentError
from preceptor.inference.engine import TransformersEngine
from preceptor.spec.actors import Inference, Training
from preceptor.students.encoding import Encoder
from preceptor.training.batches import Sizes, plan
from preceptor.training.job import Example, Progress, TrainingJob, TrainingResult
from preceptor.training.loop import schedule, train

FULL = Training(method="full", precision="fp32", epochs=2, batch_size=4, learning_rate=1e-3, zero_stage=0)
LORA = Training(method="lora", precision="bf16", epochs=2, batch_size=4, learning_rate=1e-2, zero_stage=2)


@pytest.fixture
def job(tiny: Path, rows: list[Example], tmp_path: Path) -> TrainingJob:
    return TrainingJob(model_dir=tiny, training=LORA, seed=7, rows=rows, output_dir=tmp_path / "out")


def test_full_training_is_adamw_on_the_mean_loss_of_the_answer_tokens(job: TrainingJob) -> None:
    training = FULL.model_copy(update={"weight_decay": 0.1, "gradient_clipping": 0.5})
    encoder = Encoder(job.model_dir)
    encoded = [encoder.encode(row.messages, row.completion) for row in job.rows]
    model = AutoModelForCausalLM.from_pretrained(job.model_dir)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.1)
    steps = plan([row.length for row in encoded], 2, Sizes(4, 1, 4), seed=7)
    expected = []
    for number, step in enumerate(steps, start=1):
        losses = []
        for row in (encoded[index] for index in step.rows):
            ids = torch.tensor([row.prompt + row.completion])
            labels = ids.clone()
            labels[:, : len(row.prompt)] = -100
            losses.append(model(input_ids=ids, labels=labels).loss * len(row.completion))
        loss = sum(losses) / sum(len(encoded[index].completion) for index in step.rows)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimiser.param_groups[0]["lr"] = 1e-3 * schedule(training, number, len(steps))
        optimiser.step()
        optimiser.zero_grad()
        expected.append(loss.item())

    result = train(replace(job, training=training))

    assert result.losses == pytest.approx(expected, rel=1e-4)
    learned = AutoModelForCausalLM.from_pretrained(job.output_dir).state_dict()
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(learned[name], weight, rtol=1e-3, atol=2e-4)


def test_lora_learns_and_the_engine_repeats_what_was_learned(job: TrainingJob) -> None:
    seen: list[Progress] = []
    result = train(replace(job, training=LORA.model_copy(update={"epochs": 20})), progress=seen.append)

    assert [progress.step for progress in seen] == list(range(1, result.steps + 1))
    assert tuple(progress.loss for progress in seen) == result.losses
    assert result.loss_last < 0.2 < 2 < result.loss_first
    assert sorted(file.name for file in job.output_dir.iterdir() if file.suffix != ".md") == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    engine = TransformersEngine(job.model_dir, job.output_dir, Inference(max_new_tokens=24), device="cpu")
    outputs = engine.answer([row.messages for row in job.rows])
    right = [output.text == row.completion for output, row in zip(outputs, job.rows, strict=True)]
    assert sum(right) >= len(right) - 1
    untaught = TransformersEngine(job.model_dir, None, Inference(max_new_tokens=24), device="cpu")
    assert untaught.answer([row.messages for row in job.rows]) != outputs
    assert not any(output.truncated for output in outputs)


@pytest.mark.parametrize("training", [LORA, LORA.model_copy(update={"dropout": 0.3}), FULL])
def test_the_same_job_gives_the_same_bits(job: TrainingJob, tmp_path: Path, training: Training) -> None:
    runs = [replace(job, training=training, output_dir=tmp_path / name) for name in ("one", "two")]
    results = [train(run) for run in runs]
    assert results[0].losses == results[1].losses
    files = [next(run.output_dir.glob("*.safetensors")).read_bytes() for run in runs]
    assert files[0] == files[1]
    assert train(replace(runs[0], seed=8)).losses != results[0].losses


def test_dropout_is_applied(job: TrainingJob) -> None:
    without = train(job).losses
    assert train(replace(job, training=LORA.model_copy(update={"dropout": 0.5}))).losses[1:] != without[1:]


def test_the_batch_counts_not_how_it_is_divided(job: TrainingJob) -> None:
    whole = train(replace(job, training=FULL))
    pieces = train(replace(job, training=FULL.model_copy(update={"micro_batch_size": 1})))
    assert pieces.losses == pytest.approx(whole.losses, rel=1e-4)


@pytest.mark.parametrize("training", [LORA.model_copy(update={"checkpoint_every": 2, "dropout": 0.2}), FULL])
def test_a_killed_training_goes_on_as_if_nothing_had_been(job: TrainingJob, tmp_path: Path, training: Training) -> None:
    class Killed(BaseException):
        pass

    def kill(progress: Progress) -> None:
        if progress.step == 5:
            raise Killed

    training = training.model_copy(update={"checkpoint_every": 2})
    whole = train(replace(job, training=training))
    expected = next(job.output_dir.glob("*.safetensors")).read_bytes()
    again = replace(job, training=training, checkpoint_dir=tmp_path / "state", output_dir=tmp_path / "again")
    with pytest.raises(Killed):
        train(again, progress=kill)
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["step-000004"]
    steps: list[int] = []
    resumed = train(again, progress=lambda progress: steps.append(progress.step))
    assert steps == [5, 6]
    assert resumed.losses == whole.losses
    assert next(again.output_dir.glob("*.safetensors")).read_bytes() == expected


def test_a_checkpoint_without_manifest_is_not_read(job: TrainingJob, tmp_path: Path) -> None:
    training = LORA.model_copy(update={"checkpoint_every": 2})
    stateful = replace(job, training=training, checkpoint_dir=tmp_path / "state")
    train(stateful)
    (tmp_path / "state/step-000004/preceptor.json").unlink()
    steps: list[int] = []
    train(stateful, progress=lambda progress: steps.append(progress.step))
    assert steps[0] == 1


def test_long_rows_are_dropped_and_counted_never_cut(job: TrainingJob) -> None:
    encoder = Encoder(job.model_dir)
    lengths = sorted(encoder.encode(row.messages, row.completion).length for row in job.rows)
    result = train(replace(job, training=LORA.model_copy(update={"max_tokens": lengths[-3], "epochs": 1})))
    assert (result.rows, result.dropped_too_long) == (len(lengths) - 2, 2)
    assert result.tokens == sum(lengths[:-2])
    with pytest.raises(StudentError, match=r"none of the 11 rows .*\n.*maxTokens"):
        train(replace(job, training=LORA.model_copy(update={"max_tokens": 5})))


def test_weights_are_stored_as_they_are_examined(job: TrainingJob) -> None:
    result = train(replace(job, training=FULL.model_copy(update={"precision": "bf16"})))
    weights = load_file(job.output_dir / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.bfloat16}
    assert sum(weight.numel() for weight in weights.values()) == result.trainable_parameters
    engine = TransformersEngine(job.output_dir, settings=Inference(max_new_tokens=4), device="cpu")
    assert len(engine.answer([job.rows[0].messages])) == 1


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("linear", [0.5, 1, 1, 0.75, 0.5, 0.25]),
        ("cosine", [0.5, 1, 1, 0.853553, 0.5, 0.146447]),
        ("constant", [0.5, 1, 1, 1, 1, 1]),
    ],
)
def test_the_learning_rate_warms_up_and_decays(kind: str, expected: list[float]) -> None:
    training = Training(schedule=kind, warmup_ratio=0.3)
    assert [schedule(training, step, 6) for step in range(1, 7)] == pytest.approx(expected, abs=1e-6)
    assert schedule(Training(warmup_ratio=0), 1, 1) == 1


def test_a_result_survives_json(job: TrainingJob) -> None:
    result = train(job)
    assert TrainingResult.from_dict(result.to_dict() | {"unknown": 1}) == result


def test_what_is_no_model_is_refused(job: TrainingJob, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    for file in job.model_dir.iterdir():
        if file.name != "model.safetensors":
            (tmp_path / "model" / file.name).write_bytes(file.read_bytes())
    with pytest.raises(StudentError, match="does not load as a causal language model"):
        train(replace(job, model_dir=tmp_path / "model"))
