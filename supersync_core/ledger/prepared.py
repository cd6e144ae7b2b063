"""Statements that are planned once for each connection: asked so often that planning would be half of their time."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

_PARAMETER = re.compile(r"CAST\(:(\w+) AS ([^)]+)\)")
_KNOWN = "supersync.prepared"
# What is planned for any values is kept; else PostgreSQL would go on planning for each, as arrays are short here.
_GENERIC = "SET plan_cache_mode = force_generic_plan"


class Prepared:
    """A statement whose parameters are written `CAST(:name AS type)`, each once, so that their types are known.

    It lasts as long as its connection (https://www.postgresql.org/docs/current/sql-prepare.html), whatever becomes of
    the transaction. Like the advisory locks it asks for a connection that no pooler changes in between.
    """

    def __init__(self, name: str, statement: str) -> None:
        """`name`: unique among them."""
        found = _PARAMETER.findall(statement)
        self._name, self._parameters = name, [parameter for parameter, _ in found]
        numbered = _PARAMETER.sub(lambda match: f"${self._parameters.index(match[1]) + 1}", statement)
        self._prepare = f"{_GENERIC}; PREPARE {name} ({', '.join(type_ for _, type_ in found)}) AS {numbered}"
        self._execute = f"EXECUTE {name} ({', '.join(f'CAST(%s AS {type_})' for _, type_ in found)})"

    def execute(self, session: Session, values: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
        """Its rows; none for a statement that returns no rows."""
        connection = session.connection()
        known: set[str] = connection.info.setdefault(_KNOWN, set())
        if self._name not in known:
            connection.exec_driver_sql(self._prepare)
            known.add(self._name)
        found = connection.exec_driver_sql(self._execute, tuple(values[name] for name in self._parameters))
        return [tuple(row) for row in found] if found.returns_rows else []
