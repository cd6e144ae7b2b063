"""What a stream tells Dagster while it runs: materialisations of its asset, every now and then."""

import time
from collections.abc import Callable
from typing import Any

import dagster as dg

from supersync_core.clock import utcnow
from supersync_core.domain.execution import Progress
from supersync_core.errors import SupersyncError
from supersync_core.ledger.database import Ledger
from supersync_core.services.cdc.pipelines import get_cdc_pipeline
from supersync_core.services.cdc.views import Operations, operations

AnyContext = dg.AssetExecutionContext | dg.OpExecutionContext

INTERVAL_S = 30.0
"""One costs ten milliseconds and stays in the event log, so a stream tells of what has come at most this often."""


class StreamTeller:
    """Tells of one run of a pipeline. `page`: its address."""

    def __init__(self, ledger: Ledger, name: str, page: str) -> None:
        """Nothing is told yet."""
        self._ledger, self._name, self._page = ledger, name, page
        self._progress = Progress("running")
        self._told_events, self._told_at = 0, 0.0

    def on_progress(self, context: AnyContext, asset_key: dg.AssetKey) -> Callable[[Progress], None]:
        """A callback that materialises the asset when events have come, and at most every `INTERVAL_S`."""

        def tell(progress: Progress) -> None:
            self._progress = progress
            now = time.monotonic()
            if progress.rows == self._told_events or now - self._told_at < INTERVAL_S:
                return
            self._told_events, self._told_at = progress.rows, now
            context.log_event(dg.AssetMaterialization(asset_key, metadata=self.metadata()))

        return tell

    def metadata(self) -> dict[str, Any]:
        """What the run has done so far, and where it is. Units are in the names."""
        progress, found = self._progress, self._operations()
        metadata: dict[str, Any] = {
            "events": progress.rows,
            "bytes": progress.bytes,
            "events_per_s": progress.rows_per_s,
            "page": dg.MetadataValue.url(self._page),
        }
        if found is not None:
            metadata["dead_letters"] = found.dead_letters
            metadata["lag_s"] = found.lag_s
            metadata["position"] = dg.MetadataValue.json({one.sink_id: dict(one.position) for one in found.positions})
        return {name: value for name, value in metadata.items() if value is not None}

    def _operations(self) -> Operations | None:
        """None while the ledger does not answer: the stream goes on."""
        try:
            with self._ledger.begin() as session:
                return operations(session, get_cdc_pipeline(session, self._name), at=utcnow())
        except SupersyncError:
            return None
