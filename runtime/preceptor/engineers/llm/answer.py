"""From the text of an answer to a typed recipe, or to problems that name path and reason."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from pydantic import ValidationError

from preceptor.engineers.llm.schema import ORDER
from preceptor.spec.base import ContradictionError
from preceptor.spec.recipe import Recipe

LONGEST_ANSWER = 200_000
"""Characters of an answer that are read."""
_KEYS = frozenset({"stop", "card", "recipe"})
_FENCE = re.compile(r"```[a-zA-Z]*[ \t]*\n(.*?)```", re.DOTALL)


class UnreadableError(ValueError):
    """The answer is not one JSON object."""


class InvalidError(ValueError):
    """The answer is no recipe; holds every problem found, path and reason."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Reply:
    """An answer's parts, not looked into yet."""

    stop: str | None
    """Why the engineer wants no further recipe."""
    card: str | None
    """The card that the recipe instantiates."""
    recipe: Mapping[str, Any] | None
    """The recipe's data, lists of pairs turned back into mappings."""


def parse(text: str) -> Any:
    """The JSON in an answer, also within a code fence or after a model's thoughts. Raises :class:`UnreadableError`."""
    if len(text) > LONGEST_ANSWER:
        raise UnreadableError(f"the answer is longer than {LONGEST_ANSWER} characters")
    said = text.rpartition("</think>")[2].strip()
    reason = "the answer is empty"
    for candidate in (said, *_FENCE.findall(said)):
        if not candidate:
            continue
        try:
            value = json.loads(candidate, parse_constant=_refuse)
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair cannot be stored
        except RecursionError:
            reason = "the answer is nested too deeply"
        except UnicodeEncodeError:
            reason = "the answer holds half a surrogate pair"
        except ValueError as error:
            reason = f"the answer is no JSON: {error}"
        else:
            return value
    raise UnreadableError(reason)


def split(value: Any) -> Reply:
    """The parts of an answer's JSON. Raises :class:`InvalidError`."""
    if not isinstance(value, dict):
        raise InvalidError("the answer is not an object with `stop`, `card` and `recipe`")
    problems = [f"{key}: there is no such key" for key in list(value)[:10] if key not in _KEYS]
    stop, card, recipe = (value.get(key) for key in ("stop", "card", "recipe"))
    problems += [f"{key}: not a text" for key in ("stop", "card") if not isinstance(value.get(key), str | None)]
    if not isinstance(recipe, dict | None):
        problems.append("recipe: not an object")
    if problems:
        raise InvalidError(*problems)
    stop = stop.strip() if stop else None
    if not stop and recipe is None:
        raise InvalidError("recipe: missing")
    return Reply(stop or None, card or None, _unpaired(_listed(recipe)) if recipe is not None else None)


def typed(data: Mapping[str, Any], best: str | None) -> Recipe:
    """The recipe. What it carries over comes from ``best``, the best version. Raises :class:`InvalidError`."""
    carried = data.get("carryOver")
    if carried is not None and best is None:
        raise InvalidError("carryOver: there is no version to take rows from yet; write null")
    if isinstance(carried, dict):
        data = {**data, "carryOver": {**carried, "version": best}}
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise InvalidError(*_innermost(dict(_problems(error, data)))) from error


def shown(recipe: Recipe) -> dict[str, Any]:
    """A recipe as an answer gives it: the inverse of :func:`typed`."""
    data = _paired(recipe.model_dump(mode="json", by_alias=True))
    if data["carryOver"] is not None:
        del data["carryOver"]["version"]
    for validator in data["validators"]:
        validator.pop("model", None)
    return {name: data[name] for name in ORDER}


def _listed(recipe: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same with its skills as a list; the short form has them by label."""
    skills = recipe.get("skills")
    if not isinstance(skills, dict):
        return recipe
    plans = [{"skill": label, **plan} if isinstance(plan, dict) else plan for label, plan in skills.items()]
    return {**recipe, "skills": plans}


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _free_keys() -> frozenset[str]:
    """Names of the fields that are mappings with free keys."""
    schema = Recipe.model_json_schema(by_alias=True)
    models = [schema, *schema["$defs"].values()]
    properties = [(name, part) for model in models for name, part in model.get("properties", {}).items()]
    return frozenset(name for name, part in properties if isinstance(part.get("additionalProperties"), dict))


FREE_KEYS = _free_keys()
"""Names of the recipe's fields that an answer gives as a list of pairs."""


def _unpaired(value: Any, path: str = "") -> Any:
    """The same with lists of ``{key, value}`` as mappings; a mapping may also be given as it is."""
    if isinstance(value, list):
        return [_unpaired(entry, f"{path}[{place}]") for place, entry in enumerate(value)]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, part in value.items():
        where = f"{path}.{name}".lstrip(".")
        inner = _unpaired(part, where)
        if name in FREE_KEYS and isinstance(inner, list):
            inner = _mapping(inner, where)
        # Weights that nobody gave say what their absence says.
        found[name] = None if name == "weights" and inner == [] else inner
    return found


def _mapping(pairs: list[Any], path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for place, pair in enumerate(pairs):
        if not isinstance(pair, dict) or set(pair) != {"key", "value"} or isinstance(pair["key"], dict | list):
            raise InvalidError(f"{path}[{place}]: not an object with `key` and `value`")
        key = str(pair["key"])
        if key in found:
            raise InvalidError(f"{path}[{place}].key: `{key}` appears twice")
        found[key] = pair["value"]
    return found


def _paired(value: Any) -> Any:
    if isinstance(value, list):
        return [_paired(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    found = {name: _paired(part) for name, part in value.items()}
    for name in FREE_KEYS & found.keys():
        found[name] = [{"key": key, "value": part} for key, part in found[name].items()]
    return found


def _problems(error: ValidationError, data: Any) -> Iterator[tuple[str, str]]:
    """Path and reason of each complaint."""
    for detail in error.errors(include_url=False, include_input=False):
        context = detail.get("ctx", {})
        cause, path = context.get("error"), _path(detail["loc"], data)
        if isinstance(cause, ContradictionError):
            yield _path((*detail["loc"], *cause.at), data), f"{cause}; {cause.mend}"
        elif detail["type"] == "union_tag_invalid":
            yield f"{path}.kind", f"there is no `{context['tag'][:80]}`; there are {context['expected_tags']}"
        else:
            yield path, f"{detail['msg'][:1].lower()}{detail['msg'][1:]}"


def _innermost(problems: Mapping[str, str]) -> Iterator[str]:
    """Problems in full, without those of lists that are too short only because none of their entries is right."""
    for path, reason in problems.items():
        if not any(inner.startswith((f"{path}.", f"{path}[")) for inner in problems):
            yield f"{path}: {reason}"


def _path(location: tuple[int | str, ...], data: Any) -> str:
    """Pydantic's location as the engineer wrote it: without the tags of unions."""
    path, value = "", data
    for part in location:
        if isinstance(part, str) and isinstance(value, dict) and part not in value and part == _tag(value):
            continue
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
        value = _inside(value, part)
    return path.lstrip(".") or "recipe"


def _tag(value: Mapping[str, Any]) -> Any:
    return value.get("kind", "procedural")


def _inside(value: Any, part: int | str) -> Any:
    try:
        return value[part]
    except (LookupError, TypeError):
        return None
