"""The asking side: a process with limits, started when it is first needed and again after it was ended."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import subprocess  # our own module in our own interpreter, without a shell
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

_PATIENCE = 10
"""How many times the processor time a request may take by the clock, where other work has the processor."""
_STARTING = 60.0
"""Seconds within which a process must be ready."""


class LimitError(Exception):
    """The request could not be answered within the limits, or ended the process."""


class NotReadyError(Exception):
    """The process does not start."""


@dataclass(frozen=True)
class Limits:
    """What one request may take."""

    seconds: float = 3.0
    """Processor time, so that a busy machine gives the same answers."""
    megabytes: int = 512
    """Address space of the whole process."""


class Confined:
    """Asks a module that calls :func:`preceptor.confined.child.serve`; from any thread, one request at a time."""

    def __init__(self, module: str, limits: Limits) -> None:
        self._module = module
        self._limits = limits
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        atexit.register(self.close)

    def ask(self, request: Any) -> Any:
        """What the module answers to a request; both are JSON data.

        Raises:
            LimitError: it exceeded a limit or failed; the next request finds a fresh process.
            NotReadyError: the process does not start.
        """
        with self._lock:
            process = self._started()
            reply = _exchanged(process, json.dumps(request), _PATIENCE * self._limits.seconds)
            if reply is None:
                self._end()
                raise LimitError
            return json.loads(reply)

    def close(self) -> None:
        """End the process; a later request starts another."""
        with self._lock:
            self._end()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._owner == os.getpid() and self._process.poll() is None:
            return self._process
        self._end()
        # Of the environment it gets only where modules lie: keys are no business of what reads hostile text.
        command = [sys.executable, "-P", "-m", self._module, str(self._limits.seconds), str(self._limits.megabytes)]
        environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        self._owner = os.getpid()
        if _exchanged(self._process, None, _STARTING) is None:
            self._end()
            raise NotReadyError
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if self._owner == os.getpid():  # after a fork it is the parent's
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):  # a request that it did not live to read
                pipe.close()


def _exchanged(process: subprocess.Popen[bytes], request: str | None, seconds: float) -> bytes | None:
    """Send a request, if any, and give the line that comes back; ``None`` when none comes in time."""
    assert process.stdin is not None
    assert process.stdout is not None
    deadline = time.monotonic() + seconds
    try:
        if request is not None:
            process.stdin.write(request.encode("ascii") + b"\n")
            process.stdin.flush()
    except BrokenPipeError:
        return None
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        piece = os.read(process.stdout.fileno(), 65_536) if ready else b""
        if not piece:
            return None
        line += piece
    return line
