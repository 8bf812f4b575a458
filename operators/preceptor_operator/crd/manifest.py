"""The CustomResourceDefinition as a whole."""

from __future__ import annotations

from typing import Any

from preceptor.spec.document import KIND, Spec, Specialization
from preceptor.spec.status import Status
from preceptor_operator.crd.changes import held
from preceptor_operator.crd.schemas import Rule, Schema, plain, with_rules
from preceptor_operator.crd.structural import structural
from preceptor_operator.names import CRD, GROUP, LONGEST_NAME, PLURAL, SHORT, VERSION
from preceptor_operator.plain import to_yaml

_HEADER = "# Made by `preceptor-operator crd` from the types in preceptor.spec; change those, not this file.\n"

_COLUMNS = (
    ("Phase", "string", ".status.phase", "Where the object stands.", 0),
    ("Iteration", "integer", ".status.progress.iteration", "Versions trained, examined and judged.", 0),
    ("Best", "string", ".status.best.selection", "Best mean score on the selection split, in percent.", 0),
    ("Gain", "string", ".status.final.gain", "Points gained on the private split.", 0),
    ("Spent", "string", ".status.spent.usd", "Dollars for teacher and engineer.", 0),
    ("Age", "date", ".metadata.creationTimestamp", "Time since the object was made.", 0),
    ("Attempt", "integer", ".status.attempt", "The newest attempt.", 1),
    ("Stage", "string", ".status.progress.stage", "The step in progress.", 1),
    ("Requests", "integer", ".status.spent.requests", "Requests to the teacher.", 1),
    ("Verdict", "string", ".status.final.verdict", "The verdict of a run that has ended.", 1),
    ("Message", "string", '.status.conditions[?(@.status=="True")].message', "Why it stands there.", 1),
)
"""What ``kubectl get`` shows: name, type, path, what it is, and 1 for what only ``-o wide`` shows."""

_NAME_RULES = (
    Rule(
        f"self.metadata.name.size() <= {LONGEST_NAME}",
        f"metadata.name is longer than {LONGEST_NAME} characters, and KubeRay makes longer names of it; shorten it",
    ),
    Rule(
        "self.metadata.name.matches('^[a-z][-a-z0-9]*$')",
        "metadata.name must begin with a letter and have letters, digits and `-` only, because Services are named "
        "after it; rename it, as in my-run",
    ),
)


def crd_yaml() -> str:
    """Return the CustomResourceDefinition as YAML; the same text for the same types."""
    return _HEADER + to_yaml(crd())


def crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition (``apiextensions.k8s.io/v1``)."""
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [_column(*column) for column in _COLUMNS],
        "schema": {"openAPIV3Schema": schema()},
    }
    names = {
        "kind": KIND,
        "listKind": f"{KIND}List",
        "plural": PLURAL,
        "singular": KIND.lower(),
        "shortNames": [SHORT],
        "categories": ["all"],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": CRD},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def schema() -> Schema:
    """Return the structural schema of an object."""
    # An object without any status counts as settled to GitOps tools; with this one it waits for the operator.
    status = structural(Status, defaults=False) | {"default": {"observedGeneration": 0}}
    whole = {
        "type": "object",
        "description": plain(Specialization.__doc__ or ""),
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"`{GROUP}/{VERSION}`."},
            "kind": {"type": "string", "description": f"`{KIND}`."},
            "metadata": {"type": "object"},
            "spec": held(structural(Spec)),
            "status": status,
        },
    }
    return with_rules(whole, list(_NAME_RULES))


def _column(name: str, type_: str, path: str, description: str, priority: int) -> dict[str, Any]:
    column: dict[str, Any] = {"name": name, "type": type_, "jsonPath": path, "description": description}
    return column | ({"priority": priority} if priority else {})
