"""The work of a table sync."""

import json
from collections.abc import Mapping

from supersync_core.connectors.base import OnStage
from supersync_core.connectors.config import ConnectorConfig
from supersync_core.connectors.registry import load_connector
from supersync_core.domain.execution import Progress
from supersync_core.domain.lineage import Place
from supersync_core.engines.table_sync import TableSyncer
from supersync_core.errors import ConfigError
from supersync_core.ledger.tables import Pipeline
from supersync_core.services.configuration import TableSyncConfig
from supersync_core.services.work import Done


class TableSyncWork:
    """A table sync as a pipeline declares it."""

    def __init__(
        self, pipeline: Pipeline, connections: Mapping[str, ConnectorConfig], on_stage: OnStage, full: bool
    ) -> None:
        """Nothing is connected yet. Raises ConfigError."""
        declared = TableSyncConfig.model_validate(pipeline.spec)
        self._sync, self._full = declared.to_sync(pipeline.name), full
        source = _connection(pipeline, connections, declared.source.connection)
        target = _connection(pipeline, connections, declared.target.connection)
        self.sources = [Place(f"{declared.source.connection}.{self._sync.source}", source.type)]
        self.targets = [Place(f"{declared.target.connection}.{self._sync.target}", target.type)]
        self._syncer = TableSyncer(
            load_connector(source.type).table_source(source), load_connector(target.type).table_sink(target), on_stage
        )

    def run(self) -> Done:
        """Sync the table once."""
        with self._syncer as syncer:
            result = syncer.sync(self._sync, full=self._full)
        return Done(
            counts=result.counts,
            bytes=result.bytes,
            complete=result.complete,
            watermark_before=result.before.cursor if result.before else None,
            watermark_after=result.after.cursor,
            position=json.loads(result.after.to_json()),
        )

    def cancel(self) -> None:
        """Make `run` end within two seconds."""
        self._syncer.cancel()

    def progress(self) -> Progress:
        """How far it is."""
        return self._syncer.progress()


def _connection(pipeline: Pipeline, connections: Mapping[str, ConnectorConfig], name: str) -> ConnectorConfig:
    if name not in connections:
        known = ", ".join(sorted(connections)) or "none"
        raise ConfigError(f"{pipeline.name} uses the connection {name!r}, which is not declared; there are: {known}")
    return connections[name]
