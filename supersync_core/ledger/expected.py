"""What is expected of a pipeline, as expressions over it and its type, and until when that is kept."""

from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Integer,
    SQLColumnExpression,
    String,
    case,
    cast,
    func,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import INTERVAL

from supersync_core.domain.check import DatePart
from supersync_core.ledger.cdc_tables import PipelineStatus
from supersync_core.ledger.tables import Pipeline, PipelineType
from supersync_core.ledger.types import UtcDateTime

Check = Literal["freshness", "timeliness"]

_current_at = select(PipelineStatus.current_at).where(PipelineStatus.pipeline_id == Pipeline.id)
changed_at: ColumnElement[Any] = func.greatest(
    Pipeline.last_inserted_at,
    Pipeline.last_updated_at,
    Pipeline.last_deleted_at,
    _current_at.correlate(Pipeline).scalar_subquery(),
)
"""The newest change of the pipeline's rows; null: it has never changed any.

Of a pipeline that streams: up to when it is known to have everything, so that its age is its lag.
"""


class Expected(NamedTuple):
    """The expectation that counts: the pipeline's own where it is whole, else its type's (Watcher)."""

    number: ColumnElement[int | None]
    datepart: ColumnElement[DatePart | None]
    inherited: ColumnElement[bool]


def expected(check: Check) -> Expected:
    """What is expected; null where nothing is."""
    own, its = (
        (getattr(table, f"{check}_number"), getattr(table, f"{check}_datepart")) for table in (Pipeline, PipelineType)
    )
    is_own, is_its = func.num_nulls(*own) == 0, func.num_nulls(*its) == 0
    number, datepart = (
        case((is_own, mine), (is_its, theirs), else_=None) for mine, theirs in zip(own, its, strict=True)
    )
    return Expected(number, datepart, ~is_own)


def until(time: SQLColumnExpression[Any], check: Check) -> ColumnElement[Any]:
    """A time and the expectation after it, in dateparts of the calendar (Watcher): in UTC, whose days are even.

    A month after the end of January is the end of February. What is longer than the calendar ends in the year 9000.
    Null where the time or the expectation is.
    """
    number, datepart, _ = expected(check)
    part = cast(datepart, String)
    most = case(*((part == one, most) for one, most in _CENTURIES.items()), else_=literal_column("2147483647", Integer))
    length = cast(cast(func.least(number, most), String).concat(" ").concat(part), INTERVAL)
    then = func.timezone("UTC", func.timezone("UTC", time) + length)
    return type_coerce(case((func.num_nulls(time, number) == 0, func.least(then, _FAR)), else_=None), UtcDateTime())


_CENTURIES = {"year": 10_000, "month": 120_000, "week": 520_000, "day": 3_650_000, "hour": 87_600_000}
"""As good as never, and still within PostgreSQL's calendar. Python's own ends with the year 9999."""
_FAR: ColumnElement[Any] = literal_column("'9000-01-01 00:00Z'::timestamptz", DateTime(timezone=True))
