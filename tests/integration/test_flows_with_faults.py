"""Whole pipelines whose source or sink fails: on a server of their own, as a slot waits for all that others do."""

import errno
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import redis
from sqlalchemy import make_url, text

from supersync_core.connectors.postgres.positions import StoredPosition
from supersync_core.domain.change import Position
from supersync_core.errors import AbortError, Conflict, LeaseLost, PositionLost, Unavailable
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.embedded import embedded_server
from tests.acceptance.console import execute, rows
from tests.integration.flows import Flow
from tests.lake import rows as stored_rows
from tests.proxy import Proxy, proxy_to
from tests.servers import redis_client, redis_port, until
from tests.slots import drop_slot

__all__ = ["redis_client", "redis_port"]  # fixtures
CONTENT = "select id, note from orders order by id"


class Source:
    """A table in a database of its own, read by way of a line that can be cut."""

    def __init__(self, dsn: str, line: Proxy) -> None:
        self.dsn, self.line, self.slot = dsn, line, f"s_{uuid.uuid4().hex}"
        execute(dsn, "create table orders (id int primary key, note text)")

    def insert(self, first: int, last: int) -> None:
        execute(self.dsn, f"insert into orders select n, 'note ' || n from generate_series({first}, {last}) n")

    @property
    def spec(self) -> dict[str, Any]:
        dsn = psycopg2.extensions.make_dsn(self.dsn, host="127.0.0.1", port=self.line.port)
        config = {"id": "pg", "dsn": dsn, "publication": "flow", "slot": self.slot, "tables": ["public.orders"]}
        return {"type": "postgres", "config": config}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with embedded_server(Path(tmp_path_factory.mktemp("faults"))) as url:
        yield make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture
def source(server: str) -> Iterator[Source]:
    name = f"source_{uuid.uuid4().hex}"
    with closing(psycopg2.connect(server)) as admin:
        admin.autocommit = True
        admin.cursor().execute(f"create database {name}")
    parts = psycopg2.extensions.parse_dsn(server)
    with proxy_to(f"{parts['host']}/.s.PGSQL.{parts['port']}") as line:
        yield Source(psycopg2.extensions.make_dsn(server, dbname=name), line)


def to_redis(port: int) -> dict[str, Any]:
    return {"type": "redis", "config": {"id": "r", "uri": f"redis://127.0.0.1:{port}", "stream": "flow"}}


def ids(client: redis.Redis) -> list[int]:
    """The ids of the rows, in the order in which they came."""
    return [json.loads(fields[b"df-event"])["after"]["id"] for _, fields in client.xrange("flow")]


@pytest.fixture
def stream(ledger: Ledger, source: Source, redis_port: int, redis_client: redis.Redis) -> Flow:
    """From the source into an empty Redis."""
    return Flow(ledger, source.spec, to_redis(redis_port))


@pytest.fixture
def copy(ledger: Ledger, source: Source, target_dsn: str) -> Flow:
    """From the source into a table."""
    return Flow(ledger, source.spec, {"type": "postgres", "config": {"id": "tables", "dsn": target_dsn}})


def test_a_source_that_is_cut_off_again_and_again_costs_no_row(copy: Flow, source: Source, target_dsn: str) -> None:
    with copy.running():
        for number in range(4):
            source.insert(number * 500 + 1, number * 500 + 500)
            if number % 2:  # else it is cut while they come
                copy.arrive()
            source.line.cut()
            execute(source.dsn, f"update orders set note = 'round {number}' where id % 7 = {number}")
            source.line.restore()
        copy.arrive()
    assert rows(target_dsn, CONTENT) == rows(source.dsn, CONTENT)


def test_a_source_that_goes_silent_is_gone_on_with(copy: Flow, source: Source, target_dsn: str) -> None:
    with copy.running():
        source.insert(1, 100)
        source.line.silence()
        source.insert(101, 200)
        source.line.cut()
        source.line.restore()
        copy.arrive()
    assert rows(target_dsn, CONTENT) == rows(source.dsn, CONTENT)


def test_a_sink_that_is_down_is_told_and_nothing_is_lost(
    ledger: Ledger, source: Source, redis_port: int, redis_client: redis.Redis
) -> None:
    with proxy_to(redis_port) as line:
        flow = Flow(ledger, source.spec, to_redis(line.port))
        with flow.running():
            source.insert(1, 10)
            flow.arrive()
            stored = flow.positions()
            line.cut()
            source.insert(11, 20)
            until(lambda: flow.status().get("sink_errors"))
            assert flow.positions() == stored, "nothing counts as stored that the sink has not"
            line.restore()
            flow.arrive()
            until(lambda: flow.status().get("sink_errors") == {})
    assert ids(redis_client) == list(range(1, 21)), "in order, and none twice, as Redis had refused them all"


def test_a_disk_that_is_full_is_told_and_its_files_come_later_whole(
    ledger: Ledger, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = {"id": "files", "bucket": str(tmp_path / "lake"), "local": True, "file_roll": {"max_events": 10}}
    flow = Flow(ledger, source.spec, {"type": "s3", "config": {**lake, "format": "parquet"}})

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with flow.running():
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            source.insert(1, 20)
            until(lambda: "No space left" in str(flow.status().get("sink_errors")))
            assert stored_rows(tmp_path) == []
            source.insert(21, 40)
        flow.arrive()
        assert flow.status()["sink_errors"] == {}
    assert [row["after_id"] for row in stored_rows(tmp_path)] == list(range(1, 41))


def test_a_change_that_its_sink_refuses_is_kept_and_holds_nothing_up(
    ledger: Ledger, source: Source, target_dsn: str
) -> None:
    tables = {"type": "postgres", "config": {"id": "tables", "dsn": target_dsn}}
    copy = Flow(ledger, source.spec, tables, journal={"enabled": True})
    with copy.running():
        source.insert(1, 10)
        copy.arrive()
        execute(target_dsn, "alter table orders add check (note <> 'poison')")
        execute(
            source.dsn,
            "insert into orders values (11, 'poison'), (12, 'note 12'); update orders set note = 'poison' where id = 1",
        )
        source.insert(13, 20)
        copy.arrive()
        until(lambda: len(copy.dead_letters()) == 2)
    assert sorted(event["after"]["id"] for event in copy.dead_letters()) == [1, 11]
    assert rows(target_dsn, CONTENT) == [(n, f"note {n}") for n in range(1, 21) if n != 11]


def test_a_change_that_is_refused_again_after_a_death_is_kept_once(
    ledger: Ledger, source: Source, target_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = {"type": "postgres", "config": {"id": "tables", "dsn": target_dsn}}
    copy = Flow(ledger, source.spec, tables, journal={"enabled": True})
    advance, deaths = StoredPosition.advance, list[int]()

    def dies_once_it_is_kept(stored: StoredPosition, position: Position) -> None:
        if copy.dead_letters() and not deaths:
            deaths.append(1)
            raise Unavailable("the connection was lost")
        advance(stored, position)

    monkeypatch.setattr(StoredPosition, "advance", dies_once_it_is_kept)
    with copy.running():
        source.insert(1, 1)
        copy.arrive()
        execute(target_dsn, "alter table orders add check (note <> 'poison')")
        execute(source.dsn, "insert into orders values (2, 'poison'), (3, 'note 3')")
        copy.arrive()
    assert (deaths, [event["after"]["id"] for event in copy.dead_letters()]) == ([1], [2])
    assert rows(target_dsn, CONTENT) == [(1, "note 1"), (3, "note 3")]


def test_a_slot_that_is_gone_fails_the_run_and_no_change_is_skipped(
    stream: Flow, source: Source, redis_client: redis.Redis
) -> None:
    with stream.running():
        source.insert(1, 10)
        stream.arrive()
    stored = stream.positions()
    drop_slot(source.dsn, source.slot)
    source.insert(11, 20)
    stream.resume()
    with pytest.raises(PositionLost):
        stream.run()
    assert (stream.positions(), redis_client.xlen("flow")) == (stored, 10)


def test_of_two_runs_at_once_the_second_is_refused(stream: Flow, source: Source, redis_client: redis.Redis) -> None:
    with stream.running():
        source.insert(1, 10)
        with pytest.raises(Conflict):
            stream.run()
        stream.arrive()
    assert ids(redis_client) == list(range(1, 11))


def test_a_run_whose_lease_is_somebody_elses_stores_nothing_more(stream: Flow, source: Source, ledger: Ledger) -> None:
    with stream.running(may_fail=True):
        source.insert(1, 10)
        stream.arrive()
        stored = stream.positions()
        with ledger.begin() as session:
            session.execute(text("UPDATE supersync.executions SET lease_owner = 'another' WHERE parent_id IS NULL"))
        source.insert(11, 20)
        until(lambda: stream.errors)
    assert [type(error) for error in stream.errors] == [LeaseLost]
    assert stream.positions() == stored


def test_without_a_queue_for_it_a_change_that_is_refused_ends_each_run_until_the_reason_is_mended(
    copy: Flow, source: Source, target_dsn: str
) -> None:
    with copy.running(may_fail=True):
        source.insert(1, 10)
        copy.arrive()
        execute(target_dsn, "alter table orders add constraint sound check (note <> 'poison')")
        execute(source.dsn, "insert into orders values (11, 'poison'), (12, 'note 12')")
        until(lambda: copy.errors)
    for _ in range(2):
        copy.resume()
        with pytest.raises(AbortError, match="journal"):
            copy.run()
    execute(target_dsn, "alter table orders drop constraint sound")
    copy.errors.clear()
    copy.resume()
    with copy.running():
        copy.arrive()
    assert rows(target_dsn, CONTENT) == rows(source.dsn, CONTENT)
