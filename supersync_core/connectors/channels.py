"""What a source of chat messages must do.

Messages have ids that are unique in their channel. A source gives a message again with the same id, whatever has become
of it since: whoever stores them keeps one row each, so giving one twice is harmless and leaving one out is not.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from supersync_core.domain.message import Channel, Message


class ChannelSource(Protocol):
    """A system with chat channels.

    Every call may raise NotFound for a channel or a file that is not there, AccessDenied where credentials are refused,
    RateLimited with the seconds to wait once the source's own patience has ended, Unavailable for a platform that does
    not answer as it should, and BadData for a file that cannot be read. A message without id or time makes no sense: it
    is left out, and raises nothing.
    """

    def channels(self) -> Iterable[Channel]:
        """The channels that can be read."""

    def count(self, channel_id: str, after: str | None) -> int | None:
        """How many messages `read` would give; None where that is not cheap to know."""

    def read(self, channel_id: str, after: str | None) -> Iterator[list[Message]]:
        """Pages of at most 500 messages: all that the channel has had since the cursor; None: since it began.

        The oldest come first. Where the platform keeps replies apart, they follow their parent instead, and those to
        parents that are older than the cursor come with the first page that has room for them. Messages that are older
        than the cursor are not looked at: edits and deletions of theirs show when all is read again, as a message with
        another text and `edited_at`, as one that `is_deleted`, or by its absence.
        """

    def cursor(self, page: Sequence[Message]) -> str | None:
        """The cursor after a page: who goes on from there misses nothing that was sent later than the page's messages.

        None for a page that moves nothing, such as one of replies to what was read before.
        """
