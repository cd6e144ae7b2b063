"""What every table source must do when it is cancelled, refused or cut off, tried over every connector."""

import threading
import time
from collections.abc import Callable
from io import BytesIO

import pytest

from supersync_core.connectors.base import CopyFormat, SourceSession
from supersync_core.domain.table_sync import Reading, Relation
from supersync_core.errors import AccessDenied, Cancelled, SupersyncError, Unavailable
from tests.conformance.systems import Server, System


def cancelled_after(
    act: Callable[[], object], session: SourceSession, begun: Callable[[], bool]
) -> BaseException | None:
    """What `act` raised within two seconds of a `cancel` from another thread, None if it went on."""
    raised: list[BaseException] = []

    def work() -> None:
        try:
            act()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not begun():
        assert thread.is_alive() and time.monotonic() < deadline, raised
    session.cancel()
    session.cancel()
    thread.join(2)
    return raised[0] if raised and not thread.is_alive() else None


class Bucket(BytesIO):
    """Takes everything, keeps nothing."""

    taken = 0

    def write(self, data: object) -> int:
        self.taken += len(data)  # type: ignore[arg-type]
        return len(data)  # type: ignore[arg-type]


def test_a_cancelled_copy_ends_within_two_seconds(server: Server) -> None:
    relation, out = Relation(sql=server.long_query), Bucket()
    with server.source.open() as session:
        plan = session.plan(relation, session.describe(relation), Reading(), None)
        error = cancelled_after(lambda: session.copy(plan, CopyFormat.TEXT, out), session, lambda: out.taken > 0)
    assert isinstance(error, Cancelled)


def test_a_cancelled_query_ends_within_two_seconds_though_no_row_has_come(server: Server) -> None:
    relation, begun = Relation(sql=server.sleeping_query), threading.Event()
    with server.source.open() as session:
        plan = session.plan(relation, session.describe(relation), Reading(), None)

        def copy() -> None:
            begun.set()
            session.copy(plan, CopyFormat.TEXT, Bucket())

        # The wait lets the query reach the server; a cancel that is too early is another test.
        started = time.monotonic()
        error = cancelled_after(copy, session, lambda: begun.is_set() and time.monotonic() - started > 0.3)
    assert isinstance(error, Cancelled)


def test_after_a_cancel_nothing_runs_any_more(system: System) -> None:
    table = system.make("things", [])
    with system.source.open() as session:
        session.cancel()
        with pytest.raises(Cancelled):
            session.describe(Relation(table=table))


def test_a_cancel_after_the_end_does_no_harm(system: System) -> None:
    with system.source.open() as session:
        pass
    session.cancel()


def test_a_copy_that_its_reader_leaves_can_be_left(server: Server) -> None:
    class Broken(BytesIO):
        def write(self, data: object) -> int:
            raise BrokenPipeError

    relation = Relation(sql=server.long_query)
    started = time.monotonic()
    with pytest.raises((BrokenPipeError, SupersyncError)), server.source.open() as session:
        session.copy(session.plan(relation, session.describe(relation), Reading(), None), CopyFormat.TEXT, Broken())
    assert time.monotonic() - started < 5


def test_a_server_that_cannot_be_reached_may_be_tried_again(server: Server) -> None:
    with pytest.raises(Unavailable):
        server.unreachable().open()


def test_refused_credentials_are_not_tried_again(server: Server) -> None:
    with pytest.raises(AccessDenied):
        server.with_wrong_password().open()


def test_a_lost_connection_may_be_tried_again(server: Server) -> None:
    table = server.make("things", [])
    with server.source.open() as session:
        server.kill_connections()
        with pytest.raises(Unavailable):
            session.describe(Relation(table=table))
