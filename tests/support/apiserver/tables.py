"""What `kubectl get` shows: objects as rows of a Table (meta/v1), by a resource's printer columns."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from support.apiserver.resources import Resource

_STEP = re.compile(r'\.([\w\-]+)|\[\?\(@\.(\w+)=="([^"]+)"\)\]')


def table(resource: Resource, objects: Iterable[dict[str, Any]], version: int) -> dict[str, Any]:
    """Objects as a Table."""
    columns = [{"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0}]
    columns += [
        {
            "name": column["name"],
            "type": column["type"],
            "format": "",
            "description": column.get("description", ""),
            "priority": column.get("priority", 0),
        }
        for column in resource.columns
    ]
    rows = [
        {
            "cells": [each["metadata"]["name"], *(_cell(each, column) for column in resource.columns)],
            "object": {
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": each["metadata"],
            },
        }
        for each in objects
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": str(version)},
        "columnDefinitions": columns,
        "rows": rows,
    }


def at(value: Any, path: str) -> Any:
    """The part of an object at a JSON path of names and of `[?(@.key=="value")]`; `None` where there is none."""
    for name, key, wanted in _STEP.findall(path):
        if name:
            value = value.get(name) if isinstance(value, dict) else None
        elif isinstance(value, list):
            value = next((each for each in value if each.get(key) == wanted), None)
    return value


def _cell(obj: dict[str, Any], column: dict[str, Any]) -> Any:
    value = at(obj, column["jsonPath"])
    if value is not None and column["type"] == "date":
        seconds = int((datetime.now(UTC) - datetime.fromisoformat(value)).total_seconds())
        return f"{seconds}s" if seconds < 120 else f"{seconds // 60}m"
    return "" if value is None else value
