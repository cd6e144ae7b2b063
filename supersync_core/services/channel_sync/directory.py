"""Which channels there are: those that pipelines sync, and those that connections know."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from supersync_core.connectors.channels import ChannelSource
from supersync_core.connectors.config import ConnectorConfig
from supersync_core.connectors.registry import load_connector
from supersync_core.domain.message import Channel
from supersync_core.domain.pipeline import PipelineKind
from supersync_core.engines.channel_sync.engine import of_platform
from supersync_core.errors import Conflict, NotFound, SupersyncError
from supersync_core.ledger.pipelines import get_or_create_pipeline
from supersync_core.ledger.tables import Pipeline
from supersync_core.services.configuration import ChannelSyncConfig, Configuration
from supersync_core.services.refresh import Refreshed

logger = logging.getLogger(__name__)

KIND = PipelineKind.CHANNEL_SYNC
LISTED_S = 60.0
"""What connections list is asked for at most so often: platforms count the questions."""


class ChannelNotFound(NotFound):
    """No pipeline syncs the channel, and no connection knows it."""


class Listed(NamedTuple):
    """A channel that a connection knows."""

    connection: str
    channel: Channel


@dataclass(frozen=True)
class Listing:
    """What all connections know, and by connection what went wrong with those that did not answer."""

    channels: Sequence[Listed]
    problems: Mapping[str, SupersyncError]


class Directory:
    """The channels that connections know. Any thread may ask."""

    def __init__(self, configuration: Callable[[], Configuration | None]) -> None:
        """Nobody is asked yet."""
        self._configuration = configuration
        self._listing = Refreshed(self._look, LISTED_S)

    def listing(self) -> Listing:
        """At most a minute old. Raises ConfigError."""
        return self._listing.get()

    def connections(self) -> Mapping[str, ConnectorConfig]:
        """Those that know channels. Raises ConfigError."""
        configuration = self._configuration()
        known = configuration.connections if configuration else {}
        return {name: one for name, one in known.items() if _has_channels(one)}

    def find(self, channel_id: str) -> Listed:
        """The channel of that id, for certain. Raises ChannelNotFound; or PlatformErrors of who did not answer."""
        found = self._in_listing(channel_id)
        if found is None:
            self._listing.forget()
            found = self._in_listing(channel_id)
        if found is not None:
            return found
        for error in self.listing().problems.values():
            raise error
        raise ChannelNotFound(f"there is no channel {channel_id!r}: no connection knows it")

    def source(self, connection: str) -> ChannelSource | None:
        """Whoever reads the channels of a connection; None where it is not declared any more."""
        config = self.connections().get(connection)
        return None if config is None else source_of(config)

    def _in_listing(self, channel_id: str) -> Listed | None:
        return next((one for one in self.listing().channels if one.channel.id == channel_id), None)

    def _look(self) -> Listing:
        channels, problems = list[Listed](), dict[str, SupersyncError]()
        for name, config in self.connections().items():
            try:
                with of_platform():
                    channels += [Listed(name, channel) for channel in source_of(config).channels()]
            except SupersyncError as error:
                logger.warning("the channels of %s are not known: %s", name, error)
                problems[name] = error
        return Listing(channels, problems)


def source_of(config: ConnectorConfig) -> ChannelSource:
    """Whoever reads the channels of a connection."""
    source: ChannelSource = load_connector(config.type).build_channel_source(config)
    return source


def find_pipeline_of(session: Session, channel_id: str) -> Pipeline | None:
    """The pipeline that syncs the channel; of several the first."""
    ours = select(Pipeline).where(
        Pipeline.kind == KIND,
        Pipeline.retired_at.is_(None),
        Pipeline.spec["source"]["channel"].astext == channel_id,
    )
    return session.scalars(ours.order_by(Pipeline.id).limit(1)).first()


def pipeline_of(session: Session, directory: Directory, channel_id: str, *, at: datetime) -> tuple[Pipeline, bool]:
    """The pipeline that syncs the channel, and whether it is new: one that a connection knows is registered.

    Raises ChannelNotFound, what `Directory.find` raises, and Conflict where its name is another pipeline's.
    """
    known = find_pipeline_of(session, channel_id)
    if known is not None:
        return known, False
    listed = directory.find(channel_id)
    config = ChannelSyncConfig.model_validate(
        {
            "name": channel_id,
            "title": f"#{listed.channel.name}",
            "kind": KIND.value,
            "source": {"connection": listed.connection, "channel": channel_id},
        }
    )
    declared = config.declaration()
    pipeline = get_or_create_pipeline(session, declared.name, KIND, at=at)
    if pipeline.kind is not KIND or (pipeline.spec and pipeline.retired_at is None):
        raise Conflict(f"another pipeline has the name {pipeline.name!r}: declare the channel under a name of its own")
    # Nobody has declared it: what a file declares else retires what has left it.
    pipeline.title, pipeline.spec, pipeline.declared_hash = declared.title, dict(declared.spec), None
    pipeline.retired_at, pipeline.updated_at = None, at
    session.flush()
    session.refresh(pipeline)
    return pipeline, True


def _has_channels(config: ConnectorConfig) -> bool:
    return hasattr(load_connector(config.type), "build_channel_source")
