"""``preceptor datasets``: list, show, diff, verify and export dataset versions. Thin, as :mod:`preceptor.cli` is."""

from __future__ import annotations

import json
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from preceptor.cli_targets import StorageOption, TargetArgument, err, open_store, out
from preceptor.errors import UserError

if TYPE_CHECKING:
    from preceptor.versions.formats import Format
    from preceptor.versions.run import Run

NOT_WHOLE = 1
"""Exit code when ``verify`` found something: the command did its work and what it looked at is damaged. 2 stays what
it is everywhere, a mistake in how it was called, so that a script can tell the two apart."""

datasets_app = typer.Typer(name="datasets", help="Look at, check and export dataset versions.", no_args_is_help=True)

VersionArgument = Annotated[
    str | None,
    typer.Argument(metavar="VERSION", help="`v3`, a full name, or the first digits of its digest.", show_default=False),
]
RowsOption = Annotated[int, typer.Option("--rows", min=0, metavar="N", help="Sample rows to print.")]


@datasets_app.command("list")
def list_versions(target: TargetArgument, storage: StorageOption = None) -> None:
    """List the dataset versions of a run."""
    from preceptor.console.versions import version_table
    from preceptor.versions.listing import listing

    run = _run(target, storage)
    found = listing(run)
    if not found:
        run.resolve(None)  # says that there is none
    out.print(version_table(found))


@datasets_app.command()
def show(
    target: TargetArgument,
    version: VersionArgument = None,
    rows: RowsOption = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest and the rows as JSON.")] = False,
    storage: StorageOption = None,
) -> None:
    """Show a version: where it comes from, what its gates dropped, how varied it is, and some of its rows."""
    from preceptor.console.versions import version_page
    from preceptor.versions.showing import show as shown

    run = _run(target, storage)
    found = shown(run, run.resolve(version), rows)
    if as_json:
        sys.stdout.write(json.dumps(found.to_data(), indent=2) + "\n")
    else:
        out.print(version_page(found))


@datasets_app.command()
def diff(
    target: TargetArgument,
    before: Annotated[str, typer.Argument(metavar="A", help="A version, as for `show`.", show_default=False)],
    after: Annotated[str, typer.Argument(metavar="B", help="Another one.", show_default=False)],
    rows: RowsOption = 2,
    storage: StorageOption = None,
) -> None:
    """Show what changed from version A to version B."""
    from preceptor.console.versions import difference_page
    from preceptor.versions.comparing import compare

    run = _run(target, storage)
    out.print(difference_page(compare(run, run.resolve(before), run.resolve(after), rows)))


@datasets_app.command()
def verify(target: TargetArgument, version: VersionArgument = None, storage: StorageOption = None) -> None:
    """Recompute every digest of a version, or of all, and follow what their rows refer to; offline.

    RUN may also be the directory of one version that was copied away: what can be checked is.
    """
    from preceptor.console.versions import finding_lines, verified_lines
    from preceptor.versions.verifying import ledger_finding
    from preceptor.versions.verifying import verify as verified

    run = _run(target, storage)
    damaged = False
    ledger = ledger_finding(run)
    if ledger is not None:
        damaged = True
        _print(finding_lines(ledger))
    if version is not None and version not in run.committed:
        version = run.resolve(version)
    if version is None and not run.names and not run.committed:
        run.resolve(None)  # says that there is none
    for found in verified(run, version):
        damaged |= not found.whole
        _print(verified_lines(found))
    if damaged:
        raise typer.Exit(NOT_WHOLE)


@datasets_app.command()
def export(
    target: TargetArgument,
    version: VersionArgument = None,
    format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="alpaca, sharegpt, openai or parquet.", show_default=False)
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Default: RUN-VERSION.EXT, here.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE when it is there.")] = False,
    storage: StorageOption = None,
) -> None:
    """Write a version's rows into one file for another tool."""
    from preceptor.versions import exporting

    layout = _format(format)
    run = _run(target, storage)
    name = run.resolve(version)
    done = exporting.export(run, name, layout, output or Path(exporting.file_name(run, name, layout)), force=force)
    _print([f"{done.path}: {done.rows:,} rows of {name} as {layout}"])
    if not done.told:
        err.print(
            "note: without the run's ledger nobody knows the task: there is no system message and no example in it",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _run(target: str, storage: str | None) -> Run:
    from preceptor.versions.run import open_run

    return open_run(open_store(target, storage))


def _format(given: str) -> Format:
    from preceptor.versions.formats import FORMATS

    for known in FORMATS:
        if given == known:
            return known
    close = get_close_matches(given, FORMATS, n=1)
    hint = f"did you mean `{close[0]}`? " if close else ""
    complaint = f"there is no format `{given}`" if given else "--format is missing"
    raise UserError(complaint, mend=f"{hint}choose one of: {', '.join(FORMATS)}")


def _print(lines: list[str]) -> None:
    for line in lines:
        out.print(line, highlight=False, markup=False, soft_wrap=True)
