"""``/healthz`` and ``/readyz``, for the kubelet."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Probes:
    """A server of two checks, each of which says whether all is well. Port 0 takes a free one, see :attr:`port`."""

    def __init__(self, port: int, *, healthy: Callable[[], bool], ready: Callable[[], bool]) -> None:
        checks = {"/healthz": healthy, "/readyz": ready}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                check = checks.get(self.path)
                code = 404 if check is None else 200 if check() else 503
                body = b"ok\n" if code == 200 else b"no\n"
                self.send_response(code)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Probes come every few seconds; nobody wants to read of each."""

        self._server = ThreadingHTTPServer(("", port), Handler)
        self.port = self._server.server_port
        """The port it listens on."""
        threading.Thread(target=self._server.serve_forever, name="probes", daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
