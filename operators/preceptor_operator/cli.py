"""The operator's command line: ``preceptor-operator``. Thin; it imports late what is heavy."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

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
    return parser


def _crd(_: argparse.Namespace) -> None:
    from preceptor_operator.crd.manifest import crd_yaml

    sys.stdout.write(crd_yaml())
