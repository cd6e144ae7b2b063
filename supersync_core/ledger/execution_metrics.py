"""What the anomaly rules look at, as expressions over executions: numeric, exact, null where it was not reported."""

from sqlalchemy import ColumnElement, Numeric, case, cast, extract, func

from supersync_core.domain.check import Metric
from supersync_core.ledger.tables import Execution

duration_seconds: ColumnElement[int] = func.round(extract("epoch", Execution.ended_at - Execution.started_at))
"""Whole seconds from start to end, halves rounded up; null while either is unknown."""

throughput: ColumnElement[float] = case(
    (duration_seconds == 0, 0), else_=func.round(cast(Execution.rows_extracted, Numeric) / duration_seconds, 2)
)
"""Rows in a second to two decimals; 0 when it took no time."""

METRICS = {
    Metric.DURATION_SECONDS: duration_seconds,
    Metric.INSERTS: cast(Execution.rows_inserted, Numeric),
    Metric.UPDATES: cast(Execution.rows_updated, Numeric),
    Metric.SOFT_DELETES: cast(Execution.rows_deleted, Numeric),
    Metric.TOTAL_ROWS: cast(Execution.rows_extracted, Numeric),
    Metric.THROUGHPUT: throughput,
}
"""One expression for each metric, over the table `executions` itself."""
