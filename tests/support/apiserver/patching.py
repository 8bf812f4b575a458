"""Patches of objects: JSON merge patch (RFC 7386), sharing what they leave alone with the object they start from."""

from typing import Any


def merged(target: Any, patch: Any) -> Any:
    """The target with a JSON merge patch applied; neither argument is changed.

    Untouched parts are shared, not copied: a store that never changes an object in place pays for the patch alone.
    """
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result
