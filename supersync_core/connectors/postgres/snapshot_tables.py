"""Tables that are read within a snapshot, each kept as it is meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg2 import sql

from supersync_core.connectors.postgres.change_catalog import Described, Published
from supersync_core.connectors.postgres.connection import Session
from supersync_core.connectors.postgres.relations import Relation
from supersync_core.errors import NotFound, Unavailable


@dataclass(frozen=True)
class ReadTable:
    """A table that is read. `key`: places of the primary key's columns among the columns; empty without one."""

    published: Published
    described: Described
    relation: Relation
    key: tuple[int, ...]

    @property
    def name(self) -> str:
        """With its schema, as it is told."""
        return self.described.table.full_name

    @property
    def source(self) -> sql.Composable:
        """What to read from: a partitioned table with its parts, any other one without what inherits from it."""
        name = sql.Identifier(self.published.schema, self.published.name)
        return name if self.published.is_partitioned else sql.SQL("only {}").format(name)

    def compared(self, key: tuple[str, ...]) -> tuple[sql.Composable, sql.Composable]:
        """The columns of the key, and a key's texts as values of their types, as rows that can be compared."""
        columns = [self.described.table.columns[place] for place in self.key]
        names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
        values = sql.SQL(", ").join(
            sql.SQL("{}::{}").format(sql.Literal(text), sql.SQL(column.type))
            for text, column in zip(key, columns, strict=True)
        )
        return sql.SQL("({})").format(names), sql.SQL("({})").format(values)


@contextmanager
def locked(session: Session, table: ReadTable) -> Iterator[None]:
    """Keep a table as it is while it is read. Raises Unavailable when it is not that of the snapshot any more.

    One table after the other: who keeps several becomes part of deadlocks, and the server then ends somebody's
    transaction.
    """
    session.execute("savepoint one_table")
    with unchanged(table):
        session.execute(sql.SQL("lock table {} in access share mode").format(table.source))
    # Its file, as the snapshot and as the server has it: a table that was written anew looks empty to older snapshots.
    other = session.execute(
        "select 1 from pg_class where (oid = %(oid)s or oid in (select relid from pg_partition_tree(%(oid)s)))"
        " and relfilenode <> 0 and relfilenode is distinct from pg_relation_filenode(oid) limit 1",
        {"oid": table.published.oid},
    ).fetchone()
    if other is not None:
        raise Unavailable(f"{table.name} was truncated or written anew after the snapshot was taken")
    yield
    session.execute("rollback to savepoint one_table; release savepoint one_table")


@contextmanager
def unchanged(table: ReadTable) -> Iterator[None]:
    """What is not there any more was there when the snapshot was taken."""
    try:
        yield
    except NotFound as gone:
        raise Unavailable(f"{table.name} was changed while it was read: {gone}") from gone
