"""Opening and migrating the ledger."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, text

from supersync_core.errors import ConfigError, Contention, Unavailable
from supersync_core.ledger import (  # noqa: F401  (their tables belong to the metadata)
    api_tables,
    cdc_tables,
    channel_tables,
    check_tables,
    historical_tables,
    lineage_tables,
    openlineage_tables,
    perimeter_tables,
    tables,
)
from supersync_core.ledger.base import SCHEMA, Base
from supersync_core.ledger.database import (
    Ledger,
    SchemaState,
    _alembic,
    known_revisions,
    migrate,
    open_ledger,
    schema_state,
    translated_errors,
)

ROOT = Path(__file__).parents[3]
MIGRATE = "import sys; from supersync_core.ledger.database import migrate; migrate(sys.argv[1])"

CATALOG = {
    "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'supersync'::regnamespace AND conrelid::regclass::text <> 'supersync.alembic_version'",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes"
    " WHERE schemaname = 'supersync' AND tablename <> 'alembic_version'",
    "columns": "SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity"
    " FROM information_schema.columns WHERE table_schema = 'supersync' AND table_name <> 'alembic_version'",
}


def execute(url: str, *statements: str) -> None:
    ledger = open_ledger(url)
    with ledger.begin() as session:
        for statement in statements:
            session.execute(text(statement))
    ledger.dispose()


def test_models_and_migrations_agree_for_alembic(ledger: Ledger) -> None:
    options = {
        "include_schemas": True,
        "include_name": lambda name, kind, parents: name == SCHEMA if kind == "schema" else name != "alembic_version",
        "compare_server_default": True,
    }
    with ledger.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []


@pytest.mark.parametrize("kind", CATALOG)
def test_models_and_migrations_agree_for_postgresql(database_url: str, empty_database_url: str, kind: str) -> None:
    def found(engine: Engine) -> set[Any]:
        with engine.connect() as connection:
            return {tuple(row) for row in connection.execute(text(CATALOG[kind]))}

    execute(empty_database_url, "CREATE SCHEMA supersync")
    engines = [create_engine(database_url), create_engine(empty_database_url)]
    Base.metadata.create_all(engines[1])
    assert found(engines[0]) == found(engines[1])
    for engine in engines:
        engine.dispose()


def test_two_processes_that_migrate_at_once_both_succeed(empty_database_url: str) -> None:
    starts = [subprocess.Popen([sys.executable, "-c", MIGRATE, empty_database_url], cwd=ROOT) for _ in range(3)]
    assert [process.wait() for process in starts] == [0, 0, 0]
    assert schema_state(empty_database_url) is SchemaState.CURRENT


def test_migrating_what_is_current_changes_nothing(ledger: Ledger) -> None:
    migrate(ledger.url)
    assert schema_state(ledger.url) is SchemaState.CURRENT


def test_the_files_of_migrations_are_named_by_their_revisions() -> None:
    scripts = ScriptDirectory.from_config(_alembic())
    assert known_revisions() == sorted(script.revision for script in scripts.walk_revisions())
    assert known_revisions()[-1] == scripts.get_current_head()


def test_downgrading_leaves_nothing_behind(ledger: Ledger) -> None:
    config = _alembic()
    with ledger.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        left = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'supersync'")).all()
    assert left == ["alembic_version"]


def test_an_empty_database_is_said_to_be_empty(empty_database_url: str) -> None:
    assert schema_state(empty_database_url) is SchemaState.EMPTY


def test_a_ledger_that_a_newer_version_has_migrated_is_not_touched(database_url: str) -> None:
    execute(database_url, "UPDATE supersync.alembic_version SET version_num = '9999'")
    assert schema_state(database_url) is SchemaState.AHEAD
    with pytest.raises(ConfigError, match="newer than this supersync"):
        migrate(database_url)


def test_a_ledger_whose_migration_was_undone_is_empty(database_url: str) -> None:
    execute(database_url, "DELETE FROM supersync.alembic_version")
    assert schema_state(database_url) is SchemaState.EMPTY


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_every_postgresql_url_names_the_driver_once_it_is_open(scheme: str) -> None:
    assert open_ledger(f"{scheme}://u:p@h:1/d?sslmode=require").url == "postgresql+psycopg2://u:p@h:1/d?sslmode=require"


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("sqlite:///ledger.db", id="another database"),
        pytest.param("postgresql+asyncpg://u:canary@h/d", id="another driver"),
        pytest.param("host=h password=canary", id="libpq keywords"),
        pytest.param("", id="empty"),
        pytest.param("postgresql://u:canary@h:port/d", id="a port that is no number"),
        pytest.param("postgresql://u:p@canary/x@h/d", id="a password that is not escaped"),
        pytest.param("postgresql://u:p@canary@h/d", id="a password with an unescaped at sign"),
    ],
)
def test_other_urls_are_refused_without_repeating_a_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_ledger(url)
    assert "canary" not in str(caught.value)


def test_a_ledger_shows_its_address_without_the_password() -> None:
    assert repr(open_ledger("postgresql://u:canary@h/d")) == "Ledger(postgresql+psycopg2://u:***@h/d)"


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    ledger = open_ledger(f"postgresql:///d?host={tmp_path}")
    with pytest.raises(Unavailable, match="cannot be reached"), ledger.begin() as session:
        session.execute(text("SELECT 1"))


def test_a_connection_that_the_server_ends_is_unavailable_and_the_next_one_works(ledger: Ledger) -> None:
    with pytest.raises(Unavailable), ledger.begin() as session:
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    with ledger.begin() as session:
        assert session.scalar(text("SELECT 1")) == 1


def test_idle_connections_that_the_server_has_ended_are_replaced(ledger: Ledger) -> None:
    other = open_ledger(ledger.url)
    own = text("SELECT pg_backend_pid()")
    with other.begin() as one, other.begin() as two:
        ended = {one.scalar(own), two.scalar(own)}
    with ledger.begin() as session:
        session.execute(text("SELECT pg_terminate_backend(pid, 5000) FROM unnest(:ended) pid"), {"ended": list(ended)})
    with other.begin() as one, other.begin() as two:
        assert ended.isdisjoint({one.scalar(own), two.scalar(own)})
    other.dispose()


def test_a_lock_that_is_not_granted_in_time_is_contention(ledger: Ledger) -> None:
    with ledger.begin() as one, pytest.raises(Contention), ledger.begin() as other:
        one.execute(text("LOCK TABLE supersync.pipelines"))
        other.execute(text("SET LOCAL lock_timeout = '1ms'"))
        other.execute(text("LOCK TABLE supersync.pipelines"))


def test_a_serialization_failure_is_contention(ledger: Ledger) -> None:
    execute(ledger.url, "CREATE TABLE t AS SELECT 1 AS x")
    with pytest.raises(Contention), ledger.begin() as one:
        one.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        one.execute(text("SELECT * FROM t"))
        execute(ledger.url, "UPDATE t SET x = 2")
        one.execute(text("UPDATE t SET x = 3"))


def test_a_reference_to_what_another_has_just_deleted_is_contention(ledger: Ledger) -> None:
    new = "INSERT INTO supersync.checkpoints (pipeline_id, position, updated_at) VALUES (7, '{}', now())"
    with pytest.raises(Contention), ledger.begin() as session:
        session.execute(text(new))


def test_a_ledger_whose_connections_are_all_in_use_is_unavailable(ledger: Ledger) -> None:
    ledger.engine = create_engine(ledger.url, pool_size=1, max_overflow=0, pool_timeout=0.01)
    held = ledger.engine.connect()
    with pytest.raises(Unavailable, match="busy"), translated_errors():
        ledger.engine.connect()
    held.close()
    ledger.engine.dispose()
