"""The source of a CDC pipeline, to be asked or read."""

from collections.abc import Callable

from supersync_core.connectors.changes import ChangeSource, SourceContext
from supersync_core.connectors.registry import load_change_source
from supersync_core.domain.change import Position, SourceTable
from supersync_core.services.cdc.spec import CdcSpec, source_config


def build_source(
    spec: CdcSpec, on_table: Callable[[SourceTable, Position | None], object] = lambda table, position: None
) -> ChangeSource:
    """Nothing is connected yet. `on_table`: see `SourceContext`. Raises ConfigError."""
    part = spec.spec.source
    context = SourceContext(spec.metadata.name, spec.metadata.tenant, on_table)
    source: ChangeSource = load_change_source(part.type).build_change_source(source_config(part), context)
    return source
