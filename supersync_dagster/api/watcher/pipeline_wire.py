"""Bodies of the document about pipelines and their types."""

from typing import Any

from pydantic import AliasChoices, BaseModel, Field, model_validator

from supersync_core.domain.check import DatePart
from supersync_core.domain.pipeline import DesiredState, PipelineKind
from supersync_core.services.pipeline_types import PipelineType as TypeRow
from supersync_core.services.reported_pipelines import Reported
from supersync_dagster.api.watcher.fields import Datepart, Id, JsonObject, Moment, Name, Number, Watermark, left_out
from supersync_dagster.api.watcher.paging import NamedPageQuery
from supersync_dagster.api.watcher.wire import Patch, changed_at, columns_given


class Expectations(BaseModel):
    """How fresh and how timely; null: nothing is expected."""

    freshness_number: Number | None = None
    freshness_datepart: Datepart | None = None
    timeliness_number: Number | None = None
    timeliness_datepart: Datepart | None = None


class PipelineReport(Expectations):
    """A pipeline as its reporter describes it."""

    name: Name
    pipeline_type_name: Name
    next_watermark: Watermark | None = None
    pipeline_metadata: JsonObject | None = None

    @model_validator(mode="after")
    def _numbers_have_dateparts(self) -> "PipelineReport":
        for what in ("freshness", "timeliness"):
            if (getattr(self, f"{what}_number") is None) != (getattr(self, f"{what}_datepart") is None):
                raise ValueError(f"{what}_number and {what}_datepart belong together: send both or neither")
        return self

    def given(self) -> dict[str, Any]:
        """The columns that were named."""
        return columns_given(self, "name", "pipeline_type_name")


class PipelineFound(BaseModel):
    """A pipeline as its reporter needs it. `watermark`: only where it was there and `next_watermark` was given."""

    id: int
    active: bool
    load_lineage: bool
    watermark: str | None

    @classmethod
    def of(cls, found: Reported) -> "PipelineFound":
        """From the service."""
        return cls(id=found.id, active=found.active, load_lineage=found.load_lineage, watermark=found.watermark)


class _Patch(Patch, Expectations):
    mute_freshness_check: bool = left_out(False)
    mute_timeliness_check: bool = left_out(False)


class PipelinePatch(_Patch):
    """What changes of a pipeline, found by `id` or else by `name`; null clears."""

    id: Id | None = Field(default=None, validation_alias=AliasChoices("id", "pipeline_id"))
    pipeline_type_id: Id = left_out(0)
    watermark: Watermark | None = None
    next_watermark: Watermark | None = None
    pipeline_metadata: JsonObject | None = None
    load_lineage: bool = left_out(True)
    active: bool = left_out(True)


class PipelineQuery(NamedPageQuery):
    """Which pipelines."""

    pipeline_type_id: Id | None = None
    kind: PipelineKind | None = Field(default=None, description="`external`: somebody else runs it.")
    active: bool | None = None


class PipelineTypeReport(Expectations):
    """A type of pipelines, with expectations for those that have none of their own."""

    name: Name
    mute_freshness_check: bool = False
    mute_timeliness_check: bool = False

    def given(self) -> dict[str, Any]:
        """The columns that were named."""
        return columns_given(self, "name")


class PipelineTypePatch(_Patch):
    """What changes of a type, found by `id` or else by `name`; null clears."""


class _Shown(BaseModel):
    id: int
    name: str
    freshness_number: int | None
    freshness_datepart: DatePart | None
    mute_freshness_check: bool
    timeliness_number: int | None
    timeliness_datepart: DatePart | None
    mute_timeliness_check: bool
    created_at: Moment
    updated_at: Moment | None


class PipelineType(_Shown):
    """A type of pipelines."""

    @classmethod
    def of(cls, row: TypeRow) -> "PipelineType":
        """From the ledger."""
        return cls.model_construct(**_shared(row))


class Pipeline(_Shown):
    """A pipeline, whoever runs it. `input_hash`: of what was last reported of it."""

    pipeline_type_id: int | None
    watermark: str | None
    next_watermark: str | None
    pipeline_metadata: dict[str, Any] | None
    last_target_insert: Moment | None
    last_target_update: Moment | None
    last_target_soft_delete: Moment | None
    load_lineage: bool
    active: bool
    input_hash: str | None

    @classmethod
    def of(cls, row: Any) -> "Pipeline":
        """From the ledger."""
        return cls.model_construct(
            **_shared(row),
            pipeline_type_id=row.type_id,
            watermark=row.watermark,
            next_watermark=row.next_watermark,
            pipeline_metadata=row.extra,
            last_target_insert=row.last_inserted_at,
            last_target_update=row.last_updated_at,
            last_target_soft_delete=row.last_deleted_at,
            load_lineage=row.load_lineage,
            active=row.desired_state is DesiredState.RUNNING,
            input_hash=row.reported_hash,
        )


def _shared(row: Any) -> dict[str, Any]:
    names = ("id", "name", "freshness_number", "freshness_datepart", "timeliness_number", "timeliness_datepart")
    return {
        **{name: getattr(row, name) for name in names},
        "mute_freshness_check": row.mute_freshness,
        "mute_timeliness_check": row.mute_timeliness,
        "created_at": row.created_at,
        "updated_at": changed_at(row),
    }
