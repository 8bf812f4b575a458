"""The Croissant description of a dataset version: JSON-LD that says to machines which files hold which columns.

Croissant 1.1, https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html. It names no licence and no date: the
first is for whoever publishes the data to choose, and the second would make the same rows give another file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that the specification prescribes, word for word."""

_TEXT, _WHOLE, _NUMBER = "sc:Text", "cr:Int64", "cr:Float64"

_COLUMNS = {
    "id": "Digest of skill, prompt and answer.",
    "skill": "What the row exercises.",
    "prompt": "The question as the student sees it.",
    "answer": "What it should answer.",
    "fields": "The values the prompt was rendered from, as JSON text.",
}

_RECEIPT = {
    "recipe": (_TEXT, "Digest of the recipe that made the row."),
    "attempt": (_WHOLE, "Attempt, counted from 1, that made it."),
    "generator": (_TEXT, "The teacher's generator, or the kind of its source."),
    "difficulty": (_WHOLE, "Level it was made at, from 1; 0 for sources that have no levels."),
    "unit": (_WHOLE, "Index of its unit of work within its skill, from 0."),
    "index": (_WHOLE, "Its place in the unit, from 0."),
    "teacher": (_TEXT, "The teacher's kind and the digest of its configuration."),
    "parents": (_TEXT, "Ids of the rows it was derived from."),
    "carried_from": (_TEXT, "The version it was taken over from; null when it is fresh."),
    "source": (_TEXT, "Kind of its source; null for procedural rows."),
    "model": (_TEXT, "The model that wrote it, as its endpoint names it."),
    "requests": (_TEXT, "Digests of the requests it was written and checked with."),
    "validators": (_TEXT, "Kinds of the validators it passed."),
    "prompts": (_TEXT, "Digest of the prompt files those requests were made from."),
    "tokens": (_WHOLE, "Tokens of those requests."),
    "usd": (_NUMBER, "Dollars for them, at the declared prices."),
    "neighbour": (_TEXT, "The examination's nearest item, as split and digest; null when none is near."),
    "similarity": (_NUMBER, "Share of that item's 8-word sequences that are in the row."),
}
_LISTS = {"parents", "requests", "validators"}


def render_croissant(manifest: Mapping[str, Any]) -> str:
    """``croissant.json`` of a version, from its manifest as plain data.

    See :class:`preceptor.storage.datasets.Manifest`.
    """
    description = " ".join(manifest["description"].split())
    value = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": f"preceptor-{manifest['version']}",
        "description": " ".join(
            part for part in (description, "Synthetic training data, planned, made and checked by Preceptor.") if part
        ),
        "version": f"{manifest['number'] or 0}.0.0",
        "keywords": ["preceptor", "synthetic"],
        "distribution": [*(_file(shard) for shard in manifest["shards"]), _file_set(manifest["shards"])],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "rows",
                "name": "rows",
                "description": f"{manifest['rows']} rows, each with its receipt.",
                "field": [*(_column(name, said) for name, said in _COLUMNS.items()), _receipt()],
            }
        ],
    }
    return json.dumps(value, indent=2) + "\n"


def _file(shard: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": shard["path"],
        "name": shard["path"],
        "contentUrl": shard["path"],
        "contentSize": f"{shard['bytes']} B",
        "encodingFormat": "application/x-parquet",
        "sha256": shard["sha256"],
    }


def _file_set(shards: Any) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": "shards",
        "name": "shards",
        "encodingFormat": "application/x-parquet",
        "includes": "data-*.parquet",
    }


def _column(name: str, description: str) -> dict[str, Any]:
    return _field(name, _TEXT, description, {"fileSet": {"@id": "shards"}, "extract": {"column": name}})


def _receipt() -> dict[str, Any]:
    """The struct column, and each part of it as a sub-field."""
    return {
        "@type": "cr:Field",
        "@id": "rows/receipt",
        "name": "receipt",
        "description": "Where the row came from and what it passed.",
        "subField": [
            _field(f"receipt/{name}", kind, description, _part(name)) for name, (kind, description) in _RECEIPT.items()
        ],
    }


def _part(name: str) -> dict[str, Any]:
    return {
        "fileSet": {"@id": "shards"},
        "extract": {"column": "receipt"},
        "transform": {"jsonPath": f"$.{name}"},
    }


def _field(name: str, kind: str, description: str, source: dict[str, Any]) -> dict[str, Any]:
    last = name.rsplit("/", 1)[-1]
    return {
        "@type": "cr:Field",
        "@id": f"rows/{name}",
        "name": last,
        "description": description,
        "dataType": kind,
        **({"isArray": True, "arrayShape": "-1"} if last in _LISTS else {}),
        "source": source,
    }
