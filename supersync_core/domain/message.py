"""Chat messages and channels, whatever platform they come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Channel:
    """A channel, by the id that its platform gives it."""

    platform: str
    id: str
    name: str


@dataclass(frozen=True)
class Message:
    """A message. `id` is unique in its channel. Times are aware, in UTC."""

    platform: str
    channel_id: str
    id: str
    thread_id: str | None
    author_id: str
    author_name: str
    text: str
    sent_at: datetime
    edited_at: datetime | None = None
    is_deleted: bool = False
    reply_count: int = 0
    reactions: Mapping[str, int] = field(default_factory=dict)
    permalink: str | None = None
