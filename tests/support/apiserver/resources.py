"""What kinds of objects the test API server serves: Kubernetes' own as far as we meet them, and those of CRDs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from support.admission import Checker
from support.apiserver.refusals import Refusal
from support.structural import faults


@dataclass(frozen=True)
class Schema:
    """The schema of a version of a CustomResourceDefinition, made ready."""

    openapi: dict[str, Any]
    """As the definition has it."""
    whole: Checker
    """Checks whole objects."""
    status: Checker
    """Checks ``{"status": …}`` alone: writers of a status cannot break what they cannot write."""


@dataclass(frozen=True)
class Resource:
    """One kind of object at one version."""

    plural: str
    """As in URLs."""
    kind: str
    """As in objects."""
    group: str = ""
    """API group; the core group has no name."""
    version: str = "v1"
    """API version."""
    namespaced: bool = True
    """Whether objects live in namespaces."""
    short: tuple[str, ...] = ()
    """Short names for kubectl."""
    categories: tuple[str, ...] = ()
    """Such as ``all``."""
    status: bool = False
    """Whether status is a subresource, which alone can write it."""
    columns: tuple[dict[str, Any], ...] = ()
    """``additionalPrinterColumns``."""
    schema: Schema | None = field(default=None, compare=False, repr=False)
    """What objects must look like; ``None``: anything goes."""
    custom: bool = False
    """Whether a CustomResourceDefinition brought it."""

    @property
    def api_version(self) -> str:
        """``apiVersion`` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """Name in messages, such as ``rayjobs.ray.io``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        """Kind in messages, such as ``RayJob.ray.io``."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def path(self) -> str:
        """Where its version is served, such as ``apis/ray.io/v1``."""
        return f"apis/{self.api_version}" if self.group else f"api/{self.version}"

    @property
    def counted(self) -> bool:
        """Whether its objects have a generation."""
        return self.custom or self.status


_RBAC = "rbac.authorization.k8s.io"
CRD = Resource(
    "customresourcedefinitions",
    "CustomResourceDefinition",
    "apiextensions.k8s.io",
    namespaced=False,
    short=("crd", "crds"),
    status=True,
)
"""The kind that defines kinds."""
NAMESPACE = Resource("namespaces", "Namespace", namespaced=False, short=("ns",), status=True)
"""The kind that objects live in."""

BUILT_IN = (
    NAMESPACE,
    CRD,
    Resource("pods", "Pod", short=("po",), categories=("all",), status=True),
    Resource("configmaps", "ConfigMap", short=("cm",)),
    Resource("secrets", "Secret"),
    Resource("services", "Service", short=("svc",), categories=("all",), status=True),
    Resource("serviceaccounts", "ServiceAccount", short=("sa",)),
    Resource("persistentvolumeclaims", "PersistentVolumeClaim", short=("pvc",), status=True),
    Resource("events", "Event", short=("ev",)),
    Resource("events", "Event", "events.k8s.io", short=("ev",)),
    Resource("deployments", "Deployment", "apps", short=("deploy",), categories=("all",), status=True),
    Resource("jobs", "Job", "batch", categories=("all",), status=True),
    Resource("leases", "Lease", "coordination.k8s.io"),
    Resource("roles", "Role", _RBAC),
    Resource("rolebindings", "RoleBinding", _RBAC),
    Resource("clusterroles", "ClusterRole", _RBAC, namespaced=False),
    Resource("clusterrolebindings", "ClusterRoleBinding", _RBAC, namespaced=False),
    Resource("networkpolicies", "NetworkPolicy", "networking.k8s.io", short=("netpol",)),
    Resource("poddisruptionbudgets", "PodDisruptionBudget", "policy", short=("pdb",), status=True),
)
"""Kinds that are there from the start. Unlike those of definitions they are not checked."""


class Registry:
    """The kinds that are served now."""

    def __init__(self) -> None:
        self._found = {(each.group, each.version, each.plural): each for each in BUILT_IN}

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._found.values())

    def find(self, group: str, version: str, plural: str) -> Resource:
        """Return a kind. Raises :class:`Refusal`, 404, where it is not served."""
        found = self._found.get((group, version, plural))
        if found is None:
            raise Refusal(404, "NotFound", "the server could not find the requested resource")
        return found

    def named(self, plural: str) -> Resource:
        """Return the first kind of a plural, in whichever group. Raises ``KeyError``."""
        for each in self:
            if plural in (each.plural, each.qualified):
                return each
        raise KeyError(f"{plural} is not served")

    def of_kind(self, api_version: str, kind: str) -> Resource:
        """Return a kind as objects name it. Raises ``KeyError``."""
        for each in self:
            if (each.api_version, each.kind) == (api_version, kind):
                return each
        raise KeyError(f"{api_version} {kind} is not served")

    def define(self, definition: dict[str, Any]) -> None:
        """Serve what a CustomResourceDefinition defines. Raises :class:`Refusal` where its schema is not structural."""
        group, plural = definition["spec"]["group"], definition["spec"]["names"]["plural"]
        made = [_of_version(definition, each) for each in definition["spec"]["versions"] if each["served"]]
        self._found = {key: each for key, each in self._found.items() if (key[0], key[2]) != (group, plural)}
        self._found |= {(group, each.version, plural): each for each in made}

    def forget(self, definition: dict[str, Any]) -> list[Resource]:
        """Serve no longer what a definition defined; returns it."""
        group, plural = definition["spec"]["group"], definition["spec"]["names"]["plural"]
        gone = [each for each in self if (each.group, each.plural) == (group, plural)]
        self._found = {key: each for key, each in self._found.items() if each not in gone}
        return gone


def _of_version(definition: dict[str, Any], version: dict[str, Any]) -> Resource:
    spec, names = definition["spec"], definition["spec"]["names"]
    return Resource(
        names["plural"],
        names["kind"],
        spec["group"],
        version["name"],
        namespaced=spec["scope"] == "Namespaced",
        short=tuple(names.get("shortNames", ())),
        categories=tuple(names.get("categories", ())),
        status="status" in version.get("subresources", {}),
        columns=tuple(version.get("additionalPrinterColumns", ())),
        schema=_ready(definition["metadata"]["name"], version["schema"]["openAPIV3Schema"]),
        custom=True,
    )


def _ready(name: str, openapi: dict[str, Any]) -> Schema:
    # `faults` asks what is said of metadata; a definition may leave it to the server.
    described = {**openapi, "properties": {"metadata": {"type": "object"}, **openapi.get("properties", {})}}
    if found := faults(described):
        message = f'CustomResourceDefinition.apiextensions.k8s.io "{name}" is invalid: {"; ".join(found)}'
        raise Refusal(422, "Invalid", message)
    status = {key: value for key, value in described["properties"].items() if key == "status"}
    return Schema(openapi, Checker(openapi), Checker({"type": "object", "properties": status}))


def rayjobs(openapi: dict[str, Any]) -> Resource:
    """KubeRay's RayJobs, by the schema that its own definition has."""
    columns = [
        ("JOB STATUS", "string", ".status.jobStatus"),
        ("DEPLOYMENT STATUS", "string", ".status.jobDeploymentStatus"),
        ("RAY CLUSTER NAME", "string", ".status.rayClusterName"),
        ("START TIME", "string", ".status.startTime"),
        ("END TIME", "string", ".status.endTime"),
        ("AGE", "date", ".metadata.creationTimestamp"),
    ]
    return Resource(
        "rayjobs",
        "RayJob",
        "ray.io",
        categories=("all",),
        status=True,
        columns=tuple({"name": name, "type": kind, "jsonPath": path} for name, kind, path in columns),
        schema=Schema(openapi, Checker(openapi), Checker({"properties": {"status": openapi["properties"]["status"]}})),
        custom=True,
    )
