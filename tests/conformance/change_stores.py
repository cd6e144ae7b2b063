"""The systems that the suite of change sinks writes rows and files to, and how to look at what has come there."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import psycopg2
from pyarrow import fs, parquet

from supersync_core.connectors.changes import ChangeSink
from supersync_core.connectors.clickhouse import build_change_sink as clickhouse_sink
from supersync_core.connectors.clickhouse.change_config import ChangeSinkConfig as ClickhouseConfig
from supersync_core.connectors.postgres import build_change_sink as postgres_sink
from supersync_core.connectors.postgres.change_sink_config import ChangeSinkConfig as PostgresConfig
from supersync_core.connectors.s3 import build_change_sink as s3_sink
from supersync_core.connectors.s3.change_config import ChangeSinkConfig as S3Config
from supersync_core.domain.change import Change, Values
from tests.changes import CONTEXT, Unreadable, order, orders, replaced
from tests.clickhouse import Clickhouse
from tests.conformance.change_places import Event, MessagePlace
from tests.kept import transaction
from tests.listener import Listener
from tests.proxy import Proxy
from tests.servers import s3_files


class DirectoryPlace(MessagePlace):
    """Files of Parquet in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def sink(self, patience_s: float = 30) -> ChangeSink:
        return s3_sink(S3Config(id="s", bucket=str(self.directory), local=True), CONTEXT)

    def rows(self) -> list[Event]:
        files = sorted(self.directory.rglob("*.parquet"), key=lambda path: path.name)
        return [row for file in files for row in parquet.ParquetFile(file).read().to_pylist()]

    def orders(self) -> list[Event]:
        return [order(row["after_id"], row["after_name"], str(row["after_amount"])) for row in self.rows()]

    def event_ids(self) -> list[str]:
        return [row["event_id"] for row in self.rows()]


class S3Place(MessagePlace):
    """Files of lines in a bucket."""

    def __init__(self, bucket: str, port: int, line: Proxy) -> None:
        super().__init__(line)
        self.bucket, self.files, self.port = bucket, s3_files(port), line.port

    def sink(self, patience_s: float = 30) -> ChangeSink:
        config = S3Config(
            id="s",
            bucket=self.bucket,
            endpoint=f"http://127.0.0.1:{self.port}",
            access_key_id="a",
            secret_access_key="b",
            format="jsonl",
            send_timeout_secs=patience_s,
        )
        return s3_sink(config, CONTEXT)

    def payloads(self) -> Sequence[bytes]:
        found = self.files.get_file_info(fs.FileSelector(self.bucket, recursive=True))
        files = sorted((info for info in found if info.is_file), key=lambda info: info.base_name)
        contents = [self.files.open_input_stream(info.path, compression=None).readall() for info in files]
        return [line for content in contents for line in gzip.decompress(content).splitlines()]


class ClickhousePlace:
    """Something that speaks like ClickHouse's HTTP interface: see `tests/clickhouse.py`."""

    once, keeps_history, poison_kind = False, True, "serialization"

    def __init__(self, server: Listener, line: Proxy) -> None:
        self.line, self.port = line, line.port
        self.fake = Clickhouse()
        server.answer = self.fake.answer

    def sink(self, patience_s: float = 30) -> ChangeSink:
        config = ClickhouseConfig(
            id="c",
            url=f"http://127.0.0.1:{self.port}",
            database="lake",
            table="${source.table}",
            send_timeout_secs=patience_s,
        )
        return clickhouse_sink(config, CONTEXT)

    def poison(self, change: Change) -> Change:
        return replaced(change, Unreadable())

    def orders(self) -> list[Event]:
        rows = self.fake.rows.get("`lake`.`orders`", [])
        return [{name: value for name, value in row.items() if name[0] != "_"} for row in rows]

    def event_ids(self) -> list[str]:
        """It keeps none; the order of the rows says as much here."""
        names = {row["id"]: row for row in self.orders()}
        events = {change.key()["id"]: change.event_id for change in orders(*names).changes}
        return [events[row["id"]] for row in self.orders()]


class PostgresPlace:
    """Where changes are applied: the poison is a number that the target's column cannot hold."""

    once, keeps_history, poison_kind = True, False, "serialization"

    def __init__(self, dsn: str, line: Proxy) -> None:
        self.dsn, self.line = dsn, line

    def sink(self, patience_s: float = 30) -> ChangeSink:
        dsn = psycopg2.extensions.make_dsn(self.dsn, host="127.0.0.1", port=self.line.port)
        return postgres_sink(PostgresConfig(id="p", dsn=dsn, batch_timeout_secs=patience_s), CONTEXT)

    def poison(self, change: Change) -> Change:
        return replaced(change, Values(order(change.key()["id"], amount="much")))

    def orders(self) -> list[Event]:
        with transaction(self.dsn) as cursor:
            cursor.execute("select to_regclass('public.orders') is not null")
            if cursor.fetchone() != (True,):
                return []
            cursor.execute("select id, name, amount::text from orders order by id")
            return [dict(zip(("id", "name", "amount"), row, strict=True)) for row in cursor.fetchall()]

    def event_ids(self) -> list[str]:
        return []
