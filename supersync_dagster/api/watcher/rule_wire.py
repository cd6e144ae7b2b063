"""Bodies of the document about anomaly detection rules."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, SerializerFunctionWrapHandler, model_serializer

from supersync_core.domain.check import AnomalyRule, Method, Metric, ZeroDeviation
from supersync_core.services.anomaly_rules import CheckRule
from supersync_dagster.api.watcher.fields import Id, MetricField, Moment, left_out
from supersync_dagster.api.watcher.paging import PageQuery
from supersync_dagster.api.watcher.wire import changed_at, columns_given

Threshold = Annotated[float, Field(ge=1, le=10)]
Lookback = Annotated[int, Field(ge=1, le=365)]
Minimum = Annotated[int, Field(ge=5, le=1000)]
_METHOD = "Beyond the document: `zscore` by mean and deviation, `mad` by medians."
_ZERO = "Beyond the document: what to say of a value when all before it were the same."


class RuleReport(BaseModel):
    """A rule on a metric of a pipeline's executions."""

    pipeline_id: Id
    metric_field: MetricField
    z_threshold: Threshold = 3.0
    lookback_days: Lookback = 30
    minimum_executions: Minimum = 30
    active: bool = True
    method: Method = Field(default=Method.ZSCORE, description=_METHOD)
    zero_deviation: ZeroDeviation = Field(default=ZeroDeviation.SILENT, description=_ZERO)

    def settings(self) -> dict[str, Any]:
        """As the ledger keeps them."""
        return self.model_dump(mode="json", exclude={"pipeline_id", "metric_field", "active"})


class RulePatch(BaseModel):
    """What changes of a rule."""

    id: Id
    pipeline_id: Id = left_out(0)
    metric_field: MetricField = left_out(Metric.TOTAL_ROWS)
    z_threshold: Threshold = left_out(3.0)
    lookback_days: Lookback = left_out(30)
    minimum_executions: Minimum = left_out(30)
    active: bool = left_out(True)
    method: Method = left_out(Method.ZSCORE)
    zero_deviation: ZeroDeviation = left_out(ZeroDeviation.SILENT)

    def changes(self) -> dict[str, Any]:
        """The columns and settings that were named."""
        return columns_given(self, "id")


class RuleQuery(PageQuery):
    """Which rules."""

    pipeline_id: Id | None = None
    metric_field: MetricField | None = None
    active: bool | None = None


class Rule(BaseModel):
    """A rule. `method` and `zero_deviation` are shown where they are not the document's."""

    id: int
    pipeline_id: int
    metric_field: Metric
    z_threshold: float
    lookback_days: int
    minimum_executions: int
    active: bool
    created_at: Moment
    updated_at: Moment | None
    method: Method = Method.ZSCORE
    zero_deviation: ZeroDeviation = ZeroDeviation.SILENT

    @classmethod
    def of(cls, row: CheckRule) -> "Rule":
        """From the ledger."""
        rule = AnomalyRule.from_settings(row.metric, row.settings)
        return cls(
            id=row.id,
            pipeline_id=row.pipeline_id,
            active=row.active,
            created_at=row.created_at,
            updated_at=changed_at(row),
            **rule._asdict(),
        )

    @model_serializer(mode="wrap")
    def _as_documented(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        body: dict[str, Any] = serialize(self)
        usual = {"method": Method.ZSCORE, "zero_deviation": ZeroDeviation.SILENT}
        return {name: value for name, value in body.items() if name not in usual or value != usual[name]}
