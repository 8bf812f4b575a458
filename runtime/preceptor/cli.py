"""The command line: thin. It loads late what is heavy, and has no flag that changes what a document means."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from preceptor import __version__
from preceptor.cli_compare import compare
from preceptor.cli_datasets import datasets_app
from preceptor.cli_drive import drive, ray_workforce
from preceptor.cli_render import render
from preceptor.cli_submit import submit
from preceptor.cli_targets import StorageOption, TargetArgument, err, is_document, open_store, out
from preceptor.errors import PreceptorError, StorageError, UserError

if TYPE_CHECKING:
    from preceptor.report.schema import Report
    from preceptor.storage.store import Store

INTERRUPTED = 130

app = typer.Typer(
    name="preceptor",
    help="Turn a general model into a specialist with data that an engineer plans, makes and refines.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The Specialization document.", show_default=False)]


@app.command()
def validate(file: FileArgument) -> None:
    """Check a document and everything it refers to; nothing is executed."""
    from preceptor.planning import check_inputs
    from preceptor.spec.load import load

    document = load(file)
    for note in check_inputs(document):
        out.print(f"note: {note}", highlight=False, markup=False)
    out.print(f"{file}: valid", highlight=False, markup=False)


@app.command()
def plan(file: FileArgument, storage: StorageOption = None) -> None:
    """Show what a run would do, and what it would cost in time and money; nothing is executed."""
    from preceptor.planning import plan as make_plan
    from preceptor.planning import render
    from preceptor.spec.load import load

    out.print(render(make_plan(load(file), storage=storage)))


@app.command()
def schema(
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="`document`, `report`, `status` or `comparison`.")
    ] = "document",
) -> None:
    """Print the JSON schema of the document, of report.json, or of what `status --json` or `compare --json` prints."""
    if what == "document":
        from preceptor.spec.schema import schema as document_schema

        printed = document_schema()
    elif what == "report":
        from preceptor.report.schema import json_schema

        printed = json_schema()
    elif what == "status":
        from preceptor.console.standing import RunStatus

        printed = RunStatus.model_json_schema(by_alias=True)
    elif what == "comparison":
        from preceptor.runs.schema import json_schema as comparison_schema

        printed = comparison_schema()
    else:
        mend = "write `preceptor schema document`, `report`, `status` or `comparison`"
        raise UserError(f"there is no schema `{what}`", mend=mend)
    sys.stdout.write(json.dumps(printed, indent=2, sort_keys=True) + "\n")


@app.command()
def run(
    file: FileArgument,
    storage: StorageOption = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Go on with the search of a run that has ended, when spec.budget has grown. Its private split is then "
            "read once more, which the report says for ever.",
        ),
    ] = False,
) -> None:
    """Run a document to its end, or continue where an earlier run of it stopped."""
    from preceptor import app as application
    from preceptor.console.progress import ConsoleReporter
    from preceptor.planning import check_inputs
    from preceptor.spec.load import load

    document = load(file)
    _refuse_memory(storage or document.spec.spec.storage.uri)
    check_inputs(document, storage=storage)
    try:
        with ConsoleReporter(out) as reporter:
            outcome = application.run(
                document, storage=storage, reporter=reporter, workforce=ray_workforce, again=again
            )
    except KeyboardInterrupt:
        same = f"preceptor run {file}" + (f" --storage {storage}" if storage else "")
        err.print(f"\ninterrupted; what was finished is kept. Continue with: {same}", highlight=False, markup=False)
        # At once: an orderly exit would wait for a training in progress. Ray's processes follow this one.
        sys.stdout.flush()
        os._exit(INTERRUPTED)
    _print_outcome(outcome.report, outcome.store)


app.command()(drive)
app.command()(render)
app.command()(submit)


@app.command()
def status(
    target: TargetArgument,
    storage: StorageOption = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep showing it until the run ends; wait for one that has not begun.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one object for scripts; see `preceptor schema status`.")
    ] = False,
) -> None:
    """Show how far a run is, from its storage alone."""
    from preceptor.console import status as shown

    if watch and as_json:
        raise UserError("--json prints once and ends", mend="leave out --watch, and call it again when you like")
    store = open_store(target, storage)
    observer = shown.Observer(store)
    if watch:
        shown.watch(observer, out, store.uri())
        return
    look = observer.look()
    if look is None:
        raise StorageError(
            f"there is no run in {store.uri()}",
            mend="give the document it was run from, or the run's own directory; --watch waits for one",
        )
    if as_json:
        sys.stdout.write(json.dumps(look.status.model_dump(mode="json", by_alias=True), indent=2) + "\n")
    else:
        out.print(shown.status_page(look))


@app.command()
def report(
    target: TargetArgument,
    storage: StorageOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print report.json and write nothing.")] = False,
) -> None:
    """Write a finished run's page anew from its report.json, as this release draws it, and print where it lies."""
    from preceptor import app as application
    from preceptor.report.stored import write_page

    store = open_store(target, storage)
    found = application.read_report(store)
    if as_json:
        sys.stdout.write(json.dumps(found.model_dump(mode="json", by_alias=True), indent=2) + "\n")
        return
    write_page(store, found)
    _print_outcome(found, store)


@app.command()
def replay(target: TargetArgument, storage: StorageOption = None) -> None:
    """Rebuild every dataset version of a run from its log, without key or network, and compare the ids."""
    from preceptor import app as application

    store = open_store(target, storage)
    base_dir = Path(target).resolve().parent if is_document(target) else Path.cwd()
    different = 0
    for version in application.replayed(store, base_dir):
        different += not version.same
        asked = f", {version.requests} answers from the log" if version.requests else ""
        words = "the same" if version.same else f"NOT the same: {version.rebuilt or 'no rows'}"
        line = f"attempt {version.attempt}: {version.version}, {version.rows} rows{asked}: {words}"
        out.print(line, highlight=False, markup=False, soft_wrap=True)
    if different:
        raise StorageError(
            f"{different} of the versions did not come out the same",
            mend="replay with the release that made the run (report.json names it), with the same seeds and pool",
        )


recipe_app = typer.Typer(name="recipe", help="Recipes by hand.", no_args_is_help=True)
app.add_typer(recipe_app)
app.add_typer(datasets_app)
app.command()(compare)


@recipe_app.callback()
def _recipes() -> None:
    """Recipes by hand."""


@recipe_app.command()
def check(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A recipe, or a document with a fixed one.", show_default=False)
    ],
    document: Annotated[
        Path | None, typer.Option("--for", metavar="DOCUMENT", help="The document that a recipe of its own is for.")
    ] = None,
) -> None:
    """Check a recipe against its document and price it; nothing is asked."""
    from preceptor.console.tables import price_table
    from preceptor.planning.recipes import check_recipe

    recipe, estimate = check_recipe(file, document)
    out.print(price_table(recipe, estimate))


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        sys.stdout.write(f"preceptor {__version__}\n")
        raise typer.Exit


def _print_outcome(found: Report, store: Store) -> None:
    from preceptor.console.tables import outcome_table
    from preceptor.storage import layout

    out.print(outcome_table(found))
    out.print(f"report: {store.uri(layout.REPORT_HTML)}", highlight=False, markup=False, soft_wrap=True)


def _refuse_memory(uri: str) -> None:
    if uri.startswith("memory:"):
        raise UserError(
            "storage memory:// lives in one process; the run's workers could not see it, and its end would erase it",
            mend="give a directory or a bucket as spec.storage.uri or --storage",
        )


def main() -> None:
    """Entry point: our own errors become one message and their exit code."""
    try:
        app(standalone_mode=True)
    except PreceptorError as error:
        err.print(f"error: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
