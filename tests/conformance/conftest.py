"""One system per connector, each with an empty database of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from supersync_core.connectors.postgres.table_source import PostgresTableSource
from supersync_core.connectors.redshift.table_source import RedshiftTableSource
from tests.conformance.change_places import (
    HttpPlace,
    KafkaPlace,
    MemoryPlace,
    NatsPlace,
    Place,
    RedisPlace,
    Remote,
)
from tests.conformance.change_stores import ClickhousePlace, DirectoryPlace, PostgresPlace, S3Place
from tests.conformance.mysql_scene import mysql_scene
from tests.conformance.scenes import KeepingScene, Scene, postgres_scene
from tests.conformance.systems import MemorySystem, MysqlSystem, PostgresSystem, Server, System
from tests.conformance.targets import MemoryTarget, PostgresTarget, Target
from tests.listener import Listener, listener
from tests.mariadb import binlog_server, mariadb_server, mysql_url
from tests.mariadb import new_database as new_mysql_database
from tests.proxy import Proxy, proxy_to
from tests.servers import (
    kafka_cluster,
    kafka_process,
    nats_client,
    nats_port,
    redis_client,
    redis_port,
    s3_bucket,
    s3_port,
)

__all__ = [
    "binlog_server",
    "kafka_cluster",
    "kafka_process",
    "mariadb_server",
    "mysql_url",
    "nats_client",
    "nats_port",
    "redis_client",
    "redis_port",
    "s3_bucket",
    "s3_port",
]  # fixtures


@pytest.fixture
def make_system(request: pytest.FixtureRequest) -> Callable[[str], System]:
    def make(kind: str) -> System:
        if kind == "memory":
            return MemorySystem()
        if kind == "mysql":
            return MysqlSystem(request.getfixturevalue("mysql_url"))
        dsn = request.getfixturevalue("source_dsn")
        return PostgresSystem(dsn, PostgresTableSource if kind == "postgres" else RedshiftTableSource)

    return make


SERVERS = ["postgres", "redshift", "mysql"]


@pytest.fixture(params=["memory", *SERVERS])
def system(request: pytest.FixtureRequest, make_system: Callable[[str], System]) -> System:
    """Every connector that can be read; Redshift's runs against PostgreSQL."""
    return make_system(request.param)


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, make_system: Callable[[str], Server]) -> Server:
    """Those of them that are servers."""
    return make_system(request.param)


@pytest.fixture(params=["memory", "postgres"])
def target(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Target:
    if request.param == "memory":
        return MemoryTarget()
    monkeypatch.setattr(import_module("supersync_core.connectors.postgres.table_sink"), "PATIENCE", "200ms")
    return PostgresTarget(request.getfixturevalue("target_dsn"))


REMOTES = ["redis", "nats", "http", "kafka", "s3", "clickhouse", "postgres"]


@pytest.fixture
def line_to(request: pytest.FixtureRequest) -> Iterator[Callable[[int | str], Proxy]]:
    """Make a proxy to a port or a socket."""
    with ExitStack() as lines:
        yield lambda upstream: lines.enter_context(proxy_to(upstream))


@pytest.fixture
def http_server() -> Iterator[Listener]:
    with listener() as server:
        yield server


@pytest.fixture
def make_remote(request: pytest.FixtureRequest, line_to: Callable[[int | str], Proxy]) -> Callable[[str], Remote]:
    def value(name: str) -> Any:
        return request.getfixturevalue(name)

    def postgres() -> Remote:
        dsn = value("target_dsn")
        where = psycopg2.extensions.parse_dsn(dsn)
        return PostgresPlace(dsn, line_to(f"{where['host']}/.s.PGSQL.{where.get('port', 5432)}"))

    makers: dict[str, Callable[[], Remote]] = {
        "clickhouse": lambda: ClickhousePlace(value("http_server"), line_to(value("http_server").port)),
        "http": lambda: HttpPlace(value("http_server"), line_to(value("http_server").port)),
        "kafka": lambda: KafkaPlace(value("kafka_cluster")),
        "nats": lambda: NatsPlace(value("nats_client"), line_to(value("nats_port"))),
        "postgres": postgres,
        "redis": lambda: RedisPlace(value("redis_client"), line_to(value("redis_port"))),
        "s3": lambda: S3Place(value("s3_bucket"), value("s3_port"), line_to(value("s3_port"))),
    }
    return lambda kind: makers[kind]()


@pytest.fixture(params=["memory", "directory", *REMOTES])
def place(request: pytest.FixtureRequest, make_remote: Callable[[str], Remote], tmp_path: Path) -> Place:
    """Every connector that takes changes."""
    if request.param == "directory":
        return DirectoryPlace(tmp_path)
    return MemoryPlace() if request.param == "memory" else make_remote(request.param)


@pytest.fixture(params=REMOTES)
def remote(request: pytest.FixtureRequest, make_remote: Callable[[str], Remote]) -> Remote:
    """Those of them that are servers."""
    return make_remote(request.param)


KEEPING_SCENES = ["postgres", "postgres, encrypted"]
SCENES = [*KEEPING_SCENES, "mysql"]


@pytest.fixture
def make_scene(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> Iterator[Callable[[str], Any]]:
    with ExitStack() as opened:

        def make(kind: str) -> Scene:
            if kind == "mysql":
                url = opened.enter_context(new_mysql_database(request.getfixturevalue("binlog_server")))
                return opened.enter_context(mysql_scene(url))
            dsn, other = (new_database("template0").replace("+psycopg2", "") for _ in range(2))
            return opened.enter_context(postgres_scene(dsn, other, encrypted="encrypted" in kind))

        yield make


@pytest.fixture(params=SCENES)
def scene(request: pytest.FixtureRequest, make_scene: Callable[[str], Scene]) -> Scene:
    """Every connector that has a log of changes."""
    return make_scene(request.param)


@pytest.fixture(params=KEEPING_SCENES)
def keeping_scene(request: pytest.FixtureRequest, make_scene: Callable[[str], KeepingScene]) -> KeepingScene:
    """Those of them whose server is told what it need not keep."""
    return make_scene(request.param)
