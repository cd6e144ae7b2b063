"""What the declaration of every kind of pipeline has in common."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from pydantic import Field, model_validator

from supersync_core.domain.check import AnomalyRule, DatePart, Freshness, Method, Metric, Timeliness, ZeroDeviation
from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind
from supersync_core.domain.schedule import Cadence
from supersync_core.errors import ConfigError
from supersync_core.services.configuration.part import Part
from supersync_core.services.configuration.values import Cron, Duration, Name, Owner, Tag, TagKey, Title, Zone


@contextmanager
def as_problem() -> Iterator[None]:
    """Let a rule of the domain speak as a validator does: pydantic then adds where it was."""
    try:
        yield
    except ConfigError as error:
        raise ValueError(str(error)) from error


class Use(NamedTuple):
    """A pipeline uses a connection. `side`: its key that says so; `function`: what its connector must have for that."""

    side: str
    connection: str
    function: str
    verb: str


class ExpectationConfig(Part):
    """How old the newest change may be (Watcher: freshness), or how long a run may take (timeliness)."""

    number: int = Field(gt=0, le=1_000_000)
    datepart: DatePart


class AnomalyConfig(Part):
    """A rule on the numbers of a run; ranges and defaults are Watcher's."""

    metric_field: Metric
    z_threshold: float = Field(default=3.0, ge=1, le=10)
    lookback_days: int = Field(default=30, ge=1, le=365)
    minimum_executions: int = Field(default=30, ge=5, le=1000)
    method: Method = Method.ZSCORE
    zero_deviation: ZeroDeviation = ZeroDeviation.SILENT


class PipelineConfig(Part):
    """One pipeline. Each kind adds what it moves, and from where to where."""

    name: Name
    title: Title | None = None
    kind: str
    every: Duration | None = None
    cron: Cron | None = None
    timezone: Zone | None = None
    freshness: ExpectationConfig | None = None
    timeliness: ExpectationConfig | None = None
    anomalies: tuple[AnomalyConfig, ...] = ()
    owners: tuple[Owner, ...] = ()
    group: Name | None = None
    tags: dict[TagKey, Tag] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_watched_well(self) -> "PipelineConfig":
        with as_problem():
            self.cadence()
        metrics = [rule.metric_field for rule in self.anomalies]
        if len(set(metrics)) < len(metrics):
            raise ValueError("anomalies has two rules for one metric_field")
        return self

    def uses(self) -> Sequence[Use]:
        """The connections that it needs."""
        raise NotImplementedError

    def cadence(self) -> Cadence | None:
        """When it runs; None: only when asked. Raises ConfigError for two cadences or a zone without one."""
        if self.every is None and self.cron is None:
            if self.timezone is not None:
                raise ConfigError("timezone has no meaning without cron or every")
            return None
        every_s = None if self.every is None else int(self.every.total_seconds())
        return Cadence(cron=self.cron, every_s=every_s, timezone=self.timezone or "UTC")

    def declaration(self) -> PipelineDeclaration:
        """What the ledger keeps. `spec` leaves defaults out, so that a later default changes no hash."""
        return PipelineDeclaration(
            name=self.name,
            kind=PipelineKind(self.kind),
            title=self.title,
            spec=self.model_dump(mode="json", exclude_defaults=True),
            cadence=self.cadence(),
            freshness=Freshness(**dict(self.freshness)) if self.freshness else None,
            timeliness=Timeliness(**dict(self.timeliness)) if self.timeliness else None,
            anomalies=tuple(AnomalyRule(**dict(rule)) for rule in self.anomalies),
            owners=self.owners,
            group=self.group,
            tags=self.tags,
        )
