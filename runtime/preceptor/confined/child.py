"""The confined process's side: answers requests, one a line, until its input ends or a limit ends it."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any


def serve(answer: Callable[[Any], Any]) -> None:
    """Give every line of the input, as JSON, to ``answer``, and write what it returns; the first line is ``null``.

    The command's arguments are the limits: seconds of processor time for one request, and megabytes of memory. The
    system ends the process that exceeds the first, wherever it hangs; nothing is written to files, and what libraries
    print is lost. An exception ends the process as well: whoever asked takes it for an answer that cannot be given.
    """
    seconds, megabytes = float(sys.argv[1]), int(sys.argv[2])
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's, which then closes the input
    limits = {resource.RLIMIT_AS: megabytes << 20, resource.RLIMIT_FSIZE: 0, resource.RLIMIT_CORE: 0}
    for kind, most in limits.items():
        resource.setrlimit(kind, (most, most))
    print("null", file=replies, flush=True)
    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        reply = json.dumps(answer(json.loads(line)))
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(reply, file=replies, flush=True)
