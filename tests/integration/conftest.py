"""Servers beside PostgreSQL, and a PostgreSQL whose log is read."""

from collections.abc import Callable, Iterator

import psycopg2
import pytest

from tests.conformance.scenes import PostgresScene, postgres_scene
from tests.mariadb import mariadb_server, mysql_url

__all__ = ["mariadb_server", "mysql_url"]  # fixtures


@pytest.fixture
def scene(new_database: Callable[[str], str]) -> Iterator[PostgresScene]:
    dsn, other = (new_database("template0").replace("+psycopg2", "") for _ in range(2))
    with postgres_scene(dsn, other) as opened:
        yield opened


@pytest.fixture
def reader(scene: PostgresScene) -> Iterator[str]:
    """The DSN of somebody who may read the log and the tables, and nothing else."""
    name = f"reader_{scene.database}"
    scene.execute(f"create role {name} login replication", f"grant select on all tables in schema public to {name}")
    yield psycopg2.extensions.make_dsn(scene.dsn, user=name)
    scene.close()
    scene.execute(f"drop owned by {name}", f"drop role {name}")
