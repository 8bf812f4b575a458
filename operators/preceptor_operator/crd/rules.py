"""What the API server checks beyond types: the contradictions that the document's types and ``spec.checks`` know.

Each rule stands at the type whose field it is about. Rules over lists and mappings cost time, which the API server
estimates from how long those may be, before it takes a definition; so whatever rules look through has a longest size.
What CEL cannot see, or only dearly, is left to the operator, which reads the document as ``preceptor validate`` does.
"""

from __future__ import annotations

from typing import Any

from preceptor.spec.endpoint import RESERVED, SECRET_HEADERS
from preceptor.spec.evaluation import Controls
from preceptor.spec.gates import Gates
from preceptor_operator.crd.schemas import Rule, Schema

UNFILLED = {("Sampling", "temperature")}
"""Fields, by type and name, whose default the API server must not fill in: their absence says something of its own
(the ceiling asks a teacher greedily unless the document says how it samples)."""

LIMITS = {
    ("ProceduralTeacher", "generators"): 128,
    ("OpenAITeacher", "generators"): 128,
    ("ProceduralTeacher", "values"): 2000,
    ("OpenAITeacher", "values"): 2000,
    ("SamplerGenerator", "values"): 200,
    ("SamplerGenerator", "forms"): 256,
    ("Form", "values"): 16,
    ("Recipe", "skills"): 128,
    ("Recipe", "validators"): 16,
    ("SkillPlan", "skill"): 256,
    ("SkillPlan", "sources"): 16,
    ("PromptSource", "variables"): 64,
    ("ProceduralSource", "difficulty"): 16,
    ("Endpoint", "headers"): 64,
    ("Gates", "custom"): 32,
    ("Evaluation", "forgetting"): 16,
    ("Forgetting", "document"): 1024,
    ("Storage", "uri"): 2048,
}
"""Longest size in a cluster of what rules look through, by type and field."""

_FILES: Schema = {"anyOf": [{"not": {"maxLength": 0}}, {"not": {"maxItems": 0}}]}
"""A text or a list, neither of them empty (``schemas.demand`` says how this is written)."""

REMARKS: dict[tuple[str, str], Schema] = {
    ("Items", "uri"): _FILES,
    ("Seeds", "uri"): _FILES,
    ("CategoryValue", "weights"): {"items": {"type": "number", "minimum": 0}},
    ("Endpoint", "extraBody"): {"not": {"anyOf": [{"required": [key]} for key in sorted(RESERVED)]}},
    ("Status", "conditions"): {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
}
"""What else to say of a field, by type and name."""

_SCHEMES = ("file", "local", "s3", "s3a", "gs", "gcs", "abfs", "abfss", "az")


def _conflict(rule: str, message: str, field: str = "") -> Rule:
    return Rule(rule, message, field, "FieldValueForbidden")


def _spelt(header: str) -> list[str]:
    """The usual spellings of a header: rules cannot fold case at a reasonable price."""
    return [header, header.title(), header.upper(), header.title().replace("Api", "API")]


def _headers() -> Rule:
    names = dict.fromkeys(name for header in sorted(SECRET_HEADERS) for name in _spelt(header))
    harmless = " && ".join(f"name != '{name}'" for name in names)
    message = "a header carries a secret, and a document is no place for one; name an environment variable in `apiKey`"
    return _conflict(f"!has(self.headers) || self.headers.all(name, {harmless})", message, "headers")


def _gates() -> list[Rule]:
    ours = " && ".join(f"gate.name != '{name}'" for name in Gates.model_fields)
    once = "self.custom.all(gate, self.custom.exists_one(other, other.name == gate.name))"
    return [
        Rule(f"self.custom.all(gate, {ours})", "a custom gate has the name of a gate of ours; rename it", "custom"),
        Rule(once, "a custom gate is listed twice; list every gate once", "custom"),
    ]


def _splits() -> list[Rule]:
    names = ("feedback", "selection", "private")
    every, some = (sign.join(f"has(self.{name})" for name in names) for sign in (" && ", " || "))
    total = " + ".join(f"double(self.{name})" for name in names)
    return [
        _conflict(
            f"!has(self.column) || !({some})",
            "items are cut either by shares or by a column; remove `column`, or `feedback`, `selection` and `private`",
            "column",
        ),
        Rule(
            f"has(self.column) || ({every})",
            "every split needs its share; give `feedback`, `selection` and `private` as shares such as 0.2, 0.2 and "
            "0.6, or `column`",
            reason="FieldValueRequired",
        ),
        Rule(f"!({every}) || {total} <= 1.000000001", "the shares sum to more than 1; lower them"),
        *(
            Rule(
                f"!has(self.{name}) || self.{name} > 0.0",
                "a split with share 0 would be empty; give every split a share above 0",
                name,
            )
            for name in names
        ),
    ]


def _training() -> list[Rule]:
    return [
        Rule(
            "self.batchSize % self.workers == 0",
            "the workers cannot share a batch evenly; make `batchSize` a multiple of `workers`",
            "batchSize",
        ),
        Rule(
            "!has(self.microBatchSize) || (self.batchSize / self.workers) % self.microBatchSize == 0",
            "micro-batches do not add up to a worker's share; make `microBatchSize` a divisor of batchSize / workers",
            "microBatchSize",
        ),
    ]


def _controls() -> list[Rule]:
    shots = Controls.model_fields["shots"].default
    mend = "is for `prompted`, which is off; remove it, or write `prompted: true`"
    return [
        _conflict(f"self.prompted || self.shots == {shots}", f"`shots` {mend}", "shots"),
        _conflict("self.prompted || !has(self.instructions)", f"`instructions` {mend}", "instructions"),
    ]


def _storage() -> list[Rule]:
    allowed = " || ".join(f"self.uri.startsWith('{scheme}://')" for scheme in _SCHEMES)
    return [
        Rule(
            "!self.uri.startsWith('memory:')",
            "memory:// is lost with the driver's pod; write s3://, gs://, abfs://, or a path on a shared volume",
            "uri",
        ),
        Rule(
            f"self.uri.startsWith('memory:') || !self.uri.contains('://') || {allowed}",
            "this cannot be a storage root; write s3://BUCKET/PREFIX, gs://, abfs://, file://, or a path",
            "uri",
        ),
    ]


def _answers() -> Rule:
    each = "self.generators[name].kind != 'sampler' || has(self.generators[name].answer)"
    message = "a sampler generator has no `answer` and the teacher gives none; write it there, or as `teacher.answer`"
    rule = f"has(self.answer) || !has(self.generators) || self.generators.all(name, {each})"
    return Rule(rule, message, "generators", "FieldValueRequired")


def _limits_of_models() -> list[Rule]:
    """Limits on models of a run that asks none."""
    teacher = "self.teacher.kind == 'openai'"
    anyone = f"{teacher} || self.engineer.kind == 'llm' || has(self.dataset.gates.contamination.neighbours)"
    asked = {"teacherRequests": teacher, "teacherRequestsPerAttempt": teacher, "tokens": anyone, "usd": anyone}
    return [
        _conflict(
            f"!has(self.budget.{key}) || {counts}",
            f"`{key}` limits nothing, because no model is asked; remove it: `rows` limits what the teacher makes",
            f"budget.{key}",
        )
        for key, counts in asked.items()
    ]


def _comparisons() -> list[Rule]:
    controls, generators = (
        "self.evaluation.controls",
        "has(self.teacher.generators) && self.teacher.generators.size() > 0",
    )
    return [
        _conflict(
            f"!{controls}.oneShot || (self.engineer.kind != 'fixed' && "
            "!(has(self.engineer.strategy) && self.engineer.strategy == 'oneShot'))",
            "the run makes one version without feedback already, so this would be the same run; remove `oneShot`",
            "evaluation.controls.oneShot",
        ),
        _conflict(
            f"!{controls}.heuristic || (self.engineer.kind != 'heuristic' && {generators})",
            "needs another engineer than the `heuristic` one, and `teacher.generators`; remove `heuristic`",
            "evaluation.controls.heuristic",
        ),
        _conflict(
            f"!{controls}.distillation || (self.teacher.kind == 'openai' && has(self.task.seeds))",
            "needs a teacher of kind `openai` and `task.seeds`; add them, or remove `distillation`",
            "evaluation.controls.distillation",
        ),
    ]


def _spec() -> list[Rule]:
    share = "self.dataset.gates.balance.maxShare"
    return [
        Rule(
            "!has(self.budget.rows) || self.budget.rows >= self.dataset.minimum",
            "too few rows for one iteration; raise `rows` to `dataset.minimum` or more, or lower `dataset.minimum`",
            "budget.rows",
        ),
        *_limits_of_models(),
        Rule(
            "self.engineer.kind != 'heuristic' || (has(self.teacher.generators) && self.teacher.generators.size() > 0)",
            "the heuristic engineer plans rows of generators, and the teacher declares none; declare "
            "`teacher.generators`, or write `engineer: {kind: llm, …}` or `kind: fixed` with a recipe",
            "engineer.kind",
        ),
        *_comparisons(),
        Rule(
            f"!has({share}) || self.engineer.kind != 'heuristic' || self.teacher.kind != 'procedural' || "
            f"(has(self.engineer.cap) ? self.engineer.cap : 0.5) <= double({share}) + 0.000000001",
            "the engineer may give one skill more of a version than the gates allow; write this share as "
            "`engineer.cap`, or raise it",
            "dataset.gates.balance.maxShare",
        ),
        *_fixed_recipe(),
    ]


def _fixed_recipe() -> list[Rule]:
    none = "self.engineer.kind != 'fixed' || !has(self.engineer.recipe)"
    sources = f"{none} || self.engineer.recipe.skills.all(plan, plan.sources.all(source, "
    declared = "has(self.teacher.generators) && has(source.generator) && source.generator in self.teacher.generators"
    by_model = " || ".join(f"source.kind == '{kind}'" for kind in ("prompt", "solve", "evolve"))
    return [
        Rule(
            f"{sources}source.kind != 'procedural' || ({declared})))",
            "a source names a generator that the teacher does not declare; write one of `teacher.generators`",
            "engineer.recipe.skills",
        ),
        Rule(
            f"{sources}!({by_model}) || self.teacher.kind == 'openai'))",
            "a source asks a model, and the teacher has none; write a teacher of kind `openai`, or sources of kind "
            "`procedural`",
            "engineer.recipe.skills",
        ),
        _conflict(
            f"{none} || !has(self.engineer.recipe.carryOver)",
            "a fixed recipe has no earlier version to take rows from; remove `carryOver`",
            "engineer.recipe.carryOver",
        ),
    ]


def _values() -> dict[str, list[Rule]]:
    return {
        "NumberValue": [
            Rule(
                "!has(self.low) || !has(self.high) || self.low <= self.high", "`low` is above `high`; swap them", "low"
            ),
            Rule(
                "!has(self.distribution) || self.distribution != 'log' || !has(self.low) || self.low > 0.0",
                "a logarithmic distribution has no values at or below 0; raise `low`, or write `distribution: uniform`",
                "low",
            ),
        ],
        "DateValue": [
            Rule(
                "!has(self.first) || !has(self.last) || self.first <= self.last",
                "`first` is after `last`; swap them",
                "first",
            )
        ],
    }


def _recipe() -> dict[str, list[Rule]]:
    once = "self.skills.all(plan, self.skills.exists_one(other, other.skill == plan.skill))"
    positive = "self.difficulty.all(level, self.difficulty[level] >= 0.0)"
    agreed = "(has(self.agree) ? self.agree : 2) <= (has(self.solutions) ? self.solutions : 3)"
    return {
        "Recipe": [Rule(once, "a skill appears twice; merge the entries into one with both quotas", "skills")],
        "ProceduralSource": [
            Rule(f"!has(self.difficulty) || {positive}", "weights may not be negative; write 0 or more", "difficulty")
        ],
        "AgreementValidator": [
            Rule(agreed, "so many solutions can never agree; lower `agree` or raise `solutions`", "agree")
        ],
    }


RULES_OF: dict[str, list[Rule]] = {
    "Spec": _spec(),
    "Splits": _splits(),
    "Endpoint": [_headers()],
    "ApiKey": [Rule("has(self.env) != has(self.secret)", "a key comes from one place; give either `env` or `secret`")],
    "Training": _training(),
    "Inference": [
        Rule("self.engine != 'vllm'", "not yet: examinations with vLLM; write `engine: transformers`", "engine")
    ],
    "Dataset": [
        Rule("self.minimum <= self.size", "`minimum` is above `size`; lower `minimum` or raise `size`", "minimum")
    ],
    "Gates": _gates(),
    "ContaminationGate": [
        _conflict(
            "self.enabled || !has(self.neighbours)",
            "`neighbours` is part of a gate that is switched off; remove it, or write `enabled: true`",
            "neighbours",
        )
    ],
    "Budget": [
        _conflict(
            "!has(self.gpuHours)",
            "not yet: a budget for GPU time; remove `gpuHours`: `wallClock` limits the run's time",
            "gpuHours",
        )
    ],
    "Controls": _controls(),
    "Evaluation": [
        Rule(
            "self.forgetting.all(suite, self.forgetting.exists_one(other, other.document == suite.document))",
            "a task is listed twice; list every task once",
            "forgetting",
        )
    ],
    "Storage": _storage(),
    "ProceduralTeacher": [_answers()],
    "OpenAITeacher": [_answers()],
    **_values(),
    **_recipe(),
}
"""Rules by the name of the type they stand at."""


def unused(names: set[str]) -> list[Any]:
    """Return what is said here of types that are not among ``names``; there must be nothing."""
    keyed = {*UNFILLED, *LIMITS, *REMARKS}
    return [name for name in RULES_OF if name not in names] + [key for key in keyed if key[0] not in names]
