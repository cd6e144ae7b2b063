"""The proof: the same fingerprint of every table, computed by each database over its own rows."""

from dataclasses import dataclass

from psycopg2 import extensions
from psycopg2.sql import SQL, Composed, Identifier

from demo.data import TABLES, Table, connected
from supersync_core.domain.table_sync import DELETED_AT


@dataclass(frozen=True)
class Fingerprint:
    """Columns with their types, rows, and a checksum over every value. `marked`: rows kept, and marked as deleted."""

    columns: tuple[tuple[str, str], ...]
    rows: int
    checksum: str
    marked: int

    def equals(self, other: "Fingerprint") -> bool:
        """Whether columns, types and live rows are the same."""
        return (self.columns, self.rows, self.checksum) == (other.columns, other.rows, other.checksum)


def fingerprints(dsn: str) -> dict[str, Fingerprint]:
    """The fingerprint of each table of the demo; a table that is not there has no columns and no rows."""
    with connected(dsn) as link, link.cursor() as cursor:
        return {table.name: _fingerprint(cursor, table) for table in TABLES}


def _fingerprint(cursor: extensions.cursor, table: Table) -> Fingerprint:
    cursor.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attname",
        (table.name,),
    )
    found = dict(cursor.fetchall())
    marks = found.pop(DELETED_AT, None) is not None
    if not found:
        return Fingerprint((), 0, "", 0)
    cursor.execute(_checksum(table, list(found), marks))
    rows, checksum, marked = cursor.fetchone() or (0, "", 0)
    return Fingerprint(tuple(found.items()), rows, checksum, marked)


def _checksum(table: Table, columns: list[str], marks: bool) -> Composed:
    """Live rows, the sum of the 64-bit hashes of their text in whatever order, and rows marked as deleted."""
    dead = SQL("{} is not null").format(Identifier(DELETED_AT)) if marks else SQL("false")
    return SQL(
        "select count(*) filter (where not dead), sum(hashtextextended(line, 0)) filter (where not dead)::text,"
        " count(*) filter (where dead) from (select {dead} as dead, row({columns})::text as line from {table}) t"
    ).format(
        columns=SQL(", ").join(map(Identifier, columns)),
        dead=dead,
        table=Identifier(table.name),
    )
