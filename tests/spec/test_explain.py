"""The words for pydantic's errors: complete for these types, and helpful."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from types import UnionType
from typing import Any

import pytest
from pydantic import BaseModel, Field, create_model

from preceptor.spec.document import Spec, Specialization
from preceptor.spec.explain import closest, given, kinds, listing


def _models(annotation: Any, seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation not in seen:
            seen.add(annotation)
            yield annotation
            for field in annotation.model_fields.values():
                yield from _models(field.annotation, seen)
        return
    for inner in typing.get_args(annotation):
        yield from _models(inner, seen)


MODELS = list(_models(Specialization, set()))


def test_all_types_are_found() -> None:
    assert len(MODELS) > 30


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_required_key_has_an_example_that_is_valid(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        if not field.is_required() or typing.get_origin(field.annotation) is typing.Literal or field.annotation is Spec:
            continue
        assert field.examples, f"{model.__name__}.{name} needs Field(examples=[…])"
        wanted = typing.Annotated[field.annotation, *field.metadata, Field(discriminator=field.discriminator)]
        probe = create_model("Probe", value=(wanted, ...))
        for example in field.examples:
            probe(value=example)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_says_what_it_means(model: type[BaseModel]) -> None:
    assert model.__doc__
    assert [name for name, field in model.model_fields.items() if name != "kind" and not field.description] == []


def test_every_union_of_sections_is_told_apart_by_kind() -> None:
    """Locations in messages rely on it."""
    for model in MODELS:
        for field in model.model_fields.values():
            bare = field.annotation
            if typing.get_origin(bare) in (typing.Union, UnionType):
                members = [each for each in typing.get_args(bare) if each is not type(None)]
                sections = [each for each in members if isinstance(each, type) and issubclass(each, BaseModel)]
                if len(members) > 1 and sections:
                    assert sections == members
                    assert field.discriminator == "kind"
                    assert len(kinds(bare)) == len(members)


@pytest.mark.parametrize(
    ("word", "known", "found"),
    [
        ("max_tokens", ["maxTokens", "rank"], "maxTokens"),
        ("MaxTokens", ["maxTokens"], "maxTokens"),
        ("learning_rat", ["learningRate", "rank"], "learningRate"),
        ("zebra", ["maxTokens", "rank"], None),
        ("x", [], None),
    ],
)
def test_closest(word: str, known: list[str], found: str | None) -> None:
    assert closest(word, known) == found


def test_listing_and_given() -> None:
    assert listing(["a"]) == "`a`"
    assert listing(["a", "b", "c"], last="and") == "`a`, `b` and `c`"
    assert given("x" * 100) == '"' + "x" * 57 + '…"'
    assert [given(value) for value in ({}, [], None, True, 1.5)] == ["a mapping", "a list", "nothing", "true", "1.5"]
