"""Channels and messages of files that DiscordChatExporter writes as JSON: one a channel, or several parts of one."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from supersync_core.connectors.chat_files import count_of, list_of, mapping_of, read_json, stamp_of, text_of
from supersync_core.domain.message import Channel, Message
from supersync_core.errors import NotFound

PLATFORM = "discord"
TYPES = frozenset({"Default", "Reply"})
"""Others are notices of Discord's."""


class DiscordExport:
    """A file, or a folder of files."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        """Nothing is read yet. `most_bytes`: of one file."""
        self._path, self._most_bytes = path, most_bytes

    def channels(self) -> Iterator[Channel]:
        """See `Export`."""
        seen = set[str]()
        for content in self._contents():
            id_ = _channel_id(content)
            if id_ and id_ not in seen:
                seen.add(id_)
                yield Channel(PLATFORM, id_, text_of(mapping_of(content["channel"]).get("name")) or id_)

    def messages(self, channel_id: str) -> Iterator[Message]:
        """See `Export`."""
        known = False
        for content in self._contents():
            if _channel_id(content) != channel_id:
                continue
            known = True
            guild = text_of(mapping_of(content.get("guild")).get("id"))
            for entry in list_of(content.get("messages")):
                message = _message(mapping_of(entry), channel_id, guild)
                if message is not None:
                    yield message
        if not known:
            raise NotFound(f"there is no channel {channel_id!r} in {self._path}")

    def _contents(self) -> Iterator[Mapping[str, Any]]:
        paths = sorted(self._path.glob("*.json")) if self._path.is_dir() else [self._path]
        for path in paths:
            content = mapping_of(read_json(path, self._most_bytes))
            if isinstance(content.get("channel"), dict):
                yield content


def _channel_id(content: Mapping[str, Any]) -> str:
    return text_of(mapping_of(content.get("channel")).get("id"))


def _message(entry: Mapping[str, Any], channel_id: str, guild: str) -> Message | None:
    id_, sent, author = text_of(entry.get("id")), stamp_of(entry.get("timestamp")), mapping_of(entry.get("author"))
    if not id_ or sent is None or text_of(entry.get("type", "Default")) not in TYPES:
        return None
    reactions = [mapping_of(one) for one in list_of(entry.get("reactions"))]
    author_id = text_of(author.get("id")) or text_of(author.get("name")) or "unknown"
    return Message(
        platform=PLATFORM,
        channel_id=channel_id,
        id=id_,
        thread_id=text_of(mapping_of(entry.get("reference")).get("messageId")) or None,
        author_id=author_id,
        author_name=text_of(author.get("nickname")) or text_of(author.get("name")) or author_id,
        text=text_of(entry.get("content")),
        sent_at=sent,
        edited_at=stamp_of(entry.get("timestampEdited")),
        reactions={
            text_of(mapping_of(one.get("emoji")).get("name")): count_of(one.get("count"))
            for one in reactions
            if text_of(mapping_of(one.get("emoji")).get("name"))
        },
        permalink=f"https://discord.com/channels/{guild or '@me'}/{channel_id}/{id_}" if id_.isdigit() else None,
    )
