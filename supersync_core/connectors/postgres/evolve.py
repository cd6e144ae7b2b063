"""Changing a target: the pure rule's changes as ALTER statements."""

from collections.abc import Sequence

from psycopg2 import sql

from supersync_core.connectors.postgres.connection import Session
from supersync_core.connectors.postgres.merge import relation
from supersync_core.domain.evolution import AddColumn, AddEnumLabel, Change, DropNotNull, WidenColumn
from supersync_core.domain.table import Column, TableName, TableSchema
from supersync_core.domain.table_sync import DELETED_AT


def create_enums(session: Session, columns: Sequence[Column]) -> None:
    """Create the enum types that the columns need and the target lacks, with the source's labels and name."""
    for column in columns:
        name = column.type.removesuffix("[]")
        if column.enum and _missing(session, name):
            if "." in name:
                # The catalogs print a user type with its schema, quoted where needed.
                row = session.execute("select (parse_ident(%s))[1]", (name,)).fetchone()
                assert row is not None
                session.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(row[0])))
            labels = sql.SQL(", ").join(map(sql.Literal, column.enum))
            session.execute(sql.SQL("create type {} as enum ({})").format(sql.SQL(name), labels))


def apply_changes(session: Session, dsn: str, table: TableName, target: TableSchema, wanted: Sequence[Change]) -> None:
    """Alter `table` within the session's transaction; enum labels, which must be committed before use, go first."""
    labels = [change for change in wanted if isinstance(change, AddEnumLabel)]
    if labels:
        _add_labels(dsn, target, labels)
    create_enums(session, [change.column for change in wanted if isinstance(change, AddColumn)])
    clauses = [clause for change in wanted if (clause := _clause(change))]
    if clauses:
        session.execute(sql.SQL("alter table {} {}").format(relation(table), sql.SQL(", ").join(clauses)))


def ensure_deleted_at(session: Session, table: TableName, target: TableSchema) -> None:
    """Add the column that marks deleted rows, if it is not there."""
    if DELETED_AT not in target:
        session.execute(
            sql.SQL("alter table {} add column {} timestamptz").format(relation(table), sql.Identifier(DELETED_AT))
        )


def _clause(change: Change) -> sql.Composable | None:
    match change:
        case AddColumn(column):
            return sql.SQL("add column {} {}").format(sql.Identifier(column.name), sql.SQL(column.type))
        case WidenColumn(name, type_name):
            return sql.SQL("alter column {} type {}").format(sql.Identifier(name), sql.SQL(type_name))
        case DropNotNull(name):
            return sql.SQL("alter column {} drop not null").format(sql.Identifier(name))
        case AddEnumLabel():
            return None


def _add_labels(dsn: str, target: TableSchema, labels: Sequence[AddEnumLabel]) -> None:
    """On a connection of their own: a label cannot be used in the transaction that adds it."""
    session = Session(dsn, "supersync enum labels")
    try:
        for change in labels:
            type_name = sql.SQL(target[change.name].type.removesuffix("[]"))
            place = (
                sql.SQL(" before {}").format(sql.Literal(change.before)) if change.before is not None else sql.SQL("")
            )
            session.execute(
                sql.SQL("alter type {} add value if not exists {}{}").format(
                    type_name, sql.Literal(change.label), place
                )
            )
    finally:
        session.close()


def _missing(session: Session, type_name: str) -> bool:
    row = session.execute("select to_regtype(%s) is null", (type_name,)).fetchone()
    return bool(row and row[0])
