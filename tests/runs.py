"""Runs that come after one that has just died."""

from collections.abc import Mapping
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_delay

from supersync_core.connectors.config import ConnectorConfig
from supersync_core.domain.execution import Trigger
from supersync_core.errors import Conflict
from supersync_core.ledger.database import Ledger
from supersync_core.services.run import ExecutionReport, run_pipeline


def run_soon(ledger: Ledger, connections: Mapping[str, ConnectorConfig], name: str, **given: Any) -> ExecutionReport:
    """Run the pipeline, once PostgreSQL has ended the connection that held the lock of a dead run."""
    asked = Retrying(retry=retry_if_exception_type(Conflict), stop=stop_after_delay(10), reraise=True)
    return asked(run_pipeline, ledger, connections, name, trigger=Trigger.MANUAL, **given)
