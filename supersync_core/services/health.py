"""What `supersync doctor` and `supersync status` show: whether the ledger answers, and how each pipeline does."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from supersync_core.errors import Unavailable
from supersync_core.ledger.database import SchemaState, open_ledger, schema_state
from supersync_core.ledger.executions import select_latest
from supersync_core.ledger.pipelines import select_pipelines
from supersync_core.ledger.tables import Execution, Pipeline


@dataclass(frozen=True)
class LedgerHealth:
    """`problem` None: all is well. The rest is None where the ledger does not answer. `seconds`: of one question."""

    problem: str | None
    schema: SchemaState | None = None
    server_version: str | None = None
    seconds: float | None = None
    wal_level: str | None = None


@dataclass(frozen=True)
class PipelineStatus:
    """A pipeline and its newest execution: the live one while it runs, None before its first."""

    pipeline: Pipeline
    latest: Execution | None


_PROBLEMS = {
    SchemaState.EMPTY: "the ledger's schema is missing: run supersync migrate",
    SchemaState.BEHIND: "the ledger's schema is old: run supersync migrate",
    SchemaState.AHEAD: "the ledger's schema is newer than this supersync: upgrade supersync",
    SchemaState.CURRENT: None,
}


def ledger_health(url: str) -> LedgerHealth:
    """Whether the ledger answers and its schema fits. Raises ConfigError for a URL that names none."""
    ledger = open_ledger(url)
    try:
        with ledger.begin() as session:
            started = time.perf_counter()
            version = session.scalar(text("SHOW server_version"))
            seconds = time.perf_counter() - started
            wal_level = session.scalar(text("SHOW wal_level"))
        schema = schema_state(url)
    except Unavailable as error:
        return LedgerHealth(problem=str(error))
    finally:
        ledger.dispose()
    return LedgerHealth(_PROBLEMS[schema], schema, version, seconds, wal_level)


def pipeline_statuses(session: Session) -> Sequence[PipelineStatus]:
    """Every pipeline that is not retired, by name."""
    pipelines = select_pipelines(session)
    latest = select_latest(session, [pipeline.id for pipeline in pipelines])
    return [PipelineStatus(pipeline, latest.get(pipeline.id)) for pipeline in pipelines]
