"""MariaDB's log as a scene of the suite of change sources."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from unittest.mock import patch

import pymysql

from supersync_core.connectors.changes import ChangeSource, SourceContext
from supersync_core.connectors.mysql import ChangeSourceConfig, build_change_source, log_server
from tests import mariadb
from tests.conformance.scenes import ITEMS, OTHERS, Options, Told, until


class MysqlScene:
    backslash = "\\\\"

    def __init__(self, url: str) -> None:
        self.url, self.schema = url, url.rpartition("/")[2]
        self.told: Told = []
        self._opened: list[ChangeSource] = []
        self.execute(ITEMS)
        self.execute(OTHERS)

    def source(self, **options: Any) -> ChangeSource:
        return self.build(self.url, Options(**options))

    def build(self, url: str, wanted: Options) -> ChangeSource:
        if wanted.silence_s is not None:
            self.execute(f"set global net_write_timeout = {wanted.silence_s:d}")
        values = {
            "id": "my",
            "dsn": url,
            "tables": wanted.tables,
            "snapshot": wanted.snapshot,
            "on_schema_drift": wanted.drift,
        }
        context = SourceContext("orders", "acme", lambda table, position: self.told.append((table, position)))
        source = build_change_source(ChangeSourceConfig.model_validate(values), context)
        self._opened.append(source)
        return source

    def execute(self, *statements: str) -> None:
        with closing(mariadb.connect(self.url, autocommit=False)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            connection.commit()

    def ask(self, query: str) -> list[Any]:
        with closing(mariadb.connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def rows(self, table: str = "items") -> dict[Any, dict[str, Any]]:
        return {id_: {"id": id_, "name": name} for id_, name in self.ask(f"select id, name from {table}")}

    def lose_log(self) -> None:
        self.execute("flush binary logs")
        *_, (last, *_) = self.ask("show binary logs")

        def purged() -> bool:
            # A file stays while somebody reads it, and until all in it is in the tables for good.
            self.execute(f"purge binary logs to '{last}'")
            return bool(self.ask("show binary logs")[0][0] == last)

        until(purged)

    def elsewhere(self) -> ChangeSource:
        """The same server, under another name."""
        source = self.source()
        with_name = patch.object(log_server, "identity", lambda known: "somebody else")
        open_ = source.open

        def opened(after: Any) -> Any:
            with with_name:
                return open_(after)

        source.open = opened  # type: ignore[method-assign]
        return source

    def unreachable(self) -> ChangeSource:
        return self.build("mysql://somebody@127.0.0.1:1/nothing", Options())

    def with_wrong_password(self) -> ChangeSource:
        return self.build(self.url.replace("root@", "root:wrong@"), Options())

    def kill_connections(self) -> None:
        with closing(mariadb.connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute(
                "select id from information_schema.processlist where db = database() or command = 'Binlog Dump'"
            )
            for (number,) in cursor.fetchall():
                if number != connection.thread_id():
                    try:
                        cursor.execute(f"kill {number:d}")
                    except pymysql.OperationalError as gone:
                        assert gone.args[0] == 1094  # no such thread: it has just ended

    def traces(self) -> list[str]:
        return []

    def close(self) -> None:
        for source in self._opened:
            source.close()
        self.execute("set global net_write_timeout = default")


@contextmanager
def mysql_scene(url: str) -> Iterator[MysqlScene]:
    scene = MysqlScene(url)
    try:
        yield scene
    finally:
        scene.close()
