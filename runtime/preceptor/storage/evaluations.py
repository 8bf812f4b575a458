"""Examinations: every item's prediction and score, one Parquet file each, written once."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import asdict

from preceptor.errors import StorageError
from preceptor.storage import layout
from preceptor.storage.store import Store
from preceptor.tasks.grading import Prediction


def exists(store: Store, id: str) -> bool:
    """Whether the examination was written."""
    return store.exists(layout.evaluation(id))


def write(store: Store, id: str, predictions: Sequence[Prediction]) -> None:
    """Write an examination once: the first writing stands, a later one does nothing.

    A driver that was killed before it could note an examination in the ledger thus goes on with the answers that
    were given then. :func:`read` gives what stands.

    Raises:
        StorageError: the root cannot be written.
    """
    with contextlib.suppress(FileExistsError):
        store.create(layout.evaluation(id), _to_parquet(predictions))


def read(store: Store, id: str) -> list[Prediction]:
    """The predictions of an examination, in the order they were written.

    Raises:
        StorageError: there is none, or it is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = layout.evaluation(id)
    known = Prediction.__dataclass_fields__
    try:
        rows = pq.read_table(pa.BufferReader(store.read(path))).to_pylist()
        return [Prediction(**{name: value for name, value in row.items() if name in known}) for row in rows]
    except FileNotFoundError as error:
        raise StorageError(f"there is no evaluation {store.uri(path)}", mend="run the examination first") from error
    except (pa.ArrowException, OSError, TypeError) as error:
        raise StorageError(
            f"{store.uri(path)} is damaged", mend="restore it from a copy, or delete it to examine again"
        ) from error


def _to_parquet(predictions: Sequence[Prediction]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        {
            "item_id": pa.string(),
            "skill": pa.string(),
            "cluster": pa.string(),
            "prompt_digest": pa.string(),
            "output": pa.string(),
            "extracted": pa.string(),
            "value": pa.float64(),
            "correct": pa.bool_(),
            "tokens": pa.int64(),
            "truncated": pa.bool_(),
        }
    )
    buffer = io.BytesIO()
    table = pa.Table.from_pylist([asdict(prediction) for prediction in predictions], schema=schema)
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()
