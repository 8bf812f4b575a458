"""Render the chart as Helm does, and check what came out against Kubernetes' own types and rules."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import helm_python as helm
import yaml
from lightkube import codecs

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "preceptor"
RELEASE, NAMESPACE = "pre", "preceptor-system"

CLUSTER_SCOPED = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}
FOREIGN = {"CustomResourceDefinition", "ServiceMonitor"}
"""Kinds that lightkube has no types of."""
LABELS = {"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "helm.sh/chart"}
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}

Object = dict[str, Any]


class GoYaml(yaml.CSafeLoader):
    """Reads what Go writes: numbers such as ``1e+300``, which PyYAML takes for text without a point."""


GoYaml.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^-?\d+(\.\d+)?e[-+]\d+$"), list("-0123456789"))


def defaults() -> dict[str, Any]:
    """The chart's values as shipped."""
    values: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    return values


def render(values: dict[str, Any] | None = None, *, release: str = RELEASE) -> list[Object]:
    """Every object that an installation with these values would make."""
    objects = [
        found
        for name, text in render_files(values, release=release).items()
        if name.endswith(".yaml")
        for found in yaml.load_all(text, Loader=GoYaml)
        if found is not None
    ]
    return sorted(objects, key=lambda one: (one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]))


def render_files(values: dict[str, Any] | None = None, *, release: str = RELEASE) -> dict[str, str]:
    """What each template gives; values are checked against the schema first, as an installation does."""
    with helm.Chart.load(CHART) as chart:
        chart.validate_schema(values or {})
        files = chart.render(values or {}, name=release, namespace=NAMESPACE)
    return {name.removeprefix("preceptor/templates/"): text for name, text in files.items()}


def one(objects: list[Object], kind: str, name: str | None = None, namespace: str | None = None) -> Object:
    """The only object of a kind, and of a name and a namespace where given."""
    found = [
        each
        for each in objects
        if each["kind"] == kind
        and (name is None or each["metadata"]["name"] == name)
        and (namespace is None or each["metadata"].get("namespace") == namespace)
    ]
    assert len(found) == 1, [(each["kind"], each["metadata"]) for each in found] or f"no {kind} {name or ''}"
    return found[0]


def pod(objects: list[Object]) -> Object:
    """The operator's pod."""
    template: Object = one(objects, "Deployment")["spec"]["template"]
    return template


def faults(objects: list[Object]) -> list[str]:
    """What is wrong with the objects of a release, each in words; empty when all is well."""
    found = []
    for each in objects:
        found += [f"{each['kind']} {each['metadata']['name']}: {fault}" for fault in _own_faults(each)]
    keys = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in objects]
    found += [f"{key} is there twice" for key in {key for key in keys if keys.count(key) > 1}]
    return found + _dangling(objects) + _unselected(objects)


def _own_faults(each: Object) -> list[str]:
    metadata, found = each["metadata"], []
    if each["kind"] not in FOREIGN:
        # A field that Kubernetes does not have is lost on the way through its types.
        known = codecs.from_dict(copy.deepcopy(each)).to_dict()
        if known != each:
            found.append(f"holds what Kubernetes does not know: {known} instead of {each}")
    if (each["kind"] in CLUSTER_SCOPED) is ("namespace" in metadata):
        found.append("is cluster-scoped" if "namespace" in metadata else "names no namespace")
    if len(metadata["name"]) > 63:
        found.append("has a name of more than 63 characters")
    missing = LABELS - metadata.get("labels", {}).keys()
    return found + ([f"lacks the labels {sorted(missing)}"] if missing else [])


def _dangling(objects: list[Object]) -> list[str]:
    """References to what the release does not make."""
    made = {(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in objects}
    wanted: set[tuple[str, str | None, str]] = set()
    for each in objects:
        namespace = each["metadata"].get("namespace")
        if each["kind"] in ("RoleBinding", "ClusterRoleBinding"):
            role = each["roleRef"]
            wanted.add((role["kind"], None if role["kind"] == "ClusterRole" else namespace, role["name"]))
            wanted |= {(subject["kind"], subject["namespace"], subject["name"]) for subject in each["subjects"]}
        if each["kind"] == "Deployment":
            spec = each["spec"]["template"]["spec"]
            wanted.add(("ServiceAccount", namespace, spec["serviceAccountName"]))
            wanted |= {
                ("ConfigMap", namespace, volume["configMap"]["name"])
                for volume in spec["volumes"]
                if "configMap" in volume
            }
            mounted = {mount["name"] for mount in spec["containers"][0]["volumeMounts"]}
            wanted |= {("volume", namespace, name) for name in mounted - {volume["name"] for volume in spec["volumes"]}}
    return [f"{key} is referred to and not made" for key in sorted(wanted - made, key=str)]


def _unselected(objects: list[Object]) -> list[str]:
    """Selectors that find nothing, and ports that nobody opens."""
    template = pod(objects)
    labels = template["metadata"]["labels"]
    ports = {port["name"]: port["containerPort"] for port in template["spec"]["containers"][0].get("ports", ())}
    found = []
    for each in objects:
        spec = each.get("spec", {})
        selector = spec.get("podSelector", spec.get("selector", {}))
        if each["kind"] == "ServiceMonitor":
            target = one(objects, "Service")
            labels_of_target, names = target["metadata"]["labels"], {port["name"] for port in target["spec"]["ports"]}
            if not selector["matchLabels"].items() <= labels_of_target.items():
                found.append("ServiceMonitor selects no Service")
            found += [f"ServiceMonitor: no port {end['port']}" for end in spec["endpoints"] if end["port"] not in names]
        elif selector and not selector.get("matchLabels", selector).items() <= labels.items():
            found.append(f"{each['kind']} selects no pod of the release")
        if each["kind"] == "Service":
            found += [
                f"Service: no port {port['targetPort']}" for port in spec["ports"] if port["targetPort"] not in ports
            ]
    probes = [
        template["spec"]["containers"][0].get(key, {}).get("httpGet", {}) for key in ("livenessProbe", "readinessProbe")
    ]
    return found + [f"probe: no port {probe['port']}" for probe in probes if probe and probe["port"] not in ports]


def unrestricted(template: Object) -> list[str]:
    """What the Pod Security Standard "restricted" refuses in a pod (Kubernetes documentation)."""
    spec, found = template["spec"], []
    found += [key for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    found += [f"volume {key}" for volume in spec.get("volumes", ()) for key in volume.keys() - VOLUMES - {"name"}]
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        context = spec.get("securityContext", {}) | container.get("securityContext", {})
        capabilities = context.get("capabilities", {})
        rules = {
            "runAsNonRoot": context.get("runAsNonRoot") is True,
            "runAsUser": context.get("runAsUser") != 0,
            "seccompProfile": context.get("seccompProfile", {}).get("type") in ("RuntimeDefault", "Localhost"),
            "allowPrivilegeEscalation": context.get("allowPrivilegeEscalation") is False,
            "privileged": not context.get("privileged"),
            "capabilities.drop": "ALL" in capabilities.get("drop", ()),
            "capabilities.add": set(capabilities.get("add", ())) <= {"NET_BIND_SERVICE"},
            "hostPort": not any(port.get("hostPort") for port in container.get("ports", ())),
        }
        found += [f"{container['name']}: {rule}" for rule, kept in rules.items() if not kept]
    return found
