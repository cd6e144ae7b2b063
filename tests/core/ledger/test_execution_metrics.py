"""The numbers of an execution: one truth, in Python and in SQL."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from supersync_core.domain.check import Metric
from supersync_core.domain.execution import throughput, whole_seconds
from supersync_core.ledger.execution_metrics import METRICS
from supersync_core.ledger.tables import Execution
from tests.core.ledger.test_tables import ENDED, NOON, make_execution, make_pipeline


def make_one(session: Session, length: timedelta, **counts: int | None) -> int:
    row = ENDED | {"ended_at": NOON + length, **counts}
    return make_execution(session, make_pipeline(session), **row)


def read(session: Session, **columns: Any) -> dict[str, Any]:
    row = session.execute(select(*(column.label(name) for name, column in columns.items())).select_from(Execution))
    return dict(row.one()._mapping)


@pytest.mark.parametrize(
    ("seconds", "whole"),
    [(0, 0), (0.3, 0), (0.499999, 0), (0.5, 1), (1.5, 2), (2.5, 3), (300.4999, 300), (86_400.5, 86_401)],
)
def test_a_duration_is_in_whole_seconds_halves_rounded_up(session: Session, seconds: float, whole: int) -> None:
    length = timedelta(seconds=seconds)
    make_one(session, length)
    assert read(session, seconds=METRICS[Metric.DURATION_SECONDS]) == {"seconds": whole}
    assert whole_seconds(NOON, NOON + length) == whole


@pytest.mark.parametrize(
    ("rows", "seconds", "expected"),
    [
        pytest.param(1000, 300, 3.33, id="the document's first"),
        pytest.param(1250, 300, 4.17, id="the document's second"),
        pytest.param(1, 8, 0.13, id="a half is rounded up"),
        pytest.param(1000, 0.4, 0.0, id="no time"),
        pytest.param(None, 0, 0.0, id="no time and no rows reported"),
        pytest.param(None, 300, None, id="no rows reported"),
        pytest.param(0, 300, 0.0, id="no rows"),
    ],
)
def test_throughput_is_rows_in_a_second_to_two_decimals(
    session: Session, rows: int | None, seconds: float, expected: float | None
) -> None:
    make_one(session, timedelta(seconds=seconds), rows_extracted=rows)
    (value,) = read(session, throughput=METRICS[Metric.THROUGHPUT]).values()
    assert (value if value is None else float(value)) == expected
    assert throughput(rows, whole_seconds(NOON, NOON + timedelta(seconds=seconds))) == expected


# The transaction holds one row, which each example changes.
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.integers(0, 2**62) | st.none(),
    length=st.timedeltas(timedelta(0), timedelta(days=20_000)) | st.timedeltas(timedelta(0), timedelta(seconds=9)),
)
def test_python_and_sql_agree_on_every_execution(session: Session, rows: int | None, length: timedelta) -> None:
    execution = session.query(Execution).one_or_none()
    if execution is None:
        execution = session.get_one(Execution, make_one(session, length))
    execution.ended_at, execution.rows_extracted = NOON + length, rows
    session.flush()
    found = read(session, seconds=METRICS[Metric.DURATION_SECONDS], rate=METRICS[Metric.THROUGHPUT])
    seconds = whole_seconds(NOON, NOON + length)
    rate = throughput(rows, seconds)
    assert (found["seconds"], None if found["rate"] is None else float(found["rate"])) == (seconds, rate)


def test_each_metric_is_a_number_of_the_execution(session: Session) -> None:
    counts = {"rows_extracted": 60, "rows_inserted": 1, "rows_updated": 2, "rows_deleted": 3}
    make_one(session, timedelta(seconds=30), **counts)
    found = read(session, **{metric.value: column for metric, column in METRICS.items()})
    assert found == {
        "total_rows": 60,
        "inserts": 1,
        "updates": 2,
        "soft_deletes": 3,
        "duration_seconds": 30,
        "throughput": 2,
    }


@pytest.mark.parametrize("metric", list(Metric))
def test_what_was_not_reported_is_null(session: Session, metric: Metric) -> None:
    counts = dict.fromkeys(("rows_extracted", "rows_inserted", "rows_updated", "rows_deleted"))
    make_one(session, timedelta(seconds=30), **counts)
    (value,) = read(session, value=METRICS[metric]).values()
    assert (value is None) is (metric is not Metric.DURATION_SECONDS)
