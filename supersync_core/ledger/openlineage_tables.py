"""What OpenLineage events have said of runs, beside the executions that these are."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from supersync_core.ledger.base import SCHEMA, Base, belongs_to, key

JOBS_OWN = "execution_id IS NULL"
"""What was said of a job as such, without a run: one row for each job."""


class OpenLineageRun(Base):
    """What events have said of a run, or of a job as such.

    `run_id` is the execution's `public_id`; it and `parent_run_id` are the events' own. The parent need not be there.
    `began_at`, `flows` (whether data flows from somewhere to somewhere) and the parent are in `record` too.
    """

    __tablename__ = "openlineage_runs"
    __table_args__ = (
        CheckConstraint("(run_id IS NULL) = (execution_id IS NULL)", name="run_or_job"),
        Index("uq_openlineage_runs_job", "pipeline_id", unique=True, postgresql_where=text(JOBS_OWN)),
        Index("ix_openlineage_runs_newest", "pipeline_id", "flows", "began_at", "run_id"),
    )

    id: Mapped[int] = key()
    pipeline_id: Mapped[int] = belongs_to("pipelines")
    execution_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey(f"{SCHEMA}.executions.id", ondelete="CASCADE"), unique=True
    )
    run_id: Mapped[uuid.UUID | None] = mapped_column(unique=True)
    parent_run_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    began_at: Mapped[datetime]
    flows: Mapped[bool]
    record: Mapped[dict[str, Any]]
