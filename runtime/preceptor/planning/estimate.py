"""Tokens and time of a run, estimated from measurements on one small machine. Pure arithmetic, assumptions stated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from preceptor.spec.actors import Student, Training

CHARACTERS_PER_TOKEN = 2.5
"""Of short text with many numbers and of JSON, by SmolLM2's tokenizer; prose comes to about 4."""
TOKENS_PER_TURN = 6
"""What a chat template puts around a turn."""
REFERENCE_PARAMETERS = 135e6
"""Size of the model that was measured."""
SMALLEST_PARAMETERS = 10e6
"""Size below which a student gets no faster: the overhead of a step takes over."""
REFERENCE_CORES = 2
"""Cores it was measured on."""
GGUF_BYTES = 0.69
"""Bytes a weight takes in the GGUF file that was measured (Q4_1)."""
SAFETENSORS_BYTES = 2.0
"""Bytes a weight takes in safetensors, which are mostly bf16."""
TRAINED_PER_SECOND = {("lora", "bf16"): 420, ("lora", "fp32"): 170, ("full", "bf16"): 235, ("full", "fp32"): 135}
"""Tokens trained on in a second, by method and precision."""
READ_PER_SECOND = 900
"""Prompt tokens an examination reads in a second."""
WRITTEN_PER_SECOND = 310
"""Answer tokens an examination writes in a second, in batches of about 50."""
START_OF_TRAINING = 5
"""Seconds in which a training loads the student; the first of a run starts its processes too, which makes it 15."""
START_OF_EXAMINATION = 5
"""Seconds in which an examination loads the student."""


@dataclass(frozen=True)
class Workload:
    """What a run does at most, in rows, prompts and tokens."""

    trainings: int
    """Students trained."""
    rows: int
    """Rows of a version."""
    row_tokens: int
    """Tokens of a row, question and answer, as the student sees it."""
    examinations: int
    """Times a student is loaded to answer."""
    answers: int
    """Prompts answered in all examinations."""
    untrained_answers: int
    """Those of them that the untrained student answers."""
    prompt_tokens: int
    """Tokens of a prompt."""
    answer_tokens: int
    """Tokens of a right answer."""


@dataclass(frozen=True)
class Estimate:
    """Time on this machine."""

    training: float
    """Seconds of all trainings."""
    examination: float
    """Seconds of all examinations."""
    assumptions: tuple[str, ...]
    """What it rests on, for people."""

    @property
    def total(self) -> float:
        """Seconds of both."""
        return self.training + self.examination


def tokens(texts: Sequence[str]) -> int:
    """Return the tokens of a conversation's turns, estimated from their characters."""
    return round(sum(len(text) for text in texts) / CHARACTERS_PER_TOKEN + TOKENS_PER_TURN * len(texts))


def parameters(size: int, *, gguf: bool) -> int:
    """Return the parameters of a model whose weights take ``size`` bytes on the disk."""
    return round(size / (GGUF_BYTES if gguf else SAFETENSORS_BYTES))


def training_tokens(work: Workload, training: Training) -> int:
    """Return the tokens that one training learns from; rows longer than its limit are left out."""
    fits = work.row_tokens <= training.max_tokens
    return round(work.rows * work.row_tokens * training.epochs) if fits else 0


def estimate(work: Workload, student: Student, *, parameters: int, cores: int) -> Estimate:
    """Return the time a student of so many ``parameters`` takes on ``cores`` CPU cores."""
    slower = (max(parameters, SMALLEST_PARAMETERS) / REFERENCE_PARAMETERS) * (REFERENCE_CORES / cores)
    rate = TRAINED_PER_SECOND[student.training.method, student.training.precision]
    training = work.trainings * (START_OF_TRAINING + slower * training_tokens(work, student.training) / rate)
    longest = student.inference.max_new_tokens
    written = work.untrained_answers * longest
    written += (work.answers - work.untrained_answers) * min(longest, work.answer_tokens)
    reading = slower * work.answers * work.prompt_tokens / READ_PER_SECOND
    examination = work.examinations * START_OF_EXAMINATION + reading + slower * written / WRITTEN_PER_SECOND
    return Estimate(
        training,
        examination,
        (
            f"{rate / slower:,.0f} tokens trained, {READ_PER_SECOND / slower:,.0f} read and "
            f"{WRITTEN_PER_SECOND / slower:,.0f} written a second: measured with 135 million parameters on "
            f"{REFERENCE_CORES} cores, scaled to {parameters / 1e6:,.0f} million on {cores}",
            f"{START_OF_TRAINING} s to start a training, {START_OF_EXAMINATION} s to start an examination",
            f"the untrained student answers at full length ({longest} tokens), a trained one with {work.answer_tokens}",
            f"{CHARACTERS_PER_TOKEN} characters a token",
        ),
    )
