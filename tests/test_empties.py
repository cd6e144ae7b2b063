"""What one test leaves in a database, the next one does not find."""

from collections.abc import Callable

import pytest
from sqlalchemy import create_engine, make_url, text

from tests.empties import Empties

CATALOGS = """
    SELECT string_agg(format('SELECT %L, count(*) FROM %1$s', oid::regclass), ' UNION ALL ') FROM pg_class
    WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' AND NOT relisshared
      AND relname NOT IN ('pg_statistic', 'pg_depend', 'pg_description', 'pg_init_privs', 'pg_namespace')
"""
SCHEMAS = r"SELECT 'schemas', count(*) FROM pg_namespace WHERE nspname NOT LIKE 'pg\_%'"


def look(url: str) -> dict[str, int]:
    """How much there is in each catalogue, but for what is told about things that PostgreSQL has made itself."""
    engine = create_engine(url)
    with engine.connect() as connection:
        catalogs = connection.execute(text(CATALOGS)).scalar_one()
        rows = connection.execute(text(f"{catalogs} UNION ALL {SCHEMAS}")).all()
    engine.dispose()
    return {name: number for name, number in rows}


def leave(url: str, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement.format(database=make_url(url).database)))
    engine.dispose()


@pytest.mark.parametrize(
    ("statement", "is_kept"),
    [
        ("create table t (id int primary key, note text)", True),
        ('create schema "per%cent"; create type "per%cent".mood as enum (\'fine\')', True),
        ("create function f() returns int language sql as 'select 1'", True),
        ("drop schema public", True),
        ("create publication p for all tables", False),
        ("alter database {database} set work_mem = '1MB'", False),
        ("alter database {database} connection limit 5", False),
        ("grant connect on database {database} to pg_monitor", False),
        ("revoke execute on function pg_catalog.now() from public", False),
        ("grant select on pg_catalog.pg_authid to pg_monitor", False),
        ("select lo_create(0)", False),
        ("drop extension plpgsql", False),
        ("alter default privileges grant select on tables to public", False),
    ],
)
def test_the_next_one_is_as_new(
    empties: Empties, new_database: Callable[[str], str], statement: str, is_kept: bool
) -> None:
    url = empties.take()
    leave(url, statement)
    empties.give_back(url)
    again = empties.take()
    assert (again == url) == is_kept
    assert look(again) == look(new_database("template0"))
    empties.give_back(again)
