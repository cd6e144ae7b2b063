"""Bodies about what checks have found: beyond the document, which has no words for them."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, Field

from supersync_core.domain.check import CheckKind
from supersync_core.services.check_results import Found, ResultFilter
from supersync_dagster.api.times import first_moment
from supersync_dagster.api.watcher.fields import MAX_ID, Id, MetricField, Moment
from supersync_dagster.api.watcher.paging import MAX_PAGE


class Unflag(BaseModel):
    """Metrics in which an execution was found unusual, and is not."""

    pipeline_id: Id
    pipeline_execution_id: Id
    metric_field: list[MetricField] = Field(max_length=100)


class ResultQuery(BaseModel):
    """Which results."""

    pipeline_id: Id | None = None
    pipeline_execution_id: Id | None = None
    passed: bool | None = Field(default=None, description="Of an unusual execution, what was usual of it, or what not.")
    since: Annotated[datetime, BeforeValidator(first_moment)] | None = None
    limit: int = Field(default=100, ge=1, le=MAX_PAGE)
    cursor: int | None = Field(default=None, ge=1, le=MAX_ID, description="From the header `Link` of the page before.")

    def wanted(self, kind: CheckKind) -> ResultFilter:
        """As the service takes it."""
        return ResultFilter(kind, self.pipeline_id, self.pipeline_execution_id, self.passed, self.since, self.cursor)

    def link(self, before: int | None, request: Request) -> dict[str, str]:
        """The header that leads to the next page, if there is one."""
        if before is None:
            return {}
        given = self.model_dump(mode="json", exclude_unset=True, exclude_none=True)
        return {"Link": f'<{request.url.path}?{urlencode({**given, "cursor": before})}>; rel="next"'}


class Result(BaseModel):
    """What a check has found. `details`: what was expected, what was there, and a message."""

    id: int
    pipeline_id: int
    pipeline_name: str
    anomaly_detection_rule_id: int | None
    pipeline_execution_id: int | None
    passed: bool
    details: dict[str, Any]
    checked_at: Moment

    @classmethod
    def of(cls, found: Found) -> "Result":
        """From the ledger."""
        row = found.result
        return cls(
            id=row.id,
            pipeline_id=row.pipeline_id,
            pipeline_name=found.pipeline,
            anomaly_detection_rule_id=row.rule_id,
            pipeline_execution_id=row.execution_id,
            passed=row.passed,
            details=row.details,
            checked_at=row.checked_at,
        )
