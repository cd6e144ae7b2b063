"""How a file declares the sync of a chat channel."""

from collections.abc import Sequence
from typing import Literal

from supersync_core.services.configuration.part import Part
from supersync_core.services.configuration.pipeline import PipelineConfig, Use
from supersync_core.services.configuration.values import Text


class ChannelSourceConfig(Part):
    """Which channel of a connection, by the id that its platform gives it."""

    connection: Text
    channel: Text


class ChannelSyncConfig(PipelineConfig):
    """One pipeline of kind `channel_sync`. `facts`: the connection of a model that finds facts; None: rules do."""

    kind: Literal["channel_sync"]
    source: ChannelSourceConfig
    facts: Text | None = None

    def uses(self) -> Sequence[Use]:
        """Where it reads, and who finds the facts."""
        read = Use("source", self.source.connection, "build_channel_source", "read channels")
        return (read, Use("facts", self.facts, "build_fact_extractor", "find facts")) if self.facts else (read,)
