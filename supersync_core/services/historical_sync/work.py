"""The work of an import of calls."""

import time
from collections.abc import Mapping

from supersync_core.clock import utcnow
from supersync_core.connectors.calls import CallSink, CallSource
from supersync_core.connectors.config import ConnectorConfig
from supersync_core.connectors.registry import load_connector
from supersync_core.domain.execution import Counts, Progress
from supersync_core.domain.historical_sync import Span
from supersync_core.domain.lineage import Place
from supersync_core.domain.table import TableName
from supersync_core.engines.historical_sync import CallImporter, ImportSettings
from supersync_core.errors import ConfigError
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.historical_jobs import delete_failed
from supersync_core.ledger.historical_tables import HistoricalSyncJob
from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.services.configuration import HistoricalSyncConfig
from supersync_core.services.configuration.historical_sync import tells_apart
from supersync_core.services.historical_sync.failed import FailedCalls
from supersync_core.services.historical_sync.jobs import adopt_job
from supersync_core.services.historical_sync.journal import LedgerCallJournal
from supersync_core.services.work import Done

CALLS = "calls"
"""Group of the address that a source of calls is."""


class HistoricalSyncWork:
    """A `Work`: one run of one job of an agency. `cancel` may be called from any thread."""

    def __init__(
        self, ledger: Ledger, pipeline: Pipeline, execution: Execution, connections: Mapping[str, ConnectorConfig]
    ) -> None:
        """Take the job up; nothing is read yet. Raises ConfigError, and Conflict as `adopt_job`."""
        declared = HistoricalSyncConfig.model_validate(pipeline.spec)
        source = _connection(pipeline, connections, declared.source.connection)
        target = _connection(pipeline, connections, declared.target.connection)
        if pipeline.declared_hash is None and not tells_apart(source):
            raise ConfigError(f"{declared.source.connection} does not tell agencies apart, so nobody knows whose calls")
        table = TableName.parse(declared.target.table)
        with ledger.begin() as session:
            job = adopt_job(session, pipeline, declared, execution, at=utcnow())
        self._ledger, self._job = ledger, job
        self._settings = ImportSettings(Span(job.date_from, job.date_to), declared.window, declared.workers)
        agency = str(job.agency_id)
        build = load_connector(target.type).build_call_sink

        def connect() -> CallSink:
            sink: CallSink = build(target, table, str(job.id), agency)
            return sink

        journal = LedgerCallJournal(ledger, job.id, execution.id, execution.lease_owner or "")
        self._importer = CallImporter(_source(ledger, job, source), connect, journal)
        self.sources = [Place(f"{declared.source.connection}.{agency}", source.type, CALLS)]
        self.targets = [Place(f"{declared.target.connection}.{table}", target.type)]
        self._begun, self._before = time.monotonic(), job.processed_calls

    def run(self) -> Done:
        """Import what is left of the job. Raises Cancelled after `cancel`."""
        counts = self._importer.run(self._settings)
        if self._job.retry_of is not None:
            with self._ledger.begin() as session:
                # Those that failed again are the new job's.
                delete_failed(session, self._job.retry_of)
        return Done(
            counts=Counts(counts.processed, counts.imported, unchanged=counts.skipped),
            watermark_after=self._settings.span.end.isoformat(),
        )

    def cancel(self) -> None:
        """Make `run` end within two seconds."""
        self._importer.cancel()

    def progress(self) -> Progress:
        """Calls that are processed."""
        processed = self._importer.counts.processed
        seconds = max(time.monotonic() - self._begun, 0.001)
        return Progress("importing", processed, 0, round(max(processed - self._before, 0) / seconds, 1))


def _source(ledger: Ledger, job: HistoricalSyncJob, config: ConnectorConfig) -> CallSource:
    connector = load_connector(config.type)
    if job.retry_of is not None:
        return FailedCalls(ledger, job.retry_of, connector.build_call_parser(config))
    source: CallSource = connector.build_call_source(config, str(job.agency_id))
    return source


def _connection(pipeline: Pipeline, connections: Mapping[str, ConnectorConfig], name: str) -> ConnectorConfig:
    if name not in connections:
        known = ", ".join(sorted(connections)) or "none"
        raise ConfigError(f"{pipeline.name} uses the connection {name!r}, which is not declared; there are: {known}")
    return connections[name]
