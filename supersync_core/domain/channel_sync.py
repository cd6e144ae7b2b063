"""What a sync of a chat channel goes through, and what it counts."""

from dataclasses import dataclass, field
from enum import Enum


class ChannelStage(str, Enum):
    """The stages of a channel sync, in order."""

    FETCH = "fetch"  # messages are read and stored
    EXTRACT = "extract"  # facts are made from messages
    GRAPH = "graph"  # entities, relationships and topics are made from facts
    WIKI = "wiki"  # pages are made from all of it


@dataclass(frozen=True)
class ChannelProgress:
    """How far a sync is. `total`: messages to read, None while nobody can tell; `processed`: read and stored.

    `failing`: messages whose facts could not be extracted. `stage_done` of `stage_total`: in the present stage.
    """

    stage: ChannelStage = ChannelStage.FETCH
    total: int | None = None
    processed: int = 0
    failing: int = 0
    facts: int = 0
    entities: int = 0
    stage_done: int = 0
    stage_total: int = 0
    failing_ids: tuple[str, ...] = field(default=())
