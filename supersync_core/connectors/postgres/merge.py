"""The statements that bring staged rows into a target. Built from identifiers and catalog types; nothing is pasted.

Unchanged rows must cost nothing: `on conflict do update ... where` locks every row that it meets, which writes as much
WAL as an update of them all. So the stage is joined with the target first and only rows that differ go on; unless a
sample shows that most differ anyway: then the join would cost more than it saves. Rows differ when their *images* do
(`*<>`): that finds `1.0` against `1.00`, and works for types without equality such as json.
(https://www.postgresql.org/docs/current/functions-comparisons.html#COMPOSITE-TYPE-COMPARISON)
"""

from collections.abc import Sequence

from psycopg2 import sql

from supersync_core.domain.table import Column, TableName, TableSchema
from supersync_core.domain.table_sync import DELETED_AT

STAGE = sql.Identifier("pg_temp", "_supersync_stage")


def names(columns: Sequence[str], prefix: str = "") -> sql.Composable:
    """Column names with commas, each behind `prefix.` if there is one."""
    identifiers = [sql.Identifier(prefix, name) if prefix else sql.Identifier(name) for name in columns]
    return sql.SQL(", ").join(identifiers)


def relation(table: TableName) -> sql.Identifier:
    """The table's name."""
    return sql.Identifier(table.schema, table.name)


def column_list(columns: Sequence[Column], not_null: bool) -> sql.Composable:
    """Column definitions; types are as the catalogs print them."""
    return sql.SQL(", ").join(
        sql.SQL("{} {}{}").format(
            sql.Identifier(column.name),
            sql.SQL(column.type),
            sql.SQL(" not null" if not_null and not column.nullable else ""),
        )
        for column in columns
    )


def _staged(staged: Sequence[str], target: TableSchema) -> sql.Composable:
    """Values of the stage in the types of the target."""
    return sql.SQL(", ").join(
        sql.SQL("{}::{}").format(sql.Identifier("s", name), sql.SQL(target[name].type)) for name in staged
    )


def _same_key(key: Sequence[str], target: TableSchema) -> sql.Composable:
    return sql.SQL(" and ").join(
        sql.SQL("{} = {}::{}").format(sql.Identifier("d", name), sql.Identifier("s", name), sql.SQL(target[name].type))
        for name in key
    )


def sample(
    table: TableName, target: TableSchema, staged: Sequence[str], key: Sequence[str], percent: float
) -> sql.Composable:
    """Look at some blocks of the stage; the result is one row (rows that are new or differ, rows looked at)."""
    return sql.SQL(
        "select count(*) filter (where {differs}), count(*)"
        " from (select * from {stage} tablesample system ({percent})) s left join {table} d on {same}"
    ).format(
        differs=_new_or_differs(target, staged, key),
        stage=STAGE,
        percent=sql.Literal(percent),
        table=relation(table),
        same=_same_key(key, target),
    )


def upsert(
    table: TableName, target: TableSchema, staged: Sequence[str], key: Sequence[str], join: bool
) -> sql.Composable:
    """Insert what is new, update what differs; the result is one row (inserted, updated).

    `join`: sort out unchanged rows by a join, else by the conflict clause. Rows go in by key order: two writers then
    wait for each other instead of deadlocking, and the index is walked once. `xmax` of a row that came by insert is 0;
    the conflict branch locks the row first, which sets it.
    """
    rows = sql.SQL("{} s").format(STAGE)
    if join:
        rows = sql.SQL("{} s left join {} d on {} where {}").format(
            STAGE, relation(table), _same_key(key, target), _new_or_differs(target, staged, key)
        )
    return sql.SQL(
        "with written as (insert into {table} as t ({columns}) select {values} from {rows} order by {order}"
        " on conflict ({key}) do {action} returning t.xmax = 0 as inserted)"
        " select count(*) filter (where inserted), count(*) filter (where not inserted) from written"
    ).format(
        table=relation(table),
        columns=names(staged),
        values=_staged(staged, target),
        rows=rows,
        order=names(key, "s"),
        key=names(key),
        action=_action(target, [name for name in staged if name not in key], filtered=not join),
    )


def _action(target: TableSchema, values: Sequence[str], *, filtered: bool) -> sql.Composable:
    """What to do with a row whose key is there."""
    assignments = [sql.SQL("{} = {}").format(sql.Identifier(v), sql.Identifier("excluded", v)) for v in values]
    if DELETED_AT in target:
        assignments.append(sql.SQL("{} = null").format(sql.Identifier(DELETED_AT)))
    if not assignments:
        return sql.SQL("nothing")
    action = sql.SQL("update set {}").format(sql.SQL(", ").join(assignments))
    differs = _differs(target, "t", names(values, "t"), names(values, "excluded"))
    return sql.SQL("{} where {}").format(action, differs) if filtered else action


def _new_or_differs(target: TableSchema, staged: Sequence[str], key: Sequence[str]) -> sql.Composable:
    """Of a staged row `s` joined with the target's `d`."""
    values = [name for name in staged if name not in key]
    differs = _differs(target, "d", names(values, "d"), _staged(values, target))
    return sql.SQL("({} is null or {})").format(sql.Identifier("d", key[0]), differs)


def _differs(target: TableSchema, alias: str, ours: sql.Composable, theirs: sql.Composable) -> sql.Composable:
    """Whether the images of two rows differ, or the target's, which goes by `alias`, is marked as deleted."""
    image = sql.SQL("row({})::record operator(pg_catalog.*<>) row({})::record").format(ours, theirs)
    if DELETED_AT not in target:
        return image
    return sql.SQL("({} or {} is not null)").format(image, sql.Identifier(alias, DELETED_AT))


def delete_missing(table: TableName, target: TableSchema, key: Sequence[str], mark: bool) -> sql.Composable:
    """Delete, or mark, the rows whose key is not staged."""
    missing = sql.SQL("not exists (select from {} s where {})").format(STAGE, _same_key(key, target))
    if mark:
        return sql.SQL("update {} d set {} = now() where {} is null and {}").format(
            relation(table), sql.Identifier(DELETED_AT), sql.Identifier("d", DELETED_AT), missing
        )
    return sql.SQL("delete from {} d where {}").format(relation(table), missing)
