"""PostgreSQL's log through whole pipelines, to each kind of sink, every type compared with the source."""

import json
import re
import struct
import uuid
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import psycopg2
import pyarrow.fs
import pytest
from pyarrow import parquet

from supersync_core.ledger.database import Ledger
from tests.integration import postgres_types
from tests.integration.flows import Flow
from tests.integration.postgres_types import TEXT, TYPES
from tests.kept import transaction
from tests.listener import Listener, listener
from tests.servers import KafkaCluster, kafka_cluster, kafka_process, s3_bucket, s3_files, s3_port
from tests.slots import drop_slot

__all__ = ["kafka_cluster", "kafka_process", "s3_bucket", "s3_port"]  # fixtures
pytestmark = pytest.mark.timeout(600)
CREATE, INSERTS = postgres_types.statements()[:2], postgres_types.statements()[2:]
COUNT = len(INSERTS)
Event = dict[str, Any]


class Every:
    """A table with every type; half of its rows are there before the pipeline, and half come while it runs."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.slot = f"s_{uuid.uuid4().hex}"
        self.execute(*CREATE, *INSERTS)

    def execute(self, *statements: str) -> None:
        with transaction(self.dsn) as cursor:
            cursor.execute("set local synchronous_commit = on")
            for statement in statements:
                cursor.execute(statement)

    def go_on(self) -> None:
        columns = ", ".join(f"c{number}" for number in range(len(TYPES)))
        self.execute(
            f"insert into every select id + 100, {columns} from every",
            "update every set id = id + 100 where id >= 100",
            "delete from every where id = 200",
        )

    def source(self) -> Event:
        database = psycopg2.extensions.parse_dsn(self.dsn)["dbname"]
        config = {"id": "pg", "dsn": self.dsn, "publication": database, "slot": self.slot, "tables": ["every"]}
        return {"type": "postgres", "config": {**config, "snapshot": {}}}

    def printed(self, dsn: str = "") -> list[dict[str, str | None]]:
        """Rows by id, each value as the server prints it: the driver converts nothing."""
        with closing(
            psycopg2.connect(dsn or self.dsn, options="-c timezone=UTC -c intervalstyle=postgres")
        ) as connection:
            cursor = connection.cursor()
            cursor.execute("select array_agg(oid::int) from pg_type")
            (kinds,) = cursor.fetchone()
            psycopg2.extensions.register_type(psycopg2.extensions.new_type(tuple(kinds), "T", lambda v, _: v), cursor)
            cursor.execute("select * from every order by id")
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def check(self, events: Sequence[Event]) -> None:
        """Each row came, from the snapshot and from the log, and every value of it is as the source has it."""
        printed = {int(row["id"] or ""): row for row in self.printed()}
        assert [one["op"] for one in events] == ["r"] * COUNT + ["c"] * COUNT + ["u"] * COUNT + ["d"]
        assert len({one["event_id"] for one in events}) == len(events)
        for event in events[:-1]:
            row = event["after"]["id"] % 100
            for number, kind in enumerate(TYPES):
                meant = postgres_types.meant(row, kind)
                meant = printed[row][f"c{number}"] if meant is TEXT else meant
                assert event["after"][f"c{number}"] == meant, (kind, row)
        assert events[-1]["before"]["id"] == 200


@pytest.fixture
def every(source_dsn: str) -> Iterator[Every]:
    every = Every(source_dsn)
    yield every
    drop_slot(every.dsn, every.slot)


def flow(ledger: Ledger, every: Every, kind: str, **config: Any) -> list[Event]:
    """Everything through a pipeline to a sink of that kind; the events that it has refused."""
    sink = {"type": kind, "config": {"id": "sink", **config}}
    with Flow(ledger, every.source(), sink, journal={"enabled": True}).running() as flow:
        every.go_on()
        flow.arrive()
    return flow.dead_letters()


def test_kafka_gets_every_type_as_the_source_has_it(every: Every, ledger: Ledger, kafka_cluster: KafkaCluster) -> None:
    topic = f"cdc-{uuid.uuid4().hex}"
    flow(ledger, every, "kafka", brokers=kafka_cluster.brokers, topic=topic, key="all")
    every.check([json.loads(message.value() or b"") for message in kafka_cluster.messages(topic)])


def test_http_gets_every_type_as_the_source_has_it(every: Every, ledger: Ledger) -> None:
    with listener() as server:
        flow(ledger, every, "http", url=f"{server.url}/events")
        every.check(events_of(server))


def events_of(server: Listener) -> list[Event]:
    return [json.loads(request.body) for request in server.taken]


def test_parquet_in_s3_has_every_type_as_the_source_has_it(
    every: Every, ledger: Ledger, s3_port: int, s3_bucket: str
) -> None:
    store = {"endpoint": f"http://127.0.0.1:{s3_port}", "region": "us-east-1", "bucket": s3_bucket}
    dead = flow(ledger, every, "s3", **store, access_key_id="a", secret_access_key="b", file_roll={"max_events": 5})
    rows = rows_in(s3_port, s3_bucket)
    # What columns of Parquet have no place for, such as an infinite date, is put aside, and nothing else.
    assert {one["event_id"] for one in rows}.isdisjoint(one["event_id"] for one in dead)
    assert len(rows) + len(dead) == 3 * COUNT + 1
    unfit = {"NaN", "infinity", "-infinity", "Infinity", "-Infinity"}
    assert all(unfit & set(map(str, (one["after"] or one["before"]).values())) for one in dead)
    printed = {int(row["id"] or ""): row for row in every.printed()}
    landed = [one for one in rows if one["after_id"] is not None]
    assert {one["after_id"] % 100 for one in landed} >= {0, COUNT - 1}
    for one in landed:
        row = one["after_id"] % 100
        for number, kind in enumerate(TYPES):
            meant = postgres_types.meant(row, kind)
            meant = printed[row][f"c{number}"] if meant is TEXT else meant
            assert as_told(one[f"after_c{number}"], meant) == meant, (kind, row)


def as_told(value: Any, meant: Any) -> Any:
    """A value of Parquet as the source's event has it."""
    if isinstance(value, bytes):
        return {"_base64": b64encode(value).decode()}
    if isinstance(value, datetime):
        return re.sub(r"\.(\d*?)0+(?=$|\+)", r".\1", str(value)).replace("+00:00", "+00")
    if isinstance(value, date | Decimal):
        return str(value)
    if isinstance(value, float) and value != meant:
        # A real has as many digits as are needed to tell it apart.
        return meant if struct.pack("f", value) == struct.pack("f", meant) else value
    return json.loads(value) if isinstance(value, str) and not isinstance(meant, str) else value


def rows_in(port: int, bucket: str) -> list[Event]:
    files = s3_files(port)
    found = files.get_file_info(pyarrow.fs.FileSelector(bucket, recursive=True))
    names = sorted(one.path for one in found if one.type is pyarrow.fs.FileType.File)
    return [row for name in names for row in parquet.read_table(name, filesystem=files).to_pylist()]


def test_postgres_has_every_type_as_the_source_has_it(every: Every, ledger: Ledger, target_dsn: str) -> None:
    every.execute("alter table every replica identity full")
    flow(ledger, every, "postgres", dsn=target_dsn)
    assert every.printed(target_dsn) == every.printed()
