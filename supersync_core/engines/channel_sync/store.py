"""What a sync of a channel needs of whoever keeps what it makes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from supersync_core.domain.channel_sync import ChannelProgress
from supersync_core.domain.message import Channel, Message
from supersync_core.engines.channel_sync.material import Material
from supersync_core.engines.channel_sync.pages import Page


@dataclass(frozen=True)
class Pending:
    """A stored message whose facts are still to be made; `row_id` grows with the order in which they were stored.

    `has_facts`: it may have some, from what it said before.
    """

    row_id: int
    has_facts: bool
    content_hash: str
    message: Message


@dataclass(frozen=True)
class NewFact:
    """A fact of a stored message. `mentions` and `relations` as the graph takes them: see the ledger's facts."""

    row_id: int
    place: int
    text: str
    kind: str
    quality: float
    importance: float
    tags: Sequence[str] = ()
    mentions: Sequence[Mapping[str, str]] = ()
    relations: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Stored:
    """What became of a page of messages."""

    inserted: int
    updated: int


class ChannelStore(Protocol):
    """Each call is one transaction, which also says how far the sync is, and fails once the run is not ours any more.

    Raises LeaseLost then, and RetryErrors.
    """

    def open(self, channel: Channel) -> None:
        """The channel as its platform has it now."""

    def cursor(self) -> str | None:
        """Up to where messages are stored; None before the first."""

    def is_dirty(self) -> bool:
        """Whether messages or facts have changed since the wiki was last whole."""

    def put_messages(
        self, page: Sequence[Message], cursor: str | None, progress: ChannelProgress, *, full: bool
    ) -> Stored:
        """Store a page. `cursor`: what is stored with it; None: it stays. `full`: a full sync has read it."""

    def end_full(self, first: Message, last: Message, cursor: str) -> int:
        """Messages between these two that the full sync has not met are deleted: how many. And store its cursor."""

    def count_pending(self) -> int:
        """Messages whose facts are still to be made."""

    def pending(self, after: int, limit: int) -> Sequence[Pending]:
        """The next of them."""

    def put_facts(
        self,
        done: Sequence[Pending],
        facts: Sequence[NewFact],
        failures: Mapping[int, str],
        progress: ChannelProgress,
    ) -> int:
        """Let the facts of the messages `done` be these; how many are new. `failures`: by row, why there are none."""

    def count_ungraphed(self) -> int:
        """Facts that the graph does not have."""

    def graph(self, limit: int, progress: ChannelProgress) -> tuple[int, int]:
        """Bring the next facts into the graph: how many, and how many entities were new."""

    def put_topics(self, progress: ChannelProgress) -> None:
        """Forget entities that nobody names, and find the topics anew."""

    def material(self) -> tuple[str, Material]:
        """The begin of the slugs of the channel's pages, and what they are made from."""

    def put_pages(self, pages: Sequence[Page], progress: ChannelProgress) -> int:
        """Write pages that have changed: how many."""

    def end_pages(self, slugs: Sequence[str], progress: ChannelProgress) -> None:
        """Take away the pages that are none of these; the wiki is whole."""

    def say(self, progress: ChannelProgress) -> None:
        """How far it is, and nothing else."""

    def cancel(self) -> None:
        """Make the call that goes on fail. From any thread."""
