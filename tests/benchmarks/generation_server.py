"""An OpenAI-compatible endpoint that answers every request after the same time: what a fast model server looks like.

A process of its own, on a free port of 127.0.0.1, so that what it uses is not counted as anybody else's:

    python tests/benchmarks/generation_server.py --latency 0.5

prints ``{"port": …}`` and serves until its standard input closes. Every answer is one row as JSON, with a question that
no other answer has. ``GET /figures`` tells what it did since the last one: requests, most in flight, CPU seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import sys
import time
from contextlib import suppress

from aiohttp import web

WORDS = (
    "train river market teacher garden window engine harvest letter mountain bridge kitchen winter orange captain "
    "library station village doctor painter carpet anchor lantern meadow parcel ribbon saddle temple violin walnut"
).split()


class FixedLatency:
    """Answers after ``latency`` seconds, and counts."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self._serial = itertools.count(1)
        self._random = random.Random(0)
        self._in_flight = 0
        self._forget()

    def _forget(self) -> None:
        self._requests = self._peak = 0
        self._cpu = time.process_time()

    def figures(self) -> dict[str, float]:
        """What was done since this was asked last."""
        done = {"requests": self._requests, "peak": self._peak, "cpu": time.process_time() - self._cpu}
        self._forget()
        return done

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Any POST is a chat completion."""
        if request.method == "GET":
            return web.json_response(self.figures())
        due = asyncio.get_running_loop().time() + self.latency
        self._requests += 1
        self._in_flight += 1
        self._peak = max(self._peak, self._in_flight)
        try:
            await request.read()
            await asyncio.sleep(due - asyncio.get_running_loop().time())
        finally:
            self._in_flight -= 1
        return web.Response(body=self._completion(), content_type="application/json")

    def _completion(self) -> bytes:
        serial = next(self._serial)
        question = f"Problem {serial}: {' '.join(self._random.choices(WORDS, k=24))}. How many are there?"
        row = {"question": question, "answer": str(serial)}
        completion = {
            "id": f"chatcmpl-{serial}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": "fixed-latency",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": json.dumps({"rows": [row]})},
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 40, "completion_tokens": 60, "total_tokens": 100},
        }
        return json.dumps(completion).encode()


async def serve(latency: float) -> None:
    """Serve until standard input closes."""
    # The low-level server: no routes, no middlewares, nothing that would cost more than the HTTP itself.
    server = web.Server(FixedLatency(latency).answer, access_log=None)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0, backlog=4096)
    print(json.dumps({"port": listener.sockets[0].getsockname()[1]}), flush=True)  # noqa: T201 - read by the parent
    await asyncio.to_thread(sys.stdin.read)
    listener.close()
    await server.shutdown(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency", type=float, default=0.5, help="seconds from a request to its answer")
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args().latency))


if __name__ == "__main__":
    main()
