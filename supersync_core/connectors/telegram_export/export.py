"""Chats and messages of `result.json`, as Telegram Desktop exports it: of one chat, or of all."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from supersync_core.connectors.chat_files import count_of, list_of, mapping_of, moment_of, read_json, stamp_of, text_of
from supersync_core.domain.message import Channel, Message
from supersync_core.errors import NotFound

PLATFORM = "telegram"


class TelegramExport:
    """The file. Older exports have local times only: these are taken for UTC."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        """Nothing is read yet."""
        self._path, self._most_bytes = path, most_bytes

    def channels(self) -> Iterator[Channel]:
        """See `Export`."""
        for chat in self._chats():
            id_ = text_of(chat.get("id"))
            yield Channel(PLATFORM, id_, text_of(chat.get("name")) or id_)

    def messages(self, channel_id: str) -> Iterator[Message]:
        """See `Export`."""
        chat = next((one for one in self._chats() if text_of(one.get("id")) == channel_id), None)
        if chat is None:
            raise NotFound(f"there is no chat {channel_id!r} in {self._path}")
        for entry in list_of(chat.get("messages")):
            message = _message(mapping_of(entry), channel_id)
            if message is not None:
                yield message

    def _chats(self) -> Iterator[Mapping[str, Any]]:
        content = mapping_of(read_json(self._path, self._most_bytes))
        listed = list_of(mapping_of(content.get("chats")).get("list"))
        for chat in [content, *map(mapping_of, listed)]:
            if text_of(chat.get("id")) and isinstance(chat.get("messages"), list):
                yield chat


def _message(entry: Mapping[str, Any], channel_id: str) -> Message | None:
    id_, sent = text_of(entry.get("id")), moment_of(entry.get("date_unixtime")) or stamp_of(entry.get("date"))
    if not id_ or sent is None or entry.get("type", "message") != "message":
        return None
    author = text_of(entry.get("from_id")) or text_of(entry.get("from")) or "unknown"
    reactions = [mapping_of(one) for one in list_of(entry.get("reactions"))]
    return Message(
        platform=PLATFORM,
        channel_id=channel_id,
        id=id_,
        thread_id=text_of(entry.get("reply_to_message_id")) or None,
        author_id=author,
        author_name=text_of(entry.get("from")) or author,
        text=_plain(entry.get("text")),
        sent_at=sent,
        edited_at=moment_of(entry.get("edited_unixtime")) or stamp_of(entry.get("edited")),
        reactions={text_of(one["emoji"]): count_of(one.get("count")) for one in reactions if text_of(one.get("emoji"))},
    )


def _plain(text: Any) -> str:
    """A text, or parts of which some are marked as links, code and the like."""
    if not isinstance(text, list):
        return text_of(text)
    return "".join(_part(part) for part in text)


def _part(part: Any) -> str:
    if not isinstance(part, dict):
        return text_of(part)
    shown = text_of(part.get("text"))
    fence = {"code": "`", "pre": "```"}.get(text_of(part.get("type")), "")
    return f"{fence}{shown}{fence}"
