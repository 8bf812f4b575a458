"""Two processes train as one does, at every ZeRO stage."""

from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file

from preceptor.spec.actors import Training
from preceptor.training.job import Example, TrainingJob, TrainingResult, World
from preceptor.training.loop import train
from support.ranks import run

COMMON = {"epochs": 2, "batch_size": 4, "precision": "fp32"}
METHODS = {
    "lora": Training(method="lora", learning_rate=1e-2, **COMMON),
    "full": Training(method="full", learning_rate=1e-3, **COMMON),
}
STAGES = (0, 1, 2, 3)


@pytest.fixture(scope="module")
def job(tiny: Path, rows: list[Example]) -> TrainingJob:
    return TrainingJob(model_dir=tiny, training=METHODS["lora"], seed=1, rows=rows, output_dir=Path())


Pairs = dict[str, tuple[TrainingJob, TrainingResult]]


@pytest.fixture(scope="module")
def pairs(job: TrainingJob, tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    """What two ranks make of every method and stage, and of a few special cases; one start of processes for all."""
    directory = tmp_path_factory.mktemp("world")
    settings = {f"{m}-{s}": METHODS[m].model_copy(update={"zero_stage": s}) for m in METHODS for s in STAGES}
    settings["again"] = settings["lora-2"]
    settings["bf16"] = settings["lora-2"].model_copy(update={"precision": "bf16"})
    settings["bf16-3"] = settings["lora-3"].model_copy(update={"precision": "bf16"})
    settings["micro"] = settings["lora-2"].model_copy(update={"micro_batch_size": 1})
    jobs = {name: replace(job, training=training, output_dir=directory / name) for name, training in settings.items()}
    jobs["one row"] = replace(jobs["lora-2"], rows=job.rows[:1], output_dir=directory / "row")
    every = jobs["lora-3"].training.model_copy(update={"checkpoint_every": 3})
    jobs["whole"] = replace(jobs["lora-3"], training=every, checkpoint_dir=directory / "state")
    jobs["resumed"] = replace(jobs["whole"], output_dir=directory / "resumed")
    results = run(list(jobs.values()), 2, directory)
    return dict(zip(jobs, zip(jobs.values(), results, strict=True), strict=True))


def weights(job: TrainingJob) -> dict[str, list[float]]:
    [file] = job.output_dir.glob("*.safetensors")
    return {name: weight.flatten().tolist() for name, weight in load_file(file).items()}


@pytest.mark.parametrize("method", METHODS)
def test_two_ranks_at_any_stage_are_one_process(pairs: Pairs, job: TrainingJob, tmp_path: Path, method: str) -> None:
    alone = replace(job, training=METHODS[method], output_dir=tmp_path)
    expected = train(alone)
    for stage in STAGES:
        together, result = pairs[f"{method}-{stage}"]
        assert result.losses == pytest.approx(expected.losses, rel=1e-3), stage
        assert result.trainable_parameters == expected.trainable_parameters
        assert result.tokens == expected.tokens
        mine, theirs = weights(alone), weights(together)
        assert mine.keys() == theirs.keys()
        for name in mine:
            assert theirs[name] == pytest.approx(mine[name], abs=2e-3), (stage, name)


def test_two_ranks_give_the_same_bits_again(pairs: Pairs) -> None:
    (one, first), (two, second) = pairs["lora-2"], pairs["again"]
    assert first.losses == second.losses
    assert weights(one) == weights(two)


def test_precision_changes_little(pairs: Pairs) -> None:
    assert pairs["bf16"][1].losses == pytest.approx(pairs["lora-2"][1].losses, rel=0.03)
    assert pairs["bf16-3"][1].losses == pytest.approx(pairs["bf16"][1].losses, rel=0.03)


def test_accumulation_over_ranks_weighs_each_token_alike(pairs: Pairs) -> None:
    assert pairs["micro"][1].losses == pytest.approx(pairs["lora-2"][1].losses, rel=1e-3)


def test_a_rank_without_rows_takes_part(pairs: Pairs, job: TrainingJob, tmp_path: Path) -> None:
    alone = train(replace(job, rows=job.rows[:1], output_dir=tmp_path))
    assert pairs["one row"][1].losses == pytest.approx(alone.losses, rel=1e-3)


def test_a_checkpoint_of_partitioned_weights_resumes(pairs: Pairs) -> None:
    """The second training found the first one's last checkpoint, half way, and came to the same end."""
    (whole, first), (resumed, second) = pairs["whole"], pairs["resumed"]
    assert second.losses == first.losses
    assert weights(resumed) == weights(whole)
    assert second.seconds < first.seconds


def test_the_launcher_s_environment_says_who_we_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert World.from_environment() == World(rank=0, size=1, local_rank=0)
    for name, value in {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    assert World.from_environment() == World(rank=5, size=8, local_rank=1)
