"""A receiver of webhooks: a real server that answers as it is told."""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "hunter2"


@dataclass
class Received:
    """One request: its headers and body, and whether the signature fits."""

    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def titles(self) -> list[str]:
        return [alert["title"] for alert in self.json["alerts"]]

    @property
    def id(self) -> str:
        return self.headers["x-supersync-delivery"]

    @property
    def is_signed(self) -> bool:
        signed = self.headers["x-supersync-timestamp"].encode() + b"." + self.body
        expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(self.headers["x-supersync-signature"], f"sha256={expected}")


@dataclass
class Receiver:
    """What came, and the answers that are next: a status with headers, or something to do; at the end always 200."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    answers: list[int | tuple[int, dict[str, str]] | Callable[[], None]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/hunter3"

    @property
    def titles(self) -> list[list[str]]:
        """What each request told."""
        return [one.titles for one in self.received]


@contextmanager
def receiver(port: int = 0) -> Iterator[Receiver]:
    """A server on a free port, or on that one."""
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.received.append(Received({name.lower(): value for name, value in self.headers.items()}, body))
            answer = state.answers.pop(0) if state.answers else 200
            if callable(answer):
                answer()
                answer = 200
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """A client that has gone is no news."""

    server = Server(("127.0.0.1", port), Handler)
    state.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
