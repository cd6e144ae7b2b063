"""Channels and messages of a bulk export of Mattermost: a JSON object a line."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from supersync_core.connectors.chat_files import list_of, mapping_of, moment_of, text_of
from supersync_core.domain.message import Channel, Message
from supersync_core.errors import BadData, NotFound

PLATFORM = "mattermost"
MOST_LINE_BYTES = 64 * 1024 * 1024
_MS = 1000


class MattermostExport:
    """The file. Posts have no ids in it: time and author make them, and a number where that is not one."""

    def __init__(self, path: Path) -> None:
        """Nothing is read yet."""
        self._path = path

    def channels(self) -> Iterator[Channel]:
        """See `Export`. The id is `team/name`."""
        for entry in self._entries("channel"):
            if entry.get("team") and entry.get("name"):
                yield Channel(
                    PLATFORM, _id(entry, "name"), text_of(entry.get("display_name")) or text_of(entry["name"])
                )

    def messages(self, channel_id: str) -> Iterator[Message]:
        """See `Export`."""
        if all(one.id != channel_id for one in self.channels()):
            raise NotFound(f"there is no channel {channel_id!r} in the export")
        names = {text_of(one.get("username")): _name(one) for one in self._entries("user")}
        seen = Counter[str]()
        for post in self._entries("post"):
            if _id(post, "channel") != channel_id:
                continue
            replies = [mapping_of(reply) for reply in list_of(post.get("replies"))]
            parent = _message(post, None, channel_id, names, seen, len(replies))
            if parent is not None:
                yield parent
            for reply in replies:
                answer = _message(reply, parent.id if parent else None, channel_id, names, seen, 0)
                if answer is not None:
                    yield answer

    def _entries(self, kind: str) -> Iterator[Mapping[str, Any]]:
        """What the lines of that kind hold."""
        wanted = f'"{kind}"'.encode()
        try:
            with self._path.open("rb") as file:
                number = 0
                while line := file.readline(MOST_LINE_BYTES + 1):
                    number += 1
                    if len(line) > MOST_LINE_BYTES:
                        raise BadData(f"line {number} of {self._path} is longer than {MOST_LINE_BYTES} bytes")
                    if wanted in line:
                        yield from self._entry(line, number, kind)
        except FileNotFoundError as error:
            raise NotFound(f"there is no file {self._path}") from error
        except OSError as error:
            raise BadData(f"{self._path} cannot be read: {error}") from error

    def _entry(self, line: bytes, number: int, kind: str) -> Iterator[Mapping[str, Any]]:
        try:
            entry = mapping_of(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise BadData(f"line {number} of {self._path} is no JSON: {error}") from error
        if entry.get("type") == kind and isinstance(entry.get(kind), dict):
            yield entry[kind]


def _id(entry: Mapping[str, Any], name: str) -> str:
    return f"{text_of(entry.get('team'))}/{text_of(entry.get(name))}"


def _name(user: Mapping[str, Any]) -> str:
    full = f"{text_of(user.get('first_name'))} {text_of(user.get('last_name'))}".strip()
    return text_of(user.get("nickname")) or full or text_of(user.get("username"))


def _message(
    post: Mapping[str, Any],
    parent: str | None,
    channel_id: str,
    names: Mapping[str, str],
    seen: "Counter[str]",
    replies: int,
) -> Message | None:
    sent, user = moment_of(post.get("create_at"), _MS), text_of(post.get("user"))
    if sent is None or not user or text_of(post.get("type")).startswith("system_"):
        return None
    edited = moment_of(post.get("edit_at") or None, _MS)
    id_ = f"{int(post['create_at'])}-{user}"
    seen[id_] += 1
    reactions = Counter(text_of(mapping_of(one).get("emoji_name")) for one in list_of(post.get("reactions")))
    return Message(
        platform=PLATFORM,
        channel_id=channel_id,
        id=id_ if seen[id_] == 1 else f"{id_}-{seen[id_]}",
        thread_id=parent,
        author_id=user,
        author_name=names.get(user) or user,
        text=text_of(post.get("message")),
        sent_at=sent,
        edited_at=edited,
        reply_count=replies,
        reactions={name: many for name, many in reactions.items() if name},
    )
