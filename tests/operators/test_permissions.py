"""The operator's rights: the chart gives it what it says it needs, and what it does needs no more."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from preceptor_operator.permissions import DRIVER, LEASE, RUNS
from support.attempts import sums
from support.charts import render
from support.kuberay import KubeRay
from support.operating import Operating

VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def rights(role: Any) -> dict[tuple[str, str], frozenset[str]]:
    """A role's verbs by group and resource."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                found[group, resource] = found.get((group, resource), frozenset()) | set(rule["verbs"])
    return found


def needed(method: str, address: str) -> tuple[tuple[str, str], str]:
    """The group, resource and verb of a request."""
    parts, query = urlsplit(address).path.strip("/").split("/"), parse_qs(urlsplit(address).query)
    group, rest = ("", parts[2:]) if parts[0] == "api" else (parts[1], parts[3:])
    if rest[0] == "namespaces" and len(rest) > 2:
        rest = rest[2:]
    resource = "/".join([rest[0], *rest[2:3]])
    if method == "GET":
        return (group, resource), "watch" if "watch" in query else "get" if len(rest) > 1 else "list"
    return (group, resource), VERBS[method]


def test_the_chart_gives_the_operator_these_rights_and_no_others() -> None:
    roles = [rights(each) for each in render() if each["kind"] in ("Role", "ClusterRole")]
    assert RUNS in roles
    assert {("coordination.k8s.io", "leases"): LEASE} in roles
    assert DRIVER in roles
    working = [role for role in roles if role.keys() & {("", "configmaps"), ("coordination.k8s.io", "leases")}]
    assert len(working) == 2


def test_nothing_the_operator_does_needs_more(lab: Operating, kuberay: KubeRay) -> None:
    document = sums(compute={"ttlSecondsAfterFinished": 1}).model_dump(mode="json", by_alias=True, exclude_unset=True)
    document["spec"]["task"]["description"] = "silent-1 wait"
    runs = ("preceptor.dev", "specializations")
    obj = lab.server.create(*runs, "lab", document)
    lab.start()
    lab.until(lambda: lab.status().get("attempt") == 2 and lab.status().get("phase") == "Running", seconds=40)
    assert lab.server.alter(*runs, obj, {"spec": {"suspend": True}})
    lab.until(lambda: lab.ray_jobs() == ["sums-1"])
    assert lab.server.alter(*runs, obj, {"spec": {"suspend": False}})
    lab.until(lambda: "sums-3" in lab.ray_jobs())
    allowed = RUNS | {("coordination.k8s.io", "leases"): LEASE}
    used: dict[tuple[str, str], set[str]] = {}
    for method, address in lab.server.faults.asked:
        if urlsplit(address).path.startswith(("/api/", "/apis/")) and len(urlsplit(address).path.split("/")) > 4:
            resource, verb = needed(method, address)
            used.setdefault(resource, set()).add(verb)
    assert {resource for resource, verbs in used.items() if not verbs <= allowed.get(resource, frozenset())} == set()
    assert "delete" in used["ray.io", "rayjobs"]
