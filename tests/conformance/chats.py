"""The same chat as each platform would have it, for whoever reads it."""

import json
import zipfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from supersync_core.connectors.channels import ChannelSource
from supersync_core.connectors.memory.channel_source import MemoryChannelSource
from supersync_core.connectors.memory.chat import MemoryChat
from supersync_core.connectors.registry import load_connector
from supersync_core.domain.message import Channel, Message
from tests.slack import TOKEN, FakeSlack

START = datetime(2026, 3, 2, 8, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Said:
    """What Ada or somebody has said so many seconds after `START`. `parent`: which of the messages it answers."""

    second: int
    text: str
    author: str = "Ada"
    parent: int | None = None
    edited: bool = False

    @property
    def at(self) -> datetime:
        return START + timedelta(seconds=self.second)


Chat = Mapping[str, Sequence[Said]]
"""By channel, what was said."""


@dataclass(frozen=True)
class Place:
    """Where a chat is. `channel_id`: of the channel with that name."""

    source: ChannelSource
    channel_id: Callable[[str], str]


def _source(type_: str, **given: Any) -> ChannelSource:
    connector = load_connector(type_)
    source: ChannelSource = connector.build_channel_source(connector.Config(**given))
    return source


def _ts(said: Said) -> str:
    return f"{int(said.at.timestamp())}.000000"


def _slack_entries(said: Sequence[Said]) -> list[dict[str, Any]]:
    entries = []
    for place, one in enumerate(said):
        text = one.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        entry: dict[str, Any] = {"type": "message", "user": f"U-{one.author}", "text": text, "ts": _ts(one)}
        answers = [other for other in said if other.parent == place]
        if answers:
            latest = max(map(_ts, answers))
            entry |= {"thread_ts": entry["ts"], "reply_count": len(answers), "latest_reply": latest}
        if one.parent is not None:
            entry["thread_ts"] = _ts(said[one.parent])
        if one.edited:
            entry["edited"] = {"ts": _ts(Said(one.second + 1, ""))}
        entries.append(entry)
    return entries


def _people(chat: Chat) -> list[str]:
    return sorted({one.author for said in chat.values() for one in said})


def slack_export(path: Path, chat: Chat, _: FakeSlack) -> Place:
    with zipfile.ZipFile(path / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        users = [{"id": f"U-{name}", "real_name": name} for name in _people(chat)]
        archive.writestr("users.json", json.dumps(users))
        archive.writestr("channels.json", json.dumps([{"id": f"C-{name}", "name": name} for name in chat]))
        for name, said in chat.items():
            days = defaultdict[str, list[Any]](list)
            for entry in _slack_entries(said):
                days[f"{datetime.fromtimestamp(float(entry['ts']), timezone.utc):%Y-%m-%d}"].append(entry)
            for day, entries in days.items():
                archive.writestr(f"{name}/{day}.json", json.dumps(entries))
    return Place(_source("slack_export", path=path / "export.zip"), lambda name: f"C-{name}")


def slack(_: Path, chat: Chat, fake: FakeSlack) -> Place:
    fake.users = [{"id": f"U-{name}", "real_name": name} for name in _people(chat)]
    fake.channels = [{"id": f"C-{name}", "name": name, "created": int(START.timestamp()) - 60} for name in chat]
    fake.messages = {f"C-{name}": _slack_entries(said) for name, said in chat.items()}
    given = {"token": SecretStr(TOKEN), "base_url": fake.base_url, "requests_per_minute": 1e6}
    return Place(_source("slack", **given), lambda name: f"C-{name}")


def mattermost(path: Path, chat: Chat, _: FakeSlack) -> Place:
    lines: list[dict[str, Any]] = [{"type": "version", "version": 1}]
    lines += [{"type": "channel", "channel": {"team": "t", "name": name, "display_name": name}} for name in chat]
    lines += [{"type": "user", "user": {"username": name.lower(), "nickname": name}} for name in _people(chat)]

    def post(one: Said) -> dict[str, Any]:
        ms = int(one.at.timestamp()) * 1000
        edited = {"edit_at": ms + 1000} if one.edited else {}
        return {"user": one.author.lower(), "message": one.text, "create_at": ms, **edited}

    for name, said in chat.items():
        for place, one in enumerate(said):
            if one.parent is None:
                replies = [post(other) for other in said if other.parent == place]
                entry = {"team": "t", "channel": name, **post(one), "replies": replies}
                lines.append({"type": "post", "post": entry})
    (path / "import.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return Place(_source("mattermost_export", path=path / "import.jsonl"), lambda name: f"t/{name}")


def discord(path: Path, chat: Chat, _: FakeSlack) -> Place:
    (path / "discord").mkdir()
    for number, (name, said) in enumerate(chat.items()):
        messages = [
            {
                "id": str(1000 + place),
                "type": "Default" if one.parent is None else "Reply",
                "timestamp": one.at.isoformat(),
                "timestampEdited": (one.at + timedelta(seconds=1)).isoformat() if one.edited else None,
                "content": one.text,
                "author": {"id": f"U-{one.author}", "name": one.author.lower(), "nickname": one.author},
                **({"reference": {"messageId": str(1000 + one.parent)}} if one.parent is not None else {}),
            }
            for place, one in enumerate(said)
        ]
        content = {"guild": {"id": "7"}, "channel": {"id": f"D{number}", "name": name}, "messages": messages}
        (path / "discord" / f"{number}.json").write_text(json.dumps(content))
    names = list(chat)
    return Place(_source("discord_export", path=path / "discord"), lambda name: f"D{names.index(name)}")


def telegram(path: Path, chat: Chat, _: FakeSlack) -> Place:
    chats = []
    for number, (name, said) in enumerate(chat.items()):
        messages = [
            {
                "id": place + 1,
                "type": "message",
                "date": one.at.replace(tzinfo=None).isoformat(),
                "date_unixtime": str(int(one.at.timestamp())),
                "from": one.author,
                "from_id": f"user{one.author}",
                "text": one.text,
                **({"edited_unixtime": str(int(one.at.timestamp()) + 1)} if one.edited else {}),
                **({"reply_to_message_id": one.parent + 1} if one.parent is not None else {}),
            }
            for place, one in enumerate(said)
        ]
        chats.append({"id": 100 + number, "name": name, "type": "private_group", "messages": messages})
    (path / "result.json").write_text(json.dumps({"about": "", "chats": {"list": chats}}))
    names = list(chat)
    return Place(_source("telegram_export", path=path / "result.json"), lambda name: str(100 + names.index(name)))


def memory(_: Path, chat: Chat, __: FakeSlack) -> Place:
    messages = [
        Message(
            platform="memory",
            channel_id=f"C-{name}",
            id=str(place),
            thread_id=None if one.parent is None else str(one.parent),
            author_id=f"U-{one.author}",
            author_name=one.author,
            text=one.text,
            sent_at=one.at,
            edited_at=one.at if one.edited else None,
        )
        for name, said in chat.items()
        for place, one in enumerate(said)
    ]
    channels = [Channel("memory", f"C-{name}", name) for name in chat]
    return Place(MemoryChannelSource(MemoryChat(channels, messages)), lambda name: f"C-{name}")


PLACES = (memory, slack_export, slack, mattermost, discord, telegram)
