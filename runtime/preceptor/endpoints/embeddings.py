"""Embeddings as an endpoint sends them and as the log keeps them: unit vectors of half-precision numbers, in base64.

Half precision is what is decided by as well: products of such numbers, and sums of thousands of them, are exact in
double precision, so that whoever reads the log on another machine comes to the same similarities, bit by bit.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from preceptor.endpoints.completions import failed, model_named, plausible, worst
from preceptor.endpoints.messages import Answer, Texts

Vectors = NDArray[np.float64]
"""Unit vectors, shape ``[texts, dimensions]``; every number is one that half precision holds."""

LONGEST_VECTOR = 1 << 15
"""Dimensions that are taken: several times what any model gives."""
_HALF = np.dtype("<f2")


def read_answer(body: bytes, request: Texts) -> Answer:
    """The answer in the body of a successful response; never raises, since whatever came was paid for."""
    try:
        answered = json.loads(body)
        if not isinstance(answered, Mapping):
            return failed(request, "malformed")
        usage = plausible(answered.get("usage"), request) or worst(request)
        model = model_named(answered.get("model"), request)
        text = pack(_listed(answered.get("data"), len(request.texts)))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return failed(request, "malformed")
    return Answer(text, None, usage, model)


def _listed(data: Any, count: int) -> Vectors:
    """One vector for each text, in the order of the texts. Raises when there is another number of them."""
    found = {place.get("index", number): place["embedding"] for number, place in enumerate(data)}
    if len(found) != len(data) or found.keys() != set(range(count)):
        raise ValueError("not one vector for each text")
    return np.array([found[number] for number in range(count)], dtype=np.float64)


def pack(vectors: Vectors) -> str:
    """Vectors of any length as an answer's text. Raises ``ValueError`` for what has no direction."""
    if vectors.ndim != 2 or not 0 < vectors.shape[1] <= LONGEST_VECTOR or not np.isfinite(vectors).all():
        raise ValueError("no vectors")
    largest = np.abs(vectors).max(axis=1, keepdims=True)  # first, or the squares of huge numbers overflow
    if not largest.all():
        raise ValueError("a vector of zeros")
    scaled = vectors / largest
    units = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    return base64.b64encode(units.astype(_HALF).tobytes()).decode()


def unpack(text: str, count: int) -> Vectors:
    """The ``count`` vectors that :func:`pack` wrote. Raises ``ValueError`` for anything else."""
    halves = np.frombuffer(base64.b64decode(text, validate=True), dtype=_HALF)
    if not count or not len(halves) or len(halves) % count:
        raise ValueError(f"not {count} vectors")
    return halves.reshape(count, -1).astype(np.float64)
