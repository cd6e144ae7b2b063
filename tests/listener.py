"""An HTTP server of the tests that writes down what it is asked and answers by a script."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Listener:
    """`requests`: what came, in order. `answer`: says what to answer, 200 by default."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.answer: Callable[[Request], Answer] = lambda request: Answer()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def taken(self) -> list[Request]:
        """Those that were answered with 200."""
        return [request for request in self.requests if self.answer(request).status == 200]


@contextmanager
def listener() -> Iterator[Listener]:
    here = Listener()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            here.connections += 1
            super().setup()

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            request = Request(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            here.requests.append(request)
            answer = here.answer(request)
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_POST = do_PUT = do_PATCH = do_GET = handle_one  # noqa: N815  # the server's own names

        def log_message(self, *words: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    here.port = server.server_port
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield here
    server.shutdown()
    server.server_close()
