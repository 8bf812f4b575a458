"""What kubectl asks before it does anything: which groups and resources there are, and their OpenAPI schemas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from support.apiserver.refusals import Refusal
from support.apiserver.resources import Resource

VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
"""What can be done with every resource."""


def answer(parts: Sequence[str], resources: Sequence[Resource]) -> dict[str, Any]:
    """The document at a path of discovery, given as its parts. Raises 404."""
    match list(parts):
        case ["version"]:
            return {"major": "1", "minor": "34", "gitVersion": "v1.34.0-test", "platform": "linux/amd64"}
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["apis"]:
            names = sorted({resource.group for resource in resources if resource.group})
            groups = [_group(name, resources) for name in names]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case ["apis", group] if any(resource.group == group for resource in resources):
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, resources)}
        case ["api", _] | ["apis", _, _]:
            return _resource_list("/".join(parts), resources)
        case ["openapi", "v3"]:
            bases = sorted({resource.base for resource in resources})
            # kubectl keeps what it read under this address, so a new definition needs another one.
            count = sum(len(resource.columns) + 1 for resource in resources)
            return {"paths": {base: {"serverRelativeURL": f"/openapi/v3/{base}?hash={count}"} for base in bases}}
        case ["openapi", "v3", *base]:
            return _openapi([resource for resource in resources if resource.base == "/".join(base)])
        case ["openapi", "v2"]:
            return {"swagger": "2.0", "info": {"title": "test", "version": "1"}, "paths": {}, "definitions": {}}
    raise Refusal(404, "NotFound", "the server could not find the requested resource")


def _group(name: str, resources: Sequence[Resource]) -> dict[str, Any]:
    versions = sorted({resource.version for resource in resources if resource.group == name})
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _resource_list(base: str, resources: Sequence[Resource]) -> dict[str, Any]:
    found = [resource for resource in resources if resource.base == base]
    if not found:
        raise Refusal(404, "NotFound", "the server could not find the requested resource")
    listed = []
    for resource in found:
        entry: dict[str, Any] = {"namespaced": resource.namespaced, "kind": resource.kind}
        names = {"shortNames": list(resource.short), "categories": list(resource.categories)}
        listed.append(
            {**entry, **names, "name": resource.plural, "singularName": resource.kind.lower(), "verbs": VERBS}
        )
        if resource.status:
            verbs = ["get", "patch", "update"]
            listed.append({**entry, "name": f"{resource.plural}/status", "singularName": "", "verbs": verbs})
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": found[0].api_version, "resources": listed}


def _openapi(resources: Sequence[Resource]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for resource in resources:
        kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
        name = f"{resource.group or 'core'}.{resource.version}.{resource.kind}"
        free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        schemas[name] = {**(resource.schema or free), "x-kubernetes-group-version-kind": [kind]}
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        # That `fieldValidation` is a parameter tells kubectl that it may leave the validation to the server.
        common = {
            "x-kubernetes-group-version-kind": kind,
            "parameters": [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}],
            "responses": {"200": {"description": "OK", "content": content}},
        }
        base = f"/{resource.base}/{'namespaces/{namespace}/' if resource.namespaced else ''}{resource.plural}"
        paths[base] = {
            "get": common | {"x-kubernetes-action": "list"},
            "post": common | {"x-kubernetes-action": "post"},
        }
        one = {verb: common | {"x-kubernetes-action": verb} for verb in ("get", "put", "patch", "delete")}
        paths[base + "/{name}"] = one
    return {
        "openapi": "3.0.0",
        "info": {"title": "test", "version": "1"},
        "paths": paths,
        "components": {"schemas": schemas},
    }
