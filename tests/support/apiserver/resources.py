"""The kinds of a test API server: those of Kubernetes that the chart and the operator use, and those of definitions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False)
class Resource:
    """A kind of object and how it is reached."""

    group: str
    """API group; empty for the core group."""
    version: str
    """API version."""
    plural: str
    """As in URLs."""
    kind: str
    """As in objects."""
    namespaced: bool = True
    """Whether its objects belong to a namespace."""
    short: tuple[str, ...] = ()
    """Short names for kubectl."""
    categories: tuple[str, ...] = ()
    """Names under which kubectl lists it with others, such as `all`."""
    status: bool = False
    """Whether `status` is a subresource."""
    schema: dict[str, Any] | None = None
    """Structural schema; objects are taken as they are without."""
    columns: tuple[dict[str, Any], ...] = field(
        default=({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},)
    )
    """What `kubectl get` shows beside the name."""

    @property
    def api_version(self) -> str:
        """`apiVersion` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def base(self) -> str:
        """First part of its path."""
        return f"apis/{self.api_version}" if self.group else f"api/{self.version}"

    @property
    def title(self) -> str:
        """Its name in messages."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


def builtin() -> list[Resource]:
    """Kubernetes' own resources, and KubeRay's RayJob without its schema."""
    core = [
        Resource("", "v1", "namespaces", "Namespace", namespaced=False, short=("ns",), status=True),
        Resource("", "v1", "pods", "Pod", short=("po",), status=True, categories=("all",)),
        Resource("", "v1", "configmaps", "ConfigMap", short=("cm",)),
        Resource("", "v1", "secrets", "Secret"),
        Resource("", "v1", "services", "Service", short=("svc",), status=True, categories=("all",)),
        Resource("", "v1", "serviceaccounts", "ServiceAccount", short=("sa",)),
        Resource("", "v1", "events", "Event", short=("ev",)),
        Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", short=("pvc",), status=True),
    ]
    rbac = "rbac.authorization.k8s.io"
    return [
        *core,
        Resource("events.k8s.io", "v1", "events", "Event"),
        Resource("apps", "v1", "deployments", "Deployment", short=("deploy",), status=True, categories=("all",)),
        Resource("batch", "v1", "jobs", "Job", status=True, categories=("all",)),
        Resource("coordination.k8s.io", "v1", "leases", "Lease"),
        Resource(rbac, "v1", "roles", "Role"),
        Resource(rbac, "v1", "rolebindings", "RoleBinding"),
        Resource(rbac, "v1", "clusterroles", "ClusterRole", namespaced=False),
        Resource(rbac, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
        Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", short=("netpol",)),
        Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", short=("pdb",), status=True),
        Resource("monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor"),
        Resource(
            "apiextensions.k8s.io",
            "v1",
            "customresourcedefinitions",
            "CustomResourceDefinition",
            namespaced=False,
            short=("crd",),
            status=True,
        ),
        Resource("ray.io", "v1", "rayjobs", "RayJob", status=True, categories=("all",)),
    ]


def defined_by(definition: dict[str, Any]) -> list[Resource]:
    """The resources of a CustomResourceDefinition's served versions."""
    spec = definition["spec"]
    names = spec["names"]
    return [
        Resource(
            spec["group"],
            version["name"],
            names["plural"],
            names["kind"],
            namespaced=spec["scope"] == "Namespaced",
            short=tuple(names.get("shortNames", ())),
            categories=tuple(names.get("categories", ())),
            status="status" in version.get("subresources", {}),
            schema=version["schema"]["openAPIV3Schema"],
            columns=tuple(version.get("additionalPrinterColumns", ())),
        )
        for version in spec["versions"]
        if version.get("served")
    ]
