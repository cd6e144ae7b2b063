"""How far each pipeline has come, in the target itself: written in the transaction that writes the rows."""

import json

from psycopg2 import sql

from supersync_core.connectors.postgres.connection import Session
from supersync_core.domain.change import Position
from supersync_core.errors import Contention, LeaseLost

SCHEMA, TABLE = "_supersync", "positions"
ENDING = "2s"
"""How long to wait for a run that has just ended."""
_POSITIONS = sql.Identifier(SCHEMA, TABLE)


class StoredPosition:
    """The position of one sink of one pipeline. While it is held, no other run can write here for the same one."""

    def __init__(self, session: Session, key: str) -> None:
        """`key`: pipeline, source and sink. Raises Contention while another run holds it."""
        self._session, self._key = session, key
        # Closed connections keep their lock for some milliseconds: the next one of the same run should not fail for it.
        lock = "begin; set local lock_timeout = %s; select pg_advisory_lock(hashtextextended(%s, 2)); commit"
        try:
            session.execute(lock, (ENDING, f"supersync {key}"))
        except Contention:
            raise Contention(f"another run writes to the target for {key}") from None
        self._create()
        self.value = self._read()

    def advance(self, position: Position) -> None:
        """Write `position` within the session's transaction. Raises LeaseLost when another run has written one."""
        value = json.dumps({"order": position.order, "data": dict(position.data)})
        before = sql.SQL("is null") if self.value is None else sql.SQL("= {}::jsonb").format(_order(self.value))
        statement = sql.SQL(
            "insert into {} as p values ({}, {}::jsonb, now()) on conflict (key) do update"
            " set position = excluded.position, updated_at = excluded.updated_at where p.position->'order' {}"
        ).format(_POSITIONS, sql.Literal(self._key), sql.Literal(value), before)
        if self._session.execute(statement).rowcount != 1:
            raise LeaseLost(f"another run has written to the target for {self._key}")

    def forget(self) -> None:
        """Remove it."""
        self._session.execute(sql.SQL("delete from {} where key = {}").format(_POSITIONS, sql.Literal(self._key)))

    def _create(self) -> None:
        row = self._session.execute("select to_regclass(%s) is not null", (f"{SCHEMA}.{TABLE}",)).fetchone()
        if row and row[0]:
            return
        # Two first runs would both create it; the second waits for the first to commit.
        self._session.execute(
            sql.SQL(
                "begin; select pg_advisory_xact_lock(hashtextextended('supersync positions', 1));"
                " create schema if not exists {}; create table if not exists {}"
                " (key text primary key, position jsonb not null, updated_at timestamptz not null); commit"
            ).format(sql.Identifier(SCHEMA), _POSITIONS)
        )

    def _read(self) -> Position | None:
        row = self._session.execute(
            sql.SQL("select position from {} where key = {}").format(_POSITIONS, sql.Literal(self._key))
        ).fetchone()
        return Position(tuple(row[0]["order"]), row[0]["data"]) if row else None


def _order(position: Position) -> sql.Composable:
    return sql.Literal(json.dumps(position.order))
