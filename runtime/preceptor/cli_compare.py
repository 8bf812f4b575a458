"""``preceptor compare``: runs side by side. Thin, as :mod:`preceptor.cli` is."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from preceptor.cli_targets import StorageOption, is_document, open_store, out
from preceptor.errors import UserError

RunsArgument = Annotated[
    list[str],
    typer.Argument(metavar="RUN…", help="Documents that were run, or directories or URIs of runs.", show_default=False),
]


def compare(
    targets: RunsArgument,
    controls: Annotated[bool, typer.Option("--controls", help="Also show the controls that the runs made.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON; `preceptor schema comparison` says its form.")
    ] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown tables.")] = False,
    storage: StorageOption = None,
) -> None:
    """Put runs side by side: gain with interval, MATS and cost, by who made the data and by task.

    Runs of one engineer, model and strategy are one row; of one task, they are pooled. Rows that answered the same
    private items are compared item by item.
    """
    from preceptor.console.runs import comparison_page
    from preceptor.runs.comparing import compare as compared
    from preceptor.runs.entrant import read_entrant
    from preceptor.runs.markdown import markdown

    if as_json and as_markdown:
        raise UserError("--json and --markdown exclude each other", mend="give one of them")
    if storage is not None and not any(map(is_document, targets)):
        raise UserError("--storage goes with documents", mend="give documents, or the runs' directories alone")
    stores = [open_store(target, storage if is_document(target) else None) for target in targets]
    found = compared([read_entrant(store) for store in stores], controls=controls)
    if as_json:
        sys.stdout.write(json.dumps(found.model_dump(mode="json", by_alias=True), indent=2) + "\n")
    elif as_markdown:
        sys.stdout.write(markdown(found))
    else:
        out.print(comparison_page(found))
