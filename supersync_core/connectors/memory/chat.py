"""Chats in memory, by name."""

import threading
from dataclasses import dataclass, field

from supersync_core.domain.message import Channel, Message
from supersync_core.errors import SupersyncError


@dataclass
class MemoryChat:
    """Channels and messages. `failure` is raised instead of the page with the message `failing_at`.

    `unlisted`: raised instead of the list of channels. `silent_s`: seconds before each page.
    """

    channels: list[Channel] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    failure: SupersyncError | None = None
    failing_at: str | None = None
    unlisted: SupersyncError | None = None
    silent_s: float = 0


_chats: dict[str, MemoryChat] = {}
_lock = threading.Lock()


def named_chat(name: str) -> MemoryChat:
    """The chat of that name: the same one for whoever asks in this process."""
    with _lock:
        return _chats.setdefault(name, MemoryChat())
