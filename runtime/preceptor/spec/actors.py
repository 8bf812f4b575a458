"""Who acts in a run: the ``engineer``, the ``teacher`` and the ``student`` sections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from preceptor.spec.base import ContradictionError, Fraction, Model, Template
from preceptor.spec.endpoint import Endpoint, Price, Sampling
from preceptor.spec.recipe import Recipe
from preceptor.spec.values import Value

Strategy = Literal["iterative", "oneShot"]


class HeuristicEngineer(Model):
    """Plans without an LLM: moves quota and difficulty to where feedback shows the student weak."""

    kind: Literal["heuristic"]
    strategy: Strategy = "iterative"
    """``iterative`` refines over the budget's iterations; ``oneShot`` makes one full-size version."""
    explore: Fraction = 0.25
    """Share of every version that is spread evenly over all skills, whatever feedback says."""
    cap: Fraction = 0.5
    """No skill gets a larger share of a version than this."""
    carry_over: Fraction = 1.0
    """Share of a skill's quota that the best version's rows may fill."""


class LLMEngineer(Model):
    """Plans with a language model."""

    kind: Literal["llm"]
    strategy: Strategy = "iterative"
    """``iterative`` or ``oneShot``, as in the paper."""
    model: str = Field(examples=["gpt-5.2"])
    """Model name at the endpoint."""
    endpoint: Endpoint = Endpoint()
    """Where it is served."""
    sampling: Sampling = Sampling()
    """How it samples."""
    price: Price = Price()
    """What it costs; counts towards `budget.usd` and `budget.tokens`, not towards `budget.teacherRequests`."""
    cap: Fraction = 0.5
    """No skill gets a larger share of a version than this."""


class FixedEngineer(Model):
    """Carries out the recipe in the document: the human baseline."""

    kind: Literal["fixed"]
    recipe: Recipe = Field(
        examples=[{"skills": [{"skill": "all", "quota": 100, "sources": [{"generator": "my-generator"}]}]}]
    )
    """The recipe."""


Engineer = Annotated[HeuristicEngineer | LLMEngineer | FixedEngineer, Field(discriminator="kind")]


class Form(Model):
    """One way of wording a row."""

    input: dict[str, Template] = Field(min_length=1, examples=[{"question": "What is {{ n }} + 1?"}])
    """Template for each column the task's prompt reads, as in ``{message: "Please pay {{ amount }}"}``."""
    difficulty: int = Field(default=1, ge=1, le=10)
    """Level from 1 (easy); recipes weigh levels."""
    weight: float = Field(default=1.0, gt=0)
    """Relative frequency among the forms of a level."""
    values: dict[str, Value] = Field(default_factory=dict)
    """Values of this form only; they replace those of the same name."""
    without: tuple[str, ...] = ()
    """Values this wording does not mention: they are ``none`` in the answer."""


class SamplerGenerator(Model):
    """Rows from sampled values and templates: the answer is correct by construction."""

    kind: Literal["sampler"]
    skill: str | None = None
    """The skill of its rows; the generator's own name when absent."""
    values: dict[str, Value] = Field(default_factory=dict)
    """Value samplers; expressions may use other values, in whatever order they are written."""
    forms: tuple[Form, ...] = Field(min_length=1, examples=[[{"input": {"question": "What is {{ n }} + 1?"}}]])
    """The wordings."""
    answer: Template | None = None
    """Template of the answer; the teacher's ``answer`` when absent."""


class ReasoningGymGenerator(Model):
    """Rows from one of reasoning-gym's procedural datasets."""

    kind: Literal["reasoning-gym"]
    skill: str | None = None
    """The skill of its rows; the generator's own name when absent."""
    dataset: str = Field(examples=["chain_sum"])
    """The dataset's name in reasoning-gym."""
    levels: tuple[dict[str, int | float | str | bool | list[int | float | str]], ...] = ({},)
    """The dataset's settings for difficulty 1, 2, …; the defaults when empty."""


Generator = Annotated[SamplerGenerator | ReasoningGymGenerator, Field(discriminator="kind")]


class ProceduralTeacher(Model):
    """Makes rows without a model: sampled values in templates, or reasoning-gym's generators."""

    kind: Literal["procedural"]
    values: dict[str, Value] = Field(default_factory=dict)
    """Value samplers every sampler generator may use."""
    answer: Template | None = None
    """Answer template of sampler generators that have none."""
    generators: dict[str, Generator] = Field(
        min_length=1, examples=[{"my-generator": {"kind": "reasoning-gym", "dataset": "chain_sum"}}]
    )
    """The generators by name; recipes refer to them."""
    concurrency: int = Field(default=2, gt=0)
    """Ray actors that generate at once."""

    @model_validator(mode="after")
    def _answers(self) -> Self:
        _check_answers(self.generators, self.answer)
        return self


def _check_answers(generators: Mapping[str, Generator], default: Template | None) -> None:
    """Refuse a sampler generator whose rows would have no answer."""
    for name, generator in generators.items():
        if isinstance(generator, SamplerGenerator) and generator.answer is None and default is None:
            raise ContradictionError(
                "the generator has no `answer` and the teacher gives none",
                mend="write the template of the answer, here or as `teacher.answer` for every generator",
                at=("generators", name),
            )


class Pool(Model):
    """An existing dataset that rows can be selected from."""

    uri: str = Field(min_length=1, examples=["pool.jsonl"])
    """fsspec URI or a path relative to the document; ``.jsonl``, ``.json``, ``.csv`` or ``.parquet``."""
    answer: Template = Field(examples=["{{ answer }}"])
    """Template over a record's columns that gives the answer the student learns."""
    skill: Template | None = None
    """Template that gives the record's skill; one skill, ``all``, when absent."""
    limit: int | None = Field(default=None, gt=0)
    """Read only the first so many records."""


class OpenAITeacher(Model):
    """A model behind an OpenAI-compatible endpoint."""

    kind: Literal["openai"]
    model: str = Field(examples=["Qwen3-30B-A3B"])
    """Model name at the endpoint."""
    endpoint: Endpoint = Endpoint()
    """Where it is served."""
    concurrency: int = Field(default=16, gt=0)
    """Requests in flight at most; fewer when the endpoint turns requests away."""
    sampling: Sampling = Sampling()
    """How it samples."""
    price: Price = Price()
    """What it costs."""
    values: dict[str, Value] = Field(default_factory=dict)
    """Value samplers every sampler generator may use."""
    answer: Template | None = None
    """Answer template of sampler generators that have none."""
    generators: dict[str, Generator] = Field(default_factory=dict)
    """Procedural generators that recipes may use beside the model."""
    pool: Pool | None = None
    """An existing dataset that recipes may select rows from."""

    @model_validator(mode="after")
    def _answers(self) -> Self:
        _check_answers(self.generators, self.answer)
        return self


class PoolTeacher(Pool):
    """Makes nothing: selects rows from an existing dataset."""

    kind: Literal["pool"]


Teacher = Annotated[ProceduralTeacher | OpenAITeacher | PoolTeacher, Field(discriminator="kind")]


class Training(Model):
    """How the student is fine-tuned. Fixed over a run: data is the only thing the engineer may change."""

    method: Literal["lora", "full"] = "lora"
    """Adapters on every linear layer, or all weights."""
    rank: int = Field(default=8, gt=0)
    """LoRA rank."""
    alpha: float = Field(default=16, gt=0)
    """LoRA alpha."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """LoRA dropout."""
    epochs: float = Field(default=3, gt=0)
    """Passes over the version."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """Peak learning rate of AdamW."""
    schedule: Literal["linear", "cosine", "constant"] = "cosine"
    """Decay after warmup."""
    warmup_ratio: Fraction = 0.1
    """Share of the steps that warm up."""
    weight_decay: float = Field(default=0.0, ge=0)
    """AdamW's weight decay."""
    batch_size: int = Field(default=16, gt=0)
    """Rows in an optimiser step, over all workers."""
    micro_batch_size: int | None = Field(default=None, gt=0)
    """Rows a worker computes at once; the rest is gradient accumulation. All of its share when absent."""
    gradient_clipping: float = Field(default=1.0, gt=0)
    """Largest gradient norm."""
    max_tokens: int = Field(default=2048, gt=0)
    """Longest row in the student's tokens, question and answer together."""
    precision: Literal["bf16", "fp32"] = "bf16"
    """``bf16``: autocast on CPU, bf16 weights on GPU."""
    zero_stage: Literal[0, 1, 2, 3] = 2
    """DeepSpeed ZeRO stage."""
    workers: int = Field(default=1, gt=0)
    """Training processes."""
    gpus_per_worker: int = Field(default=0, ge=0, le=1)
    """GPUs of each; 0 trains on the CPU."""
    checkpoint_every: int | None = Field(default=None, gt=0)
    """Save the optimiser's state every so many steps; never when absent."""

    @model_validator(mode="after")
    def _batch_divides(self) -> Self:
        if self.batch_size % self.workers:
            raise ContradictionError(
                f"{self.workers} workers cannot share batches of {self.batch_size} rows evenly",
                mend="make `batchSize` a multiple of `workers`",
                at=("batchSize",),
            )
        share = self.batch_size // self.workers
        if self.micro_batch_size is not None and share % self.micro_batch_size:
            raise ContradictionError(
                f"micro-batches of {self.micro_batch_size} rows do not add up to a worker's share of {share}",
                mend="make `microBatchSize` a divisor of batchSize / workers",
                at=("microBatchSize",),
            )
        return self


class Inference(Model):
    """How the student answers in examinations (greedy)."""

    engine: Literal["transformers", "vllm"] = "transformers"
    """The engine; scores are never compared across engines."""
    max_new_tokens: int = Field(default=512, gt=0)
    """Longest answer."""
    batch_size: int = Field(default=48, gt=0)
    """Prompts at once."""


class Student(Model):
    """The model that learns."""

    model: str = Field(min_length=1, examples=["HuggingFaceTB/SmolLM2-135M-Instruct"])
    """Hub id, path, fsspec URI, or ``package:DISTRIBUTION/FILE.gguf`` for a model that a Python package carries.

    A relative path counts from the document.
    """
    training: Training = Training()
    """How it is fine-tuned."""
    inference: Inference = Inference()
    """How it is examined."""
