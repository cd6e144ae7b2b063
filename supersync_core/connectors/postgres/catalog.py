"""What PostgreSQL's catalogs say about tables, as our values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from supersync_core.connectors.postgres.connection import Session
from supersync_core.domain.table import Column, TableName, TableSchema

# Types below 16384 are PostgreSQL's own and have the same number everywhere. The reg* family is a number of *this*
# server, so its binary form means nothing elsewhere. Arrays and composites of user types carry such numbers inside.
# A small sync waits longer for the plan than for the answer, and what costs most there is each further table of a join:
# so the schema's number is asked for by itself, and labels only where there are some.
_COLUMNS = """
select wanted.schema, c.relname, c.oid, c.relkind, a.attname,
       format_type(coalesce(nullif(t.typbasetype, 0), t.oid),
                   case t.typtype when 'd' then t.typtypmod else a.atttypmod end),
       not a.attnotnull,
       case when t.typtype in ('d', 'e') or t.typelem <> 0 then
         (select array_agg(l.enumlabel::text order by l.enumsortorder) from pg_enum l
           where l.enumtypid in (t.oid, t.typelem, t.typbasetype)) end,
       coalesce(nullif(t.typbasetype, 0), t.oid) < 16384 and t.typname not like 'reg%%' or t.typtype = 'e',
       array_position(i.indkey::int2[], a.attnum)
  from unnest(%s::text[], %s::text[]) wanted (schema, name)
  join pg_class c on c.relnamespace = (select oid from pg_namespace where nspname = wanted.schema)
                 and c.relname = wanted.name and c.relkind in ('r', 'p', 'v', 'm', 'f')
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
  left join pg_index i on i.indrelid = c.oid and i.indisprimary
 order by c.oid, a.attnum
"""


@dataclass(frozen=True)
class Described:
    """A relation: its schema, its number in this database, and its kind as `pg_class.relkind` has it."""

    schema: TableSchema
    oid: int
    kind: str


def describe_tables(session: Session, tables: Iterable[TableName]) -> dict[TableName, Described]:
    """Those tables and views that exist, in one query.

    `search_path` must be empty, so that names of user types come out with their schema.
    """
    wanted = list(tables)
    rows = session.execute(_COLUMNS, ([t.schema for t in wanted], [t.name for t in wanted])).fetchall()
    found: dict[tuple[TableName, int, str], list[tuple[Any, ...]]] = {}
    for schema, name, oid, kind, *column in rows:
        found.setdefault((TableName(schema, name), oid, kind), []).append(tuple(column))
    return {table: Described(_schema(columns), oid, kind) for (table, oid, kind), columns in found.items()}


def _schema(rows: Sequence[tuple[Any, ...]]) -> TableSchema:
    columns = tuple(
        Column(name, type_name, nullable, tuple(labels or ()), portable)
        for name, type_name, nullable, labels, portable, _ in rows
    )
    key = sorted((position, name) for name, *_, position in rows if position is not None)
    return TableSchema(columns, tuple(name for _, name in key))


def describe_result(session: Session, description: Sequence[Any]) -> TableSchema:
    """The schema of a query's result from its cursor description.

    Lengths of text are not known for results; precision and scale of numeric are.
    """
    # A type modifier of numeric is (precision << 16 | scale) + 4.
    modifiers = [(c.precision << 16 | c.scale) + 4 if c.precision and c.scale is not None else -1 for c in description]
    rows = session.execute(
        """
        select format_type(coalesce(nullif(t.typbasetype, 0), t.oid),
                           case t.oid when 1700 then wanted.modifier else -1 end),
               (select array_agg(l.enumlabel::text order by l.enumsortorder) from pg_enum l
                 where l.enumtypid in (t.oid, t.typelem, t.typbasetype)),
               coalesce(nullif(t.typbasetype, 0), t.oid) < 16384 and t.typname not like 'reg%%' or t.typtype = 'e'
          from unnest(%s::oid[], %s::int[]) with ordinality wanted (oid, modifier, place) join pg_type t using (oid)
         order by place
        """,
        ([column.type_code for column in description], modifiers),
    ).fetchall()
    return TableSchema(
        tuple(
            Column(column.name, type_name, True, tuple(labels or ()), portable)
            for column, (type_name, labels, portable) in zip(description, rows, strict=True)
        )
    )


def match_tables(session: Session, like: Mapping[str, str]) -> list[TableName]:
    """Tables and views outside the system's schemas whose schema and name match the LIKE patterns."""
    rows = session.execute(
        """
        select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
           and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_%%'
           and c.relname not like '\\_supersync\\_%%' and n.nspname like %(schema)s and c.relname like %(name)s
         order by 1, 2
        """,
        like,
    ).fetchall()
    return [TableName(*row) for row in rows]
