"""Somebody who writes random transactions, and knows what the log must say of them."""

import random
from dataclasses import dataclass, field
from typing import Any

import psycopg2

TABLES = ("docs", "pairs", "whole", "lines")
SCHEMA = """
create table docs (id int primary key, note text, large text);
alter table docs alter large set storage external;
create table pairs (a int, b text, n numeric, primary key (a, b));
create table whole (id int primary key, note text, large text);
alter table whole alter large set storage external, replica identity full;
create table lines (number bigint);
alter table lines replica identity full;
"""


@dataclass
class Writer:
    """Inserts, updates, deletes, moves keys and truncates, over four tables."""

    dsn: str
    chance: random.Random
    said: list[tuple[str, str, Any]] = field(default_factory=list)
    """What was committed, in order: operation, table, key."""
    lines: int = 0
    _keys: dict[str, set[Any]] = field(default_factory=lambda: {name: set() for name in TABLES})

    def __post_init__(self) -> None:
        self._connection = psycopg2.connect(self.dsn)

    def close(self) -> None:
        self._connection.close()

    def transaction(self) -> None:
        """Some statements of any kind in one transaction, which ends or is undone."""
        said: list[tuple[str, str, Any]] = []
        before, lines = {name: set(keys) for name, keys in self._keys.items()}, self.lines
        with self._connection.cursor() as cursor:
            for _ in range(self.chance.choice([1, 1, 2, 5, 30])):
                self._statement(cursor, said)
            if self.chance.random() < 0.1:
                self._connection.rollback()
                self._keys, self.lines = before, lines
            else:
                self._connection.commit()
                self.said += said

    def _statement(self, cursor: Any, said: list[tuple[str, str, Any]]) -> None:
        table = self.chance.choice(TABLES)
        if table == "lines":
            self.lines += 1
            cursor.execute("insert into lines values (%s)", (self.lines,))
            said.append(("c", table, self.lines))
            return
        keys = self._keys[table]
        if self.chance.random() < 0.01:
            cursor.execute(f"truncate {table}")
            keys.clear()
            said.append(("t", table, None))
        elif not keys or self.chance.random() < 0.4:
            self._insert(cursor, table, said)
        else:
            self._change(cursor, table, self.chance.choice(sorted(keys)), said)

    def _insert(self, cursor: Any, table: str, said: list[tuple[str, str, Any]]) -> None:
        key = self._new_key(table)
        if key in self._keys[table]:
            return
        if table == "pairs":
            cursor.execute("insert into pairs values (%s, %s, %s)", (*key, self.chance.randint(0, 9)))
        else:
            cursor.execute(f"insert into {table} values (%s, %s, %s)", (key, "new", self._text()))
        self._keys[table].add(key)
        said.append(("c", table, key))

    def _change(self, cursor: Any, table: str, key: Any, said: list[tuple[str, str, Any]]) -> None:
        where, values = ("(a, b) = (%s, %s)", key) if table == "pairs" else ("id = %s", (key,))
        kind, new = self.chance.random(), self._new_key(table)
        keys = self._keys[table]
        if kind < 0.25:
            cursor.execute(f"delete from {table} where {where}", values)
            keys.discard(key)
            said.append(("d", table, key))
            return
        if kind < 0.45 and new not in keys:
            names = "a = %s, b = %s" if table == "pairs" else "id = %s"
            cursor.execute(
                f"update {table} set {names} where {where}", (*(new if table == "pairs" else (new,)), *values)
            )
            keys.discard(key)
            keys.add(new)
            key = new
        elif table == "pairs":
            cursor.execute(f"update pairs set n = %s where {where}", (self.chance.randint(0, 9), *values))
        else:
            # Where the large value stays as it is, the log leaves it out.
            column, text = ("large", self._text()) if kind < 0.6 else ("note", f"note {self.chance.random()}")
            cursor.execute(f"update {table} set {column} = %s where {where}", (text, *values))
        said.append(("u", table, key))

    def _new_key(self, table: str) -> Any:
        number = self.chance.randint(1, 60)
        return (number, self.chance.choice("xyz")) if table == "pairs" else number

    def _text(self) -> str:
        return f"{self.chance.random()}" * 200
