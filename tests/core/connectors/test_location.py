"""Where a connection leads, as others would name it."""

import pytest

from supersync_core.connectors.config import ConnectorConfig, Location
from supersync_core.connectors.memory.config import Config as Memory
from supersync_core.connectors.mysql.config import Config as Mysql
from supersync_core.connectors.postgres.config import Config as Postgres
from supersync_core.connectors.redshift.config import Config as Redshift
from supersync_core.errors import ConfigError


def postgres(dsn: str) -> Postgres:
    return Postgres.model_validate({"dsn": dsn})


@pytest.mark.parametrize(
    ("connection", "location"),
    [
        (postgres("postgresql://me:hunter2@db:5433/shop"), ("db", 5433, "shop")),
        (postgres("postgresql+psycopg2://me@db/shop"), ("db", 5432, "shop")),
        (postgres("host=a,b port=1,2 dbname=shop"), ("a", 1, "shop")),
        (postgres("postgresql:///shop?host=/run/pg"), ("localhost", 5432, "shop")),
        (postgres("postgresql://me@[::1]:5/shop"), ("[::1]", 5, "shop")),
        (postgres("postgresql://me@db"), ("db", 5432, "me")),
        (Redshift.model_validate({"dsn": "redshift://me:hunter2@cluster/dev"}), ("cluster", 5439, "dev")),
        (Mysql.model_validate({"url": "mysql://me:hunter2@db/shop"}), ("db", 3306, "shop")),
        (Mysql.model_validate({"url": "mysql://me@db:1"}), ("db", 1, "")),
    ],
)
def test_a_connection_leads_to_a_server_and_a_database(
    connection: ConnectorConfig, location: tuple[str, int, str]
) -> None:
    assert connection.location() == Location(*location)


def test_memory_leads_nowhere_by_name() -> None:
    assert Memory().location() is None


def test_a_dsn_that_cannot_be_read_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as raised:
        postgres("postgresql://me:x/hunter2@db/shop").location()
    assert "hunter2" not in str(raised.value)
