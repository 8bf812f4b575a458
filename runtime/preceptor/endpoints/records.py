"""What the log of requests holds and how it is written down: a JSON object a line, a shard of lines in a zstd frame.

A shard's first line says who wrote it, the digest of all others, and a number that no other shard has. The others are
records:

============  ====================================================================================================
``intent``    a request is about to be sent; holds its worst case
``answer``    it was answered; holds the request, the answer and the charge: the receipt
``failure``   it was carried out, or may have been, and gave nothing usable; holds the same
``refused``   it was never sent, because its worst case did not fit the budget; holds the same, at no charge
``returned``  the endpoint turned it away until patience ended, at no charge; it may be sent again
============  ====================================================================================================

Every sending has an intent and exactly one of ``answer``, ``failure`` and ``returned``. An intent without one was of a
process that was killed: the request may have been carried out. Headers and keys are in none of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from preceptor.endpoints.messages import Answer, AnyRequest, Usage
from preceptor.recipes.amount import Amount

Kind = Literal["intent", "answer", "failure", "refused", "returned"]

SHARD_BYTES = 1 << 20
"""Size, before compression, from which a shard is full: a reader keeps a few of them in memory."""

_KINDS = frozenset(get_args(Kind))
_LEVEL = 3  # zstd's default: higher levels cost more time than they save space on shards of this size


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the log."""

    kind: Kind
    """What happened."""
    digest: str
    """The request's digest."""
    amount: Amount
    """The worst case of an intent, else what was charged."""
    request: dict[str, Any] | None = None
    """The request as data, where the record holds it."""
    answer: Answer | None = None
    """What came back, where the record holds it."""

    @classmethod
    def intent(cls, request: AnyRequest, worst: Amount) -> Record:
        """The request is about to be sent."""
        return cls("intent", request.digest, worst)

    @classmethod
    def outcome(cls, request: AnyRequest, answer: Answer, charged: Amount) -> Record:
        """The request was answered, failed, or was refused by the budget."""
        kind: Kind = "answer" if answer.failure is None else "refused" if answer.failure == "budget" else "failure"
        return cls(kind, request.digest, charged, request.to_data(), answer)

    @classmethod
    def returned(cls, request: AnyRequest) -> Record:
        """The request was turned away and is given up for now."""
        return cls("returned", request.digest, Amount())

    def to_line(self) -> bytes:
        """The record as a line of ASCII. Infinities and halves of characters, as a model may write them, survive."""
        data: dict[str, Any] = {"kind": self.kind, "digest": self.digest, "amount": self.amount.to_data()}
        if self.request is not None:
            data["request"] = self.request
        if self.answer is not None:
            data["answer"] = _answer_to_data(self.answer)
        return json.dumps(data, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Record:
        """Read :meth:`to_line`. Raises ``ValueError``, ``KeyError`` or ``TypeError`` for anything else."""
        data = json.loads(line)
        if data["kind"] not in _KINDS:
            raise ValueError(f"no record is of kind {data['kind']!r}")
        return cls(
            kind=data["kind"],
            digest=data["digest"],
            amount=Amount.from_data(data["amount"]),
            request=data.get("request"),
            answer=_answer_from_data(data["answer"]) if "answer" in data else None,
        )


def _answer_to_data(answer: Answer) -> dict[str, Any]:
    data: dict[str, Any] = {
        "text": answer.text,
        "model": answer.model,
        "usage": {"prompt": answer.usage.prompt, "completion": answer.usage.completion},
    }
    if answer.failure is not None:
        data["failure"] = answer.failure
    if answer.value is not None:
        data["value"] = answer.value
    return data


def _answer_from_data(data: dict[str, Any]) -> Answer:
    return Answer(
        text=data["text"],
        failure=data.get("failure"),
        usage=Usage(prompt=data["usage"]["prompt"], completion=data["usage"]["completion"]),
        model=data["model"],
        value=data.get("value"),
    )


def pack(writer: str, nonce: str, lines: Sequence[bytes]) -> bytes:
    """A shard of these lines."""
    import pyarrow as pa

    text = b"".join(lines)
    head = {"writer": writer, "nonce": nonce, "sha256": hashlib.sha256(text).hexdigest()}
    first = json.dumps(head, separators=(",", ":")).encode() + b"\n"
    packed: bytes = pa.Codec("zstd", compression_level=_LEVEL).compress(first + text, asbytes=True)
    return packed


def unpack(data: bytes) -> list[bytes]:
    """The lines that :func:`pack` was given. Raises ``ValueError`` when a single bit of them is different."""
    import pyarrow as pa

    try:
        with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
            whole: bytes = stream.read()
        first, _, text = whole.partition(b"\n")
        intact = json.loads(first)["sha256"] == hashlib.sha256(text).hexdigest()
    except (pa.ArrowException, OSError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if not intact:
        raise ValueError("its lines are not those that were written")
    return text.splitlines(keepends=True)
