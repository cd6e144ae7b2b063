"""A stream whose messages the test brings."""

import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unittest.mock import patch

import pytest

from supersync_core.connectors.changes import SourceContext
from supersync_core.connectors.postgres import stream as stream_module
from supersync_core.connectors.postgres.logical_messages import LogicalMessages
from supersync_core.connectors.postgres.places import Place
from supersync_core.connectors.postgres.relations import Relations
from supersync_core.connectors.postgres.stream import Stream
from supersync_core.domain.table_patterns import TablePatterns

PLACE = Place(1000, "7/shop")


class Line:
    """A replication connection that brings what the test gives it, one list for each look."""

    def __init__(self) -> None:
        self.batches: list[list[bytes]] = []
        self.told: list[tuple[int, int]] = []
        self._here, self._there = socket.socketpair()

    def bring(self, *messages: bytes) -> None:
        self.batches.append(list(messages))

    def messages(self) -> list[bytes]:
        return self.batches.pop(0) if self.batches else []

    def send_status(self, written: int, flushed: int) -> None:
        self.told.append((written, flushed))

    def fileno(self) -> int:
        return self._here.fileno()

    def close(self) -> None:
        self._here.close()
        self._there.close()


class NoCatalog:
    """A database whose tables are all gone by now: what the log says must do."""

    def execute(self, query: str, parameters: Any = None) -> "NoCatalog":
        return self

    def fetchall(self) -> list[Any]:
        return []

    def __iter__(self) -> Iterator[Any]:
        return iter(())


@pytest.fixture
def line() -> Iterator[Line]:
    opened = Line()
    yield opened
    opened.close()


@pytest.fixture
def make_stream(line: Line, clock: Callable[[float], None]) -> Iterator[Callable[..., Stream]]:
    made: list[Stream] = []

    def make(place: Place = PLACE, *, prefixes: Sequence[str] = (), **options: Any) -> Stream:
        context = SourceContext("orders", "acme")
        known = Relations(NoCatalog(), "shop", TablePatterns(["items"]), context, halt=False)
        made.append(Stream(line, known, place, messages=LogicalMessages("shop", prefixes), **options))
        return made[-1]

    yield make
    for stream in made:
        stream.close()


@pytest.fixture
def stream(make_stream: Callable[..., Stream]) -> Stream:
    return make_stream()


@pytest.fixture
def clock() -> Iterator[Callable[[float], None]]:
    """Let time pass."""
    now = [1000.0]

    def go_on(seconds: float) -> None:
        now[0] += seconds

    with patch.object(stream_module.time, "monotonic", lambda: now[0]):
        yield go_on
