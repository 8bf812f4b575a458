"""Label selectors as the API server reads them in `?labelSelector=` (Kubernetes: Labels and Selectors)."""

import re
from collections.abc import Mapping

from support.apiserver.refusals import Refusal

_KEY = r"[\w./-]+"
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s+\(([^()]*)\)")
_EQUAL = re.compile(rf"({_KEY})\s*(==|=|!=)\s*([\w.-]*)")
_EXISTS = re.compile(rf"(!?)\s*({_KEY})")


def matches(selector: str, labels: Mapping[str, str]) -> bool:
    """Whether labels meet every requirement of a selector; the empty one selects everything.

    Raises:
        Refusal: 400 where the selector cannot be read.
    """
    requirements = [part.strip() for part in re.split(r",(?![^(]*\))", selector)] if selector.strip() else []
    # A list, not a generator: a requirement that cannot be read is refused even behind one that fails.
    met = [_meets(requirement, labels) for requirement in requirements]
    return all(met)


def _meets(requirement: str, labels: Mapping[str, str]) -> bool:
    if found := _SET.fullmatch(requirement):
        key, operator, values = found.groups()
        return (labels.get(key) in [value.strip() for value in values.split(",")]) == (operator == "in")
    if found := _EQUAL.fullmatch(requirement):
        key, operator, value = found.groups()
        return (labels.get(key) == value) == (operator != "!=")
    if found := _EXISTS.fullmatch(requirement):
        absent, key = found.groups()
        return (key in labels) != bool(absent)
    raise Refusal(400, "BadRequest", f"unable to parse requirement: {requirement!r}")
