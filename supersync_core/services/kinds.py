"""What a run does, by the kind of its pipeline: the one place that chooses an engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from supersync_core.connectors.base import OnStage
from supersync_core.connectors.config import ConnectorConfig
from supersync_core.domain.pipeline import PipelineKind
from supersync_core.errors import ConfigError, Conflict, NotFound
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.services.cdc.vault import Vault
from supersync_core.services.table_sync_work import TableSyncWork
from supersync_core.services.work import Work


@dataclass(frozen=True)
class Means:
    """What work may need beside its pipeline. `vault` opens the secrets of CDC pipelines; None: there are none."""

    ledger: Ledger
    connections: Mapping[str, ConnectorConfig]
    vault: Callable[[], Vault] | None = None
    full: bool = False


def refuse_unless_runnable(pipeline: Pipeline) -> None:
    """Raise Conflict for a pipeline that others run, NotFound for one that is retired."""
    if pipeline.kind is PipelineKind.EXTERNAL:
        raise Conflict(f"{pipeline.name} is run by somebody else, who only reports to us")
    if pipeline.retired_at is not None:
        raise NotFound(f"the pipeline {pipeline.name!r} is not declared any more")


def work_for(pipeline: Pipeline, execution: Execution, means: Means, on_stage: OnStage) -> Work:
    """The work of a pipeline that is runnable. Raises ConfigError for a connection that is not declared."""
    if pipeline.kind is PipelineKind.CDC:
        # Here, because few runs need what change data capture is made from.
        from supersync_core.services.cdc.work import CdcWork

        if means.vault is None:
            raise ConfigError(f"{pipeline.name} cannot be run here: nobody gave the key of its secrets")
        return CdcWork(means.ledger, pipeline, execution, means.vault())
    if pipeline.kind is PipelineKind.CHANNEL_SYNC:
        from supersync_core.services.channel_sync.work import ChannelSyncWork

        return ChannelSyncWork(means.ledger, pipeline, execution, means.connections, means.full)
    if pipeline.kind is PipelineKind.HISTORICAL_SYNC:
        from supersync_core.services.historical_sync.work import HistoricalSyncWork

        return HistoricalSyncWork(means.ledger, pipeline, execution, means.connections)
    return TableSyncWork(pipeline, means.connections, on_stage, means.full)
