"""Channels and messages of a Slack workspace.

Slack gives the newest messages first, and replies only by their parent. So history is read in windows of time, the
oldest first: each is as wide as the one before had room for.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import Any

from supersync_core.clock import Clock, utcnow
from supersync_core.connectors.chat_files import EPOCH, PAGE, count_of, moment_of, text_of
from supersync_core.connectors.slack.client import Slack
from supersync_core.connectors.slack_messages import is_message, is_ts, message_of, moment_of_ts, user_name
from supersync_core.domain.message import Channel, Message
from supersync_core.errors import NotFound

FIRST_WINDOW = timedelta(days=7)
LEAST_WINDOW, MOST_WINDOW = timedelta(minutes=1), timedelta(days=90)
FULL = 2_000
"""Messages: after a window with more the next one is half as wide, after one with a quarter of that twice as wide."""


class SlackSource:
    """A `ChannelSource` over Slack's API. Its cursor is the `ts` of a message that is no reply."""

    def __init__(self, slack: Slack, thread_days: float, clock: Clock = utcnow) -> None:
        """Nothing is asked yet."""
        self._slack, self._thread_days, self._clock = slack, thread_days, clock
        self._met = 0

    def channels(self) -> list[Channel]:
        """See `ChannelSource`."""
        return [Channel("slack", id_, text_of(one.get("name")) or id_) for id_, one in self._channels.items()]

    def count(self, channel_id: str, after: str | None) -> int | None:
        """See `ChannelSource`. Slack does not tell."""
        return None

    def read(self, channel_id: str, after: str | None) -> Iterator[list[Message]]:
        """See `ChannelSource`. New replies are looked for to messages that are some days older."""
        page: list[Message] = []
        for entry in self._entries(channel_id, after):
            page.append(message_of(entry, channel_id, self._users, self._slack.workspace_url))
            if len(page) == PAGE:
                yield page
                page = []
        if page:
            yield page

    def cursor(self, page: Sequence[Message]) -> str | None:
        """See `ChannelSource`. Replies move nothing: they are later than messages that are still to come."""
        return max((message.id for message in page if message.thread_id is None), key=moment_of_ts, default=None)

    @cached_property
    def _channels(self) -> Mapping[str, Mapping[str, Any]]:
        pages = self._slack.pages("conversations.list", "channels", types=self._slack.types)
        return {text_of(one["id"]): one for page in pages for one in page if text_of(one.get("id"))}

    @cached_property
    def _users(self) -> Mapping[str, str]:
        pages = self._slack.pages("users.list", "members")
        return {text_of(one.get("id")): user_name(one) for page in pages for one in page}

    def _entries(self, channel_id: str, after: str | None) -> Iterator[Mapping[str, Any]]:
        """Messages and behind each its replies; only what is later than the cursor."""
        since = moment_of_ts(after) if after else None
        for entry in self._history(channel_id, since):
            ts = entry["ts"]
            if since is None or moment_of_ts(ts) > since:
                yield entry
            if count_of(entry.get("reply_count")) and _may_be_new(entry, since):
                yield from self._replies(channel_id, ts, since)

    def _history(self, channel_id: str, since: datetime | None) -> Iterator[Mapping[str, Any]]:
        """What is no reply, the oldest first; since some days before the cursor."""
        for begin, until in self._windows(channel_id, since):
            window = self._window(channel_id, begin, until)
            yield from sorted(window, key=lambda one: moment_of_ts(one["ts"]))
            self._met = len(window)

    def _windows(self, channel_id: str, since: datetime | None) -> Iterator[tuple[datetime, datetime]]:
        end, width = self._clock() + timedelta(days=1), FIRST_WINDOW
        if since is None:
            begin = self._created(channel_id)
            yield EPOCH, begin  # what was imported is older than its channel
        else:
            begin = max(EPOCH, since - timedelta(days=self._thread_days))
        while begin < end:
            yield begin, min(begin + width, end)
            begin += width
            if self._met > FULL:
                width = max(width / 2, LEAST_WINDOW)
            elif self._met < FULL / 4:
                width = min(width * 2, MOST_WINDOW)

    def _window(self, channel_id: str, begin: datetime, until: datetime) -> list[Mapping[str, Any]]:
        """Those that are later than `begin`, and not later than `until`."""
        bounds = {"oldest": _ts(begin), "latest": _ts(until), "inclusive": "true"}
        found: dict[str, Mapping[str, Any]] = {}
        for page in self._slack.pages("conversations.history", "messages", channel=channel_id, **bounds):
            for entry in page:
                if is_message(entry) and not _is_reply(entry) and begin < moment_of_ts(entry["ts"]) <= until:
                    found[entry["ts"]] = entry
        return list(found.values())

    def _replies(self, channel_id: str, ts: str, since: datetime | None) -> Iterator[Mapping[str, Any]]:
        oldest = {"oldest": _ts(since)} if since else {}
        for page in self._slack.pages("conversations.replies", "messages", channel=channel_id, ts=ts, **oldest):
            for entry in page:
                if is_message(entry) and entry["ts"] != ts and (since is None or moment_of_ts(entry["ts"]) > since):
                    yield entry

    def _created(self, channel_id: str) -> datetime:
        channel = self._channels.get(channel_id)
        if channel is None:
            raise NotFound(f"there is no channel {channel_id!r}, or the token does not see it")
        return min(moment_of(channel.get("created")) or EPOCH, self._clock())


def _may_be_new(entry: Mapping[str, Any], since: datetime | None) -> bool:
    latest = text_of(entry.get("latest_reply"))
    return since is None or not is_ts(latest) or moment_of_ts(latest) > since


def _is_reply(entry: Mapping[str, Any]) -> bool:
    """A reply that was shown in the channel as well: it comes with its parent."""
    thread = text_of(entry.get("thread_ts"))
    return bool(thread) and thread != entry["ts"]


def _ts(at: datetime) -> str:
    since = at.astimezone(timezone.utc) - EPOCH
    return f"{since // timedelta(seconds=1)}.{since.microseconds:06}"
