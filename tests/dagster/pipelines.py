"""Pipelines as values, for tests that need no ledger."""

from typing import Any

from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind
from supersync_dagster.translator import PipelineData

TYPES = {"warehouse": "redshift", "analytics": "postgres"}


def table_sync(
    name: str = "Orders Sync", source: str = "sales.Orders", target: str = "orders", **changes: Any
) -> PipelineData:
    """A sync of `source` in the connection warehouse to `target` in the connection analytics."""
    spec = {
        "source": {"connection": "warehouse", "table": source},
        "target": {"connection": "analytics", "table": target, "primary_key": ["id"]},
    }
    values = {"name": name, "kind": PipelineKind.TABLE_SYNC, "spec": spec, **changes}
    return PipelineData(PipelineDeclaration(**values), connection_types=TYPES)
