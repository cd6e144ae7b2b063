"""Reading a table the way the engine does, for the suites of table sources."""

from datetime import datetime, timedelta, timezone
from io import BytesIO

from supersync_core.connectors.base import CopyFormat, ReadPlan, SourceSession
from supersync_core.connectors.copy_text import read_rows
from supersync_core.domain.checkpoint import TableCheckpoint
from supersync_core.domain.table import TableName
from supersync_core.domain.table_sync import Mode, Reading, Relation
from tests.conformance.systems import Row, System

EVERYTHING = Reading()
BY_SEEN = Reading(Mode.INCREMENTAL, "seen")
BY_ID = Reading(Mode.INCREMENTAL, "id")
LONG_AGO = "2024-01-01 10:00:00.000000"


def ago(**interval: float) -> str:
    return (datetime.now(timezone.utc) - timedelta(**interval)).strftime("%Y-%m-%d %H:%M:%S.%f")


def read(session: SourceSession, plan: ReadPlan) -> list[Row]:
    out = BytesIO()
    session.copy(plan, CopyFormat.TEXT, out)
    out.seek(0)
    return sorted(tuple(None if f is None else f.decode() for f in row) for row in read_rows(out))


def run(
    system: System, table: TableName, reading: Reading = EVERYTHING, since: TableCheckpoint | None = None
) -> tuple[list[str | None], TableCheckpoint]:
    """The ids that a run reads, and the checkpoint that it leaves."""
    relation = Relation(table=table)
    with system.source.open() as session:
        plan = session.plan(relation, session.describe(relation), reading, since)
        return [row[0] for row in read(session, plan)], plan.checkpoint
