"""The work of a channel sync."""

import time
from collections.abc import Mapping

from supersync_core.connectors.config import ConnectorConfig
from supersync_core.connectors.registry import load_connector
from supersync_core.domain.execution import Progress
from supersync_core.domain.lineage import Place
from supersync_core.engines.channel_sync.engine import ChannelSyncer
from supersync_core.errors import ConfigError
from supersync_core.ledger.channel_jobs import put_job, select_jobs
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.services.channel_sync.extraction import Extraction, ModelExtraction, RuleExtraction
from supersync_core.services.channel_sync.store import LedgerChannelStore, Run
from supersync_core.services.configuration import ChannelSyncConfig
from supersync_core.services.work import Done

WIKI = "wiki"
"""Type and group of the address that a channel's wiki is."""


class ChannelSyncWork:
    """A `Work`: one sync of one channel. `cancel` may be called from any thread."""

    def __init__(
        self,
        ledger: Ledger,
        pipeline: Pipeline,
        execution: Execution,
        connections: Mapping[str, ConnectorConfig],
        full: bool,
    ) -> None:
        """Nothing is read yet. Raises ConfigError."""
        config = ChannelSyncConfig.model_validate(pipeline.spec)
        declared = config.source
        connection = _connection(connections, declared.connection, pipeline)
        self._extract: Extraction = RuleExtraction(ledger, pipeline.id)
        if config.facts is not None:
            model = _connection(connections, config.facts, pipeline)
            asked = load_connector(model.type).build_fact_extractor(model)
            self._extract = ModelExtraction(asked, RuleExtraction(ledger, pipeline.id), ledger, execution.id)
        self._channel = declared.channel
        with ledger.begin() as session:
            put_job(session, execution.id)
            job = select_jobs(session, [execution.id])[execution.id]
        self._full = full or job.force
        self.sources = [Place(f"{declared.connection}.{declared.channel}", connection.type, "chat")]
        self.targets = [Place(f"{WIKI}.{declared.channel}", WIKI, WIKI)]
        run = Run(pipeline.id, execution.id, execution.lease_owner or "")
        source = load_connector(connection.type).build_channel_source(connection)
        self._syncer = ChannelSyncer(source, LedgerChannelStore(ledger, run), self._extract)
        self._begun = time.monotonic()

    def run(self) -> Done:
        """Sync the channel once. Raises Cancelled after `cancel`."""
        result = self._syncer.sync(self._channel, full=self._full)
        return Done(
            counts=result.counts,
            complete=result.full,
            watermark_before=result.before,
            watermark_after=result.cursor,
        )

    def cancel(self) -> None:
        """Make `run` end within two seconds."""
        self._syncer.cancel()
        self._extract.cancel()

    def progress(self) -> Progress:
        """Messages that are read and stored."""
        now = self._syncer.progress
        seconds = max(time.monotonic() - self._begun, 0.001)
        return Progress(now.stage.value, now.processed, 0, round(now.processed / seconds, 1))


def _connection(connections: Mapping[str, ConnectorConfig], name: str, pipeline: Pipeline) -> ConnectorConfig:
    """The connection of that name. Raises ConfigError."""
    found = connections.get(name)
    if found is None:
        known = ", ".join(sorted(connections)) or "none"
        raise ConfigError(f"{pipeline.name} uses the connection {name!r}, which is not declared; there are: {known}")
    return found
