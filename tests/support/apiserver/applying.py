"""Server-side apply: who owns which field, conflicts between owners, removal of what an owner no longer applies.

Written after Kubernetes, "Server-Side Apply". A list belongs to its owner as a whole; merging lists by a key, which
nobody needs here, is left out.
"""

from __future__ import annotations

from typing import Any

from support.apiserver.patching import merged
from support.apiserver.refusals import Refusal
from support.apiserver.store import Json, Name, Shelf, Store

Path = tuple[str, ...]
_NOBODYS = {("apiVersion",), ("kind",)}
_METADATA = ("name", "namespace", "uid", "resourceVersion")


class Owners:
    """Which field manager owns which fields of which object."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._fields: dict[tuple[int, Name], dict[tuple[str, str], set[Path]]] = {}
        store.forget.append(lambda shelf, name: self._fields.pop((id(shelf), name), None))

    def apply(
        self,
        shelf: Shelf,
        name: Name,
        sent: Json,
        manager: str,
        *,
        subresource: str,
        force: bool,
        strict: bool,
        dry: bool,
    ) -> tuple[Json, bool]:
        """Apply an object; the second value says whether it was made. Raises 409 for a field of another manager."""
        fields, wanted = self._fields.setdefault((id(shelf), name), {}), _leaves(sent)
        if name not in shelf.objects:
            if subresource:
                raise Refusal(404, "NotFound", f'{shelf.resource.title} "{name[1]}" not found')
            made = self._store.create(shelf, name[0], sent, strict=strict, dry=dry)
            if not dry:
                fields[manager, ""] = wanted
            return made, True
        old = shelf.objects[name]
        contested = {
            (other, path)
            for (other, _), paths in fields.items()
            if other != manager
            for path in paths & wanted
            if _at(old, path) != _at(sent, path)
        }
        if contested and not force:
            words = "; ".join(sorted(f'conflict with "{other}": .{".".join(path)}' for other, path in contested))
            raise Refusal(409, "Conflict", f"Apply failed with {len(contested)} conflict(s): {words}")
        new = merged(old, {key: value for key, value in sent.items() if key != "metadata"})
        new["metadata"] = merged(old["metadata"], sent.get("metadata") or {})
        if "resourceVersion" not in (sent.get("metadata") or {}):
            new["metadata"].pop("resourceVersion", None)
        for path in fields.get((manager, subresource), set()) - wanted:
            if not any(path in paths for owner, paths in fields.items() if owner != (manager, subresource)):
                new = _without(new, path)
        stored = self._store.replace(shelf, name, new, subresource=subresource, strict=strict, dry=dry)
        if not dry:
            for (other, where), paths in fields.items():
                if other != manager:
                    fields[other, where] = paths - {path for loser, path in contested if loser == other}
            fields[manager, subresource] = wanted
        return stored, False


def _leaves(value: Any, at: Path = ()) -> set[Path]:
    if isinstance(value, dict) and value:
        found = set().union(*(_leaves(each, (*at, key)) for key, each in value.items()))
        return found - _NOBODYS - {("metadata", key) for key in _METADATA}
    return {at}


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _without(value: Any, path: Path) -> Any:
    if not isinstance(value, dict) or path[0] not in value:
        return value
    if len(path) == 1:
        return {key: each for key, each in value.items() if key != path[0]}
    return {**value, path[0]: _without(value[path[0]], path[1:])}
