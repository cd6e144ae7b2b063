"""A receiver of events that may be away, slow, or of another opinion; and executions of ours to tell it of."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from supersync_core.domain.execution import Counts, ExecutionState, Trigger
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.tables import Execution
from supersync_core.services.configuration import Configuration
from supersync_core.services.configuration.build import build_configuration
from supersync_core.services.executions import Outcome, finish_execution, open_execution, start_execution
from supersync_core.services.pipelines import get_pipeline, register_pipeline
from tests.core.services.reports import NOON

SECOND = timedelta(seconds=1)


class Receiver:
    """What came, and what it answers: 201, unless `answers` has another status for the next event."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answers: list[int] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def heard(self) -> list[tuple[str, str]]:
        """Kind and job of each event that was taken."""
        return [(event["eventType"], event["job"]["name"]) for event in self.events]

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen, on the same port each time."""
        server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        server.daemon_threads = True
        self.port = server.server_port
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join(10)


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.answers.pop(0) if receiver.answers else 201
            if status == 201:
                receiver.events.append(json.loads(body))
                receiver.headers.append(dict(self.headers))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


def declared(ledger: Ledger, *names: str, **source: str) -> Configuration:
    """Pipelines from shop to lake, written into the ledger."""
    table = source or {"table": "orders"}
    data = {
        "connections": {
            "shop": {"type": "mysql", "url": "mysql://me:hunter2@shop.example/shop"},
            "lake": {"type": "postgres", "dsn": "postgresql://me:hunter2@lake.example:5433/lake"},
        },
        "pipelines": [
            {
                "name": name,
                "title": f"The {name}",
                "kind": "table_sync",
                "source": {"connection": "shop", **table},
                "target": {"connection": "lake", "table": "sales.orders", "primary_key": "id"},
            }
            for name in names
        ],
    }
    configuration, problems = build_configuration(data)
    assert configuration is not None, problems
    with ledger.begin() as session:
        for pipeline in configuration.pipelines:
            register_pipeline(session, pipeline.declaration(), at=NOON)
    return configuration


def started(ledger: Ledger, name: str, *, at: datetime = NOON, parent_id: int | None = None) -> int:
    """An execution that runs; its id."""
    with ledger.begin() as session:
        pipeline = get_pipeline(session, name)
        queued = open_execution(session, pipeline, trigger=Trigger.SCHEDULE, at=at, parent_id=parent_id)
        return start_execution(session, queued.id, owner="a test", at=at).id


def ended(ledger: Ledger, execution_id: int, *, at: datetime = NOON + SECOND, error: str | None = None) -> int:
    """End it, with success if there is no error; its id."""
    state = ExecutionState.FAILED if error else ExecutionState.SUCCEEDED
    counts = Counts() if error else Counts(extracted=10, inserted=3, updated=4, unchanged=3)
    record = {"type": "Unavailable", "message": error, "retryable": True} if error else None
    with ledger.begin() as session:
        return finish_execution(session, execution_id, Outcome(state, counts, 1000, error=record), at=at).id


def ran(ledger: Ledger, name: str, *, second: int = 0, error: str | None = None) -> int:
    """An execution that began so many seconds after noon, and ended a second later; its id."""
    at = NOON + second * SECOND
    return ended(ledger, started(ledger, name, at=at), at=at + SECOND, error=error)


def untold(ledger: Ledger) -> int:
    """Of how many ends nobody was told."""
    with ledger.begin() as session:
        return session.query(Execution).filter(Execution.managed, Execution.emitted_at.is_(None)).count()
