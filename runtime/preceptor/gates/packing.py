"""Arrays as bytes: the same arrays make the same bytes everywhere, and damage shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from preceptor.errors import GateError

_MAGIC = b"preceptor exam index 1\n"
_CHECK = hashlib.sha256().digest_size
_KINDS = frozenset(("<u8", "<i4"))
_DAMAGED = "delete it and run the same command again: it is built anew from the examination's items"


def pack(about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """JSON data and one-dimensional arrays of unsigned 64-bit or signed 32-bit integers."""
    parts = {name: array.astype(array.dtype.newbyteorder("<")) for name, array in sorted(arrays.items())}
    table = [[name, array.dtype.str, len(array)] for name, array in parts.items()]
    header = json.dumps({"about": dict(about), "arrays": table}, sort_keys=True, separators=(",", ":")).encode()
    body = b"".join([len(header).to_bytes(8, "little"), header, *(array.tobytes() for array in parts.values())])
    return _MAGIC + hashlib.sha256(body).digest() + body


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What :func:`pack` was given. Raises :class:`GateError` for bytes that it did not write."""
    if not data.startswith(_MAGIC):
        raise GateError("the index of the examination is of another release", mend=_DAMAGED)
    body = data[len(_MAGIC) + _CHECK :]
    if hashlib.sha256(body).digest() != data[len(_MAGIC) : len(_MAGIC) + _CHECK]:
        raise GateError("the index of the examination is damaged", mend=_DAMAGED)
    start = 8 + int.from_bytes(body[:8], "little")
    header = json.loads(body[8:start])
    arrays: dict[str, NDArray[Any]] = {}
    for name, kind, count in header["arrays"]:
        if kind not in _KINDS:
            raise GateError("the index of the examination is of another release", mend=_DAMAGED)
        array = np.frombuffer(body, kind, count, start)
        arrays[name] = array.astype(array.dtype.newbyteorder("="))
        start += array.nbytes
    return header["about"], arrays
