"""Tables that the HTTP API needs beside the six nouns: running totals, and answers that may be asked for again."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Double, ForeignKey, Index, LargeBinary, func, not_, or_
from sqlalchemy.orm import Mapped, mapped_column

from supersync_core.domain.execution import ExecutionState
from supersync_core.ledger.base import SCHEMA, Base
from supersync_core.ledger.tables import FINAL, Execution

begun_at = func.coalesce(Execution.started_at, Execution.queued_at)
"""When an execution started, or was queued while it has not: what people mean by the time of a run."""
# Here and not beside the others: only the API's history asks by it.
Index("ix_executions_begun_at", begun_at)
is_a_run = or_(Execution.parent_id.is_(None), not_(Execution.managed))
"""Executions that people call the runs of a pipeline: of ours those without a parent; what others report always is
one, for its parent is often another pipeline's."""


def _sum() -> Any:
    return mapped_column(BigInteger, server_default="0", default=0)


class Total(Base):
    """What a pipeline's closed executions add up to, by how they ended and how long they took.

    It is moved on in the transaction that closes an execution and never goes down, also when history is purged.
    `le`: the upper bound of a duration in seconds, such as 0.5; infinity for the longest. One that never started took
    no time.
    """

    __tablename__ = "totals"
    __table_args__ = (
        CheckConstraint(FINAL, name="final"),
        CheckConstraint("least(runs, rows_extracted, rows_upserted, seconds) >= 0", name="counters"),
    )

    pipeline_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey(f"{SCHEMA}.pipelines.id", ondelete="CASCADE"), primary_key=True
    )
    state: Mapped[ExecutionState] = mapped_column(primary_key=True)
    le: Mapped[float] = mapped_column(Double, primary_key=True)
    runs: Mapped[int] = _sum()
    rows_extracted: Mapped[int] = _sum()
    rows_upserted: Mapped[int] = _sum()
    seconds: Mapped[float] = mapped_column(Double, server_default="0", default=0.0)
    last_ended_at: Mapped[datetime]


class KeptAnswer(Base):
    """The answer to a request that its caller gave a key, so that asking again does nothing twice.

    `request` is SHA-256 of what was asked. `answer` is null only within the transaction that works on it.
    """

    __tablename__ = "kept_answers"
    __table_args__ = (CheckConstraint("char_length(key) BETWEEN 1 AND 255", name="key_length"),)

    caller: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(index=True)
