"""Starts a test API server by hand: `python -m support.apiserver [--port N] [CRD.yaml ...]`, from `tests/`."""

import argparse
import threading
from pathlib import Path

from support.apiserver.server import ApiServer

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("definitions", nargs="*", type=Path, metavar="CRD.yaml")
parser.add_argument("--port", type=int, default=0)
given = parser.parse_args()
with ApiServer(tuple(given.definitions), given.port) as server:
    print(server.url, flush=True)  # noqa: T201
    threading.Event().wait()
