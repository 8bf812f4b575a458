"""The operator's command line: ``preceptor-operator``. Thin; it imports late what is heavy."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from preceptor.errors import PreceptorError


def main(arguments: Sequence[str] | None = None) -> None:
    """Carry out a command line, that of the process when none is given; exit as its errors say."""
    chosen = _parser().parse_args(arguments)
    try:
        chosen.command(chosen)
    except PreceptorError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a user's mistake is one message, never a traceback
        sys.exit(error.exit_code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="preceptor-operator", description="Runs Specializations on Kubernetes.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    crd = commands.add_parser("crd", help="print the CustomResourceDefinition as YAML")
    crd.set_defaults(command=_crd)
    run = commands.add_parser("run", help="run the operator until it is told to end")
    run.add_argument(
        "--settings", type=Path, metavar="FILE", help="YAML file with the settings; the defaults if absent"
    )
    run.set_defaults(command=_run)
    return parser


def _crd(_: argparse.Namespace) -> None:
    from preceptor_operator.crd.manifest import crd_yaml

    sys.stdout.write(crd_yaml())


def _run(chosen: argparse.Namespace) -> None:
    from preceptor_operator.serving import serve
    from preceptor_operator.settings import read_settings

    sys.exit(serve(read_settings(chosen.settings)))
