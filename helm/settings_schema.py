"""Write the ``settings`` part of ``preceptor/values.schema.json`` anew from the operator's types.

    python helm/settings_schema.py

A test fails when it was forgotten. Helm reads no references to other files, so types are written out where used.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from preceptor_operator.settings import Settings

SCHEMA = Path(__file__).parent / "preceptor" / "values.schema.json"


def settings_schema() -> dict[str, Any]:
    """JSON schema of the chart's ``settings``: the operator's, without references, titles and obligations.

    Nothing is required: what a user leaves out or sets to null stands in values.yaml or in the operator's own defaults.
    """
    schema = Settings.model_json_schema(by_alias=True)
    return _flat(schema, schema.pop("$defs"))


def _flat(part: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(part, list):
        return [_flat(one, definitions) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        # What stands beside the reference, such as a description, wins over what it refers to.
        part = definitions[part["$ref"].rpartition("/")[2]] | {key: part[key] for key in part if key != "$ref"}
    flat: dict[str, Any] = {}
    for key, value in part.items():
        if key == "properties":
            flat[key] = {name: _flat(one, definitions) for name, one in value.items()}
        elif key not in ("title", "default", "examples", "required"):
            flat[key] = _flat(value, definitions)
    return flat


def main() -> None:
    """Write the file."""
    values = json.loads(SCHEMA.read_text(encoding="utf-8"))
    values["properties"]["settings"] = settings_schema()
    SCHEMA.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
