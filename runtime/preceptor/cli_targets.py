"""What every command that reads a run takes: the document it was run from, or where it lies; and where it prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from preceptor.errors import UserError

if TYPE_CHECKING:
    from preceptor.storage.store import Store

out = Console()
err = Console(stderr=True)

TargetArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="The document it was run from, or the run's directory or URI.", show_default=False
    ),
]
StorageOption = Annotated[
    str | None, typer.Option("--storage", metavar="URI", help="Storage root to use instead of the document's.")
]


def open_store(target: str, storage: str | None) -> Store:
    """The directory of the run that a user names. Raises :class:`UserError` for what cannot be opened."""
    from preceptor.storage.store import Store

    if is_document(target):
        from preceptor import app as application
        from preceptor.spec.load import load

        return application.run_store(load(Path(target)), storage)
    if storage is not None:
        raise UserError("--storage goes with a document", mend="give the document, or the run's directory alone")
    return Store.open(target)


def is_document(target: str) -> bool:
    """Whether a user names a document, not a directory."""
    return target.endswith((".yaml", ".yml"))
