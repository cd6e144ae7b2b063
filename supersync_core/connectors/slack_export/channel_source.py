"""Channels and messages of a Slack export."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from supersync_core.connectors.chat_files import PAGE, list_of, mapping_of, text_of
from supersync_core.connectors.slack_export.archive import Archive
from supersync_core.connectors.slack_messages import is_message, message_of, moment_of_ts, user_name
from supersync_core.domain.message import Channel, Message
from supersync_core.errors import BadData, NotFound

LISTS = ("channels.json", "groups.json", "mpims.json", "dms.json")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\.json")


class SlackExportSource:
    """A `ChannelSource` over the ZIP. Its cursor is the `ts` of a message."""

    def __init__(self, path: Path, workspace_url: str | None = None) -> None:
        """Nothing is opened yet."""
        self._path, self._url = path, workspace_url

    def channels(self) -> list[Channel]:
        """See `ChannelSource`."""
        with Archive(self._path) as archive:
            return [Channel("slack", id_, name) for id_, name in _channels(archive).items()]

    def count(self, channel_id: str, after: str | None) -> int | None:
        """See `ChannelSource`."""
        with Archive(self._path) as archive:
            return sum(len(day) for day in _days(archive, channel_id, after))

    def read(self, channel_id: str, after: str | None) -> Iterator[list[Message]]:
        """See `ChannelSource`."""
        with Archive(self._path) as archive:
            users = _users(archive)
            page: list[Message] = []
            for day in _days(archive, channel_id, after):
                page += [message_of(entry, channel_id, users, self._url) for entry in day]
                while len(page) >= PAGE:
                    yield page[:PAGE]
                    page = page[PAGE:]
            if page:
                yield page

    def cursor(self, page: Sequence[Message]) -> str | None:
        """See `ChannelSource`."""
        return max((message.id for message in page), key=moment_of_ts)


def _channels(archive: Archive) -> dict[str, str]:
    """Names by ids; the folder of a channel has its name, that of a direct message its id."""
    found = {}
    for name in LISTS:
        for entry in map(mapping_of, list_of(archive.json(name))):
            if id_ := text_of(entry.get("id")):
                found[id_] = text_of(entry.get("name")) or id_
    return found


def _users(archive: Archive) -> dict[str, str]:
    entries = map(mapping_of, list_of(archive.json("users.json")))
    return {text_of(entry.get("id")): user_name(entry) for entry in entries}


def _days(archive: Archive, channel_id: str, after: str | None) -> Iterator[list[Mapping[str, Any]]]:
    """The messages of each day that come after the cursor, the oldest first. Raises NotFound."""
    folder = _channels(archive).get(channel_id)
    if folder is None:
        raise NotFound(f"there is no channel {channel_id!r} in the export")
    since = None if after is None else moment_of_ts(after)
    # The day in a file's name is one of the workspace's zone.
    first = "" if since is None else f"{(since - timedelta(days=1)).date().isoformat()}.json"
    names = sorted(name for name in archive.names if name.startswith(f"{folder}/"))
    for name in names:
        day = name.removeprefix(f"{folder}/")
        if _DAY.fullmatch(day) and day >= first:
            entries = archive.json(name)
            if not isinstance(entries, list):
                raise BadData(f"{name} has no list of messages")
            chosen = [one for one in entries if is_message(one) and (since is None or moment_of_ts(one["ts"]) > since)]
            yield sorted(chosen, key=lambda one: moment_of_ts(one["ts"]))
