"""Where the data of a CDC pipeline comes from and goes to: its lineage."""

from supersync_core.domain.lineage import Place
from supersync_core.services.cdc.spec import CdcSpec, Connector


def places(spec: CdcSpec) -> tuple[list[Place], list[Place]]:
    """Where the data comes from and where it goes, as far as the specification says."""
    source = spec.spec.source
    tables = source.config.get("tables") or ["*"]
    sources = [Place(f"{source.config['id']}.{table}", source.type) for table in tables]
    return sources, [_target(sink) for sink in spec.spec.sinks]


_DESTINATIONS = ("topic", "stream", "subject", "table", "bucket", "url")


def _target(sink: Connector) -> Place:
    named = (sink.config.get(name) for name in _DESTINATIONS)
    destination = next((str(name) for name in named if name and "://" not in str(name)), "")
    group = "database" if sink.type in ("postgres", "clickhouse") else "stream"
    return Place(f"{sink.config['id']}.{destination}" if destination else str(sink.config["id"]), sink.type, group)
