"""`supersync.yaml`: connections and pipelines as code, read with the line of every mistake, written into the ledger."""

from supersync_core.services.configuration.apply import Applied, apply_configuration
from supersync_core.services.configuration.channel import ChannelConfig
from supersync_core.services.configuration.channel_sync import ChannelSyncConfig
from supersync_core.services.configuration.historical_sync import HistoricalSyncConfig, SupabaseConfig
from supersync_core.services.configuration.model import Configuration, OpenLineageConfig, TableSyncConfig
from supersync_core.services.configuration.pipeline import PipelineConfig
from supersync_core.services.configuration.yaml_file import load_configuration

__all__ = [
    "Applied",
    "ChannelConfig",
    "ChannelSyncConfig",
    "Configuration",
    "HistoricalSyncConfig",
    "OpenLineageConfig",
    "PipelineConfig",
    "SupabaseConfig",
    "TableSyncConfig",
    "apply_configuration",
    "load_configuration",
]
