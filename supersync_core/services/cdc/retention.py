"""How much log the servers of sources keep because of us: a pipeline that is stopped for long fills their disks."""

import logging
from collections.abc import Mapping
from datetime import datetime

from supersync_core.clock import Clock
from supersync_core.domain.incident import Finding, IncidentKind, Level
from supersync_core.errors import SupersyncError
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.pipeline_status import select_statuses, store_retained
from supersync_core.ledger.tables import Pipeline
from supersync_core.services.cdc.pipelines import list_cdc_pipelines, stored_spec
from supersync_core.services.cdc.sources import build_source
from supersync_core.services.cdc.vault import Vault
from supersync_core.services.connectivity import Probe, Probes
from supersync_core.services.incidents import report_findings, resolve_subjects

logger = logging.getLogger(__name__)

LIMIT_S = 10.0
"""A server has so long to answer; they are asked all at once."""


class Retention:
    """Asks every server of a CDC pipeline that has run. `warning_bytes`: with more, somebody is told."""

    def __init__(self, ledger: Ledger, vault: Vault, *, warning_bytes: int, clock: Clock) -> None:
        """Nobody is asked yet."""
        self._ledger, self._vault, self._warning_bytes, self._clock = ledger, vault, warning_bytes, clock
        self._probes = Probes(LIMIT_S)

    def measure(self) -> Mapping[str, int]:
        """Bytes by pipeline, of those whose server has answered; kept in the ledger. Raises RetryError."""
        with self._ledger.begin() as session:
            pipelines = {pipeline.id: pipeline for pipeline in list_cdc_pipelines(session)}
            have_run = select_statuses(session, pipelines)
        found: dict[int, int | None] = {}
        self._probes.ask({str(id_): self._probe(pipelines[id_], found) for id_ in have_run})
        known = {id_: size for id_, size in dict(found).items() if size is not None}
        self._keep(pipelines, known, self._clock())
        return {pipelines[id_].name: size for id_, size in known.items()}

    def _probe(self, pipeline: Pipeline, found: dict[int, int | None]) -> Probe:
        def ask() -> None:
            try:
                found[pipeline.id] = build_source(stored_spec(pipeline, self._vault)).retained_bytes()
            except SupersyncError as error:
                logger.warning("pipeline %s: how much log is kept is not known: %s", pipeline.name, error)

        return ask

    def _keep(self, pipelines: Mapping[int, Pipeline], known: Mapping[int, int], at: datetime) -> None:
        many = [pipelines[id_] for id_, size in known.items() if size > self._warning_bytes]
        few = [_subject(id_) for id_, size in known.items() if size <= self._warning_bytes]
        with self._ledger.begin() as session:
            store_retained(session, known, at=at)
            report_findings(session, [self._finding(pipeline, known[pipeline.id]) for pipeline in many], at=at)
            resolve_subjects(session, few, reason="the server keeps less log again", at=at)

    def _finding(self, pipeline: Pipeline, size: int) -> Finding:
        return Finding(
            kind=IncidentKind.QUEUE,
            subject=_subject(pipeline.id),
            level=Level.WARNING,
            title=f"{pipeline.name}: its source keeps {size >> 20:,} MB of log",
            message="The server keeps its log until the pipeline has read it. Resume the pipeline, or delete it.",
            details={"retained_bytes": size, "warning_bytes": self._warning_bytes},
            pipeline_id=pipeline.id,
            repeats=False,
        )


def _subject(pipeline_id: int) -> str:
    return f"retained:{pipeline_id}"
