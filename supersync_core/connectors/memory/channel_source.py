"""A source of chat messages in memory."""

import time
from collections.abc import Iterator, Sequence

from supersync_core.connectors.memory.chat import MemoryChat
from supersync_core.domain.message import Channel, Message
from supersync_core.errors import NotFound

PAGE = 500


class MemoryChannelSource:
    """A `ChannelSource` over lists. Its cursor is the time at which a message was sent."""

    def __init__(self, chat: MemoryChat) -> None:
        """Read that chat, as it is when it is asked."""
        self._chat = chat

    def channels(self) -> list[Channel]:
        """See `ChannelSource`."""
        if self._chat.unlisted is not None:
            raise self._chat.unlisted
        return list(self._chat.channels)

    def count(self, channel_id: str, after: str | None) -> int | None:
        """See `ChannelSource`."""
        return len(self._after(channel_id, after))

    def read(self, channel_id: str, after: str | None) -> Iterator[list[Message]]:
        """See `ChannelSource`. Fails where the chat was told to."""
        found = self._after(channel_id, after)
        for start in range(0, len(found), PAGE):
            time.sleep(self._chat.silent_s)
            page = found[start : start + PAGE]
            if self._chat.failure is not None and any(one.id == self._chat.failing_at for one in page):
                raise self._chat.failure
            yield page

    def cursor(self, page: Sequence[Message]) -> str | None:
        """See `ChannelSource`."""
        return max(one.sent_at for one in page).isoformat()

    def _after(self, channel_id: str, after: str | None) -> list[Message]:
        if all(one.id != channel_id for one in self._chat.channels):
            raise NotFound(f"there is no channel {channel_id!r}")
        found = [one for one in self._chat.messages if one.channel_id == channel_id]
        found.sort(key=lambda one: one.sent_at)
        return [one for one in found if after is None or one.sent_at.isoformat() > after]
