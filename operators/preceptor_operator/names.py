"""Names that the operator, the driver's pods, the chart and the tests agree on."""

from __future__ import annotations

from preceptor.spec.document import API_VERSION, KIND

GROUP, VERSION = API_VERSION.split("/")
"""API group and version of our objects."""
PLURAL = "specializations"
"""Our objects, as in URLs and roles."""
SHORT = "spz"
"""Their short name."""
CRD = f"{PLURAL}.{GROUP}"
"""Name of the CustomResourceDefinition."""
RAY_GROUP, RAY_VERSION = "ray.io", "v1"
"""API group and version of KubeRay's objects."""

LONGEST_NAME = 40
"""Characters of an object's name: KubeRay makes longer names of a RayJob's, and those must fit in 63."""

LABEL_NAME = f"{GROUP}/specialization"
"""Label of every child: the name of its Specialization."""
LABEL_ATTEMPT = f"{GROUP}/attempt"
"""Label of every child: the attempt it belongs to."""
LABEL_BUDGET = f"{GROUP}/budget"
"""Label of a RayJob: a digest of the budget that it was made with."""
LABEL_GENERATION = f"{GROUP}/generation"
"""Label of a RayJob: the generation of the Specialization that it carries out."""
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
"""Label by which Kueue finds a RayJob."""

KIND_PLURAL = {KIND: PLURAL, "RayJob": "rayjobs", "ConfigMap": "configmaps"}
"""Kinds we touch, as in URLs."""


def child_name(name: str, attempt: int) -> str:
    """Name of an attempt's RayJob; that of its ConfigMap begins with it."""
    return f"{name}-{attempt}"
