"""How everything does that supersync stands on, for those who look after it. Nothing in it is secret."""

from collections.abc import Sequence
from dataclasses import dataclass

from supersync_core.ledger.database import Ledger
from supersync_core.ledger.diagnostics import (
    IndexUse,
    RetainedLog,
    Server,
    Statement,
    TableUse,
    Waiting,
    select_indexes,
    select_retained_logs,
    select_server,
    select_slow_statements,
    select_tables,
    select_waiting,
)

__all__ = ["Diagnosis", "IndexUse", "RetainedLog", "SLOW_S", "Server", "Statement", "TableUse", "Waiting", "diagnose"]

SLOW_S = 1.0
"""A statement that takes longer is called slow."""
SHOWN = 30


@dataclass(frozen=True)
class Diagnosis:
    """What the ledger's database says of itself."""

    server: Server
    slow: Sequence[Statement]
    tables: Sequence[TableUse]
    indexes: Sequence[IndexUse]
    waiting: Sequence[Waiting]
    logs: Sequence[RetainedLog]

    @property
    def unused(self) -> Sequence[IndexUse]:
        """Indexes that nobody has looked into since the statistics began, and on which nothing stands."""
        return [index for index in self.indexes if not index.scans and not index.needed]


def diagnose(ledger: Ledger) -> Diagnosis:
    """Ask the database. Raises Unavailable."""
    with ledger.begin() as session:
        return Diagnosis(
            server=select_server(session),
            slow=select_slow_statements(session, seconds=SLOW_S, limit=SHOWN),
            tables=select_tables(session),
            indexes=select_indexes(session),
            waiting=select_waiting(session),
            logs=select_retained_logs(session),
        )
