"""Bodies of the document about executions."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field, model_validator

from supersync_core.domain.execution import ExecutionState
from supersync_core.services.reported_executions import Ending, Filter
from supersync_dagster.api.times import first_moment, last_moment
from supersync_dagster.api.watcher.fields import Count, Id, JsonObject, Moment, Watermark
from supersync_dagster.api.watcher.paging import MAX_PAGE, Paged


class StartExecution(BaseModel):
    """A pipeline begins to run: now, where `start_date` says nothing else."""

    pipeline_id: Id
    start_date: Moment | None = None
    watermark: Watermark | None = None
    next_watermark: Watermark | None = None
    # The document's client has another word for it in one of its calls.
    parent_id: Id | None = Field(default=None, validation_alias=AliasChoices("parent_id", "parent_execution_id"))


class EndExecution(BaseModel):
    """An execution has ended. What is left out or null is not known, or was said before."""

    id: Id
    end_date: Moment
    completed_successfully: bool | None = None
    total_rows: Count | None = None
    inserts: Count | None = None
    updates: Count | None = None
    soft_deletes: Count | None = None
    execution_metadata: JsonObject | None = None

    def ending(self) -> Ending:
        """As the service takes it."""
        return Ending(
            ended_at=self.end_date,
            succeeded=self.completed_successfully,
            total_rows=self.total_rows,
            inserts=self.inserts,
            updates=self.updates,
            soft_deletes=self.soft_deletes,
            extra=self.execution_metadata,
        )


class ExecutionQuery(Paged):
    """Which executions, ours too. A date alone as `until` means all of that day."""

    order: Literal["-start_date", "start_date"] = Field(
        default="-start_date", description="With a minus: the last first."
    )
    limit: int | None = Field(default=100, ge=1, le=MAX_PAGE)
    pipeline_id: Id | None = None
    parent_id: Id | None = Field(default=None, description="0: those without a parent.")
    state: list[ExecutionState] = Field(default=[], description="One, or several by repeating it.")
    completed_successfully: bool | None = Field(default=None, description="As `state` with succeeded, or with failed.")
    since: Annotated[datetime, BeforeValidator(first_moment)] | None = None
    until: Annotated[datetime, BeforeValidator(last_moment)] | None = None

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> "ExecutionQuery":
        if self.state and self.completed_successfully is not None:
            raise ValueError("state and completed_successfully are two ways to say it: send one of them")
        return self

    def wanted(self) -> Filter:
        """As the service takes it."""
        states = tuple(self.state)
        if self.completed_successfully is not None:
            states = (ExecutionState.SUCCEEDED if self.completed_successfully else ExecutionState.FAILED,)
        return Filter(self.pipeline_id, self.parent_id, states, self.since, self.until)


class Execution(BaseModel):
    """An execution. `duration_seconds` is rounded; `throughput`: rows in a second. `child_executions`: all below it."""

    id: int
    parent_id: int | None
    pipeline_id: int
    start_date: datetime
    end_date: datetime | None
    duration_seconds: int | None
    completed_successfully: bool | None
    inserts: int | None
    updates: int | None
    soft_deletes: int | None
    total_rows: int | None
    watermark: str | None
    next_watermark: str | None
    execution_metadata: dict[str, Any] | None
    anomaly_flags: dict[str, bool] | None
    throughput: float | None


class ExecutionTree(Execution):
    """An execution with the whole tree of its children."""

    child_executions: list["ExecutionTree"]
