"""Rows from reasoning-gym's procedural datasets, each verified by the dataset's own verifier.

Source: https://github.com/open-thought/reasoning-gym, 0.1.25. The verifier sees metadata as an examiner would: after a
journey through JSON. Of the 106 datasets five follow Python's randomised hash and cannot be made again, and seven give
no answer that their verifier accepts this way; the former are refused by name, the latter when a check finds it out.
"""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from random import Random
from tokenize import TokenError
from typing import Any

from preceptor.spec.actors import ReasoningGymGenerator
from preceptor.spec.checks import levels_of
from preceptor.spec.source import join
from preceptor.teachers.draft import Draft
from preceptor.teachers.templates import GeneratorError, generator_place

UNREPEATABLE = frozenset(
    {"isomorphic_strings", "knight_swap", "polynomial_multiplication", "ransom_note", "word_ladder"}
)
"""Datasets whose rows depend on PYTHONHASHSEED: measured by making each under two hash seeds."""

TRIAL_ROWS = 4
"""Rows that a check makes of every level."""

_VERIFIER_FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    SyntaxError,
    TokenError,
    TypeError,
    ValueError,
)
"""What verifiers raise at an answer they do not understand, instead of scoring it 0."""


class ReasoningGymSource:
    """One generator of kind ``reasoning-gym``."""

    def __init__(self, name: str, config: ReasoningGymGenerator) -> None:
        self._name = name
        self._config = config
        self._place = generator_place(name)
        self.skill = config.skill or name
        self.levels = levels_of(config)

    def make(self, *, levels: Mapping[int, float], count: int, seed: int) -> list[Draft]:
        """At most ``count`` rows: those that the verifier does not accept are left out. Raises ``GeneratorError``."""
        random = Random(seed)
        wanted = Counter(random.choices(list(levels), weights=list(levels.values()), k=count))
        drafts = []
        for level in sorted(wanted):
            drafts += self._rows(level, wanted[level], seed=random.getrandbits(31))
        return drafts

    def trials(self) -> Iterator[Draft | GeneratorError]:
        """A few rows of every level in turn, or the error that keeps it from making any."""
        for level in self.levels:
            try:
                rows = self._rows(level, TRIAL_ROWS, seed=level)
            except GeneratorError as error:
                yield error
                continue
            yield from rows
            if not rows:
                yield GeneratorError(
                    f"{self._place.words}, difficulty {level}: the dataset's verifier accepts none of its own answers",
                    path=join(self._place.path, "dataset"),
                    mend="choose another dataset: this one has no single answer to learn from",
                )

    def _rows(self, level: int, count: int, *, seed: int) -> list[Draft]:
        with _quiet():
            dataset = self._dataset(level, count, seed)
            drafts = []
            for index in range(count):
                entry = dataset[index]
                fields = _plain(entry, self._config.dataset)
                if isinstance(entry["answer"], str) and _verified(dataset, fields, entry["answer"]):
                    drafts.append(Draft(fields, entry["answer"], self._name, self.skill, level))
        return drafts

    def _dataset(self, level: int, count: int, seed: int) -> Any:
        known = self._config_class()
        settings = self._config.levels[level - 1] if self._config.levels else {}
        place = self._place.down("levels", level - 1, words=f"difficulty {level}")
        names = sorted({field.name for field in dataclasses.fields(known)} - {"seed", "size"})
        for name in settings:
            if name not in names:
                close = get_close_matches(name, names, n=1)
                raise GeneratorError(
                    f"{place.words}: reasoning-gym's `{self._config.dataset}` has no setting `{name}`",
                    path=place.path,
                    mend=f"did you mean `{close[0]}`?" if close else f"its settings are {', '.join(names)}",
                )
        import reasoning_gym

        try:
            return reasoning_gym.create_dataset(self._config.dataset, seed=seed, size=count, **settings)
        except (AssertionError, TypeError, ValueError) as error:
            raise GeneratorError(
                f"{place.words}: reasoning-gym refuses the settings: {error}",
                path=place.path,
                mend=f"mend the settings; they are {', '.join(names)}",
            ) from error

    def _config_class(self) -> type:
        path = join(self._place.path, "dataset")
        try:
            from reasoning_gym.factory import DATASETS
        except ImportError as error:
            raise GeneratorError(
                f"{self._place.words} needs the package reasoning-gym, which is not installed",
                path=path,
                mend="pip install 'preceptor[reasoning-gym]'",
            ) from error
        name = self._config.dataset
        if name not in DATASETS:
            close = get_close_matches(name, DATASETS, n=3) or sorted(DATASETS)
            raise GeneratorError(
                f"{self._place.words}: reasoning-gym has no dataset `{name}`",
                path=path,
                mend=f"the closest names are {', '.join(close[:3])}",
            )
        if name in UNREPEATABLE:
            raise GeneratorError(
                f"{self._place.words}: rows of reasoning-gym's `{name}` cannot be made again from their seed",
                path=path,
                mend="choose another dataset: this one follows Python's hash seed",
            )
        config: type = DATASETS[name][1]
        return config


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the warnings of the datasets' own code and dependencies, which say nothing about the rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _plain(entry: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The columns of an entry as JSON data."""
    metadata = json.loads(json.dumps(entry["metadata"], default=str))
    return {"question": entry["question"], "answer": entry["answer"], "metadata": metadata, "source_dataset": source}


def _verified(dataset: Any, fields: Mapping[str, Any], answer: str) -> bool:
    try:
        return float(dataset.score_answer(answer, dict(fields))) == 1.0
    except _VERIFIER_FAILURES:
        return False
