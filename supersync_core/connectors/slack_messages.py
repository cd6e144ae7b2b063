"""Messages as Slack writes them, in its API and in its exports."""

import html
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from supersync_core.connectors.chat_files import EPOCH, count_of, list_of, mapping_of, text_of
from supersync_core.domain.message import Message

NOTICES = frozenset(
    ["channel_join", "channel_leave", "channel_topic", "channel_purpose", "channel_name", "pinned_item"]
    + ["channel_archive", "channel_unarchive", "bot_add", "bot_remove", "group_join", "group_leave", "reminder_add"]
)
"""Messages that Slack itself writes about a channel."""
_TS = re.compile(r"\d{1,11}(?:\.\d{1,6})?")
_REFERENCE = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")


def is_message(entry: Any) -> bool:
    """Whether somebody has written it, and it can be told when."""
    if not isinstance(entry, Mapping) or entry.get("type", "message") != "message":
        return False
    subtype, ts = entry.get("subtype"), entry.get("ts")
    return (not isinstance(subtype, str) or subtype not in NOTICES) and is_ts(ts)


def is_ts(value: Any) -> bool:
    """Whether it is the time and id of a message."""
    return isinstance(value, str) and value.isascii() and _TS.fullmatch(value) is not None


def moment_of_ts(ts: str) -> datetime:
    """The time that a `ts` is, to the microsecond."""
    seconds, _, fraction = ts.partition(".")
    return EPOCH + timedelta(seconds=int(seconds), microseconds=int(fraction.ljust(6, "0")))


def user_name(user: Mapping[str, Any]) -> str:
    """How a user is called."""
    profile = mapping_of(user.get("profile"))
    names = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), user.get("name"))
    return next((text_of(name) for name in names if text_of(name)), text_of(user.get("id")))


def message_of(
    entry: Mapping[str, Any], channel_id: str, users: Mapping[str, str], workspace_url: str | None
) -> Message:
    """The message that an entry is, for which `is_message` holds. `users`: names by id."""
    ts = entry["ts"]
    author = next(
        (text_of(entry.get(key)) for key in ("user", "bot_id", "username") if text_of(entry.get(key))), "unknown"
    )
    thread, edited = text_of(entry.get("thread_ts")), text_of(mapping_of(entry.get("edited")).get("ts"))
    reactions = [mapping_of(one) for one in list_of(entry.get("reactions"))]
    place = f"/archives/{channel_id}/p{ts.replace('.', '')}"
    return Message(
        platform="slack",
        channel_id=channel_id,
        id=ts,
        thread_id=thread if thread and thread != ts else None,
        author_id=author,
        author_name=users.get(author) or text_of(entry.get("username")) or author,
        text=plain(text_of(entry.get("text")), users),
        sent_at=moment_of_ts(ts),
        edited_at=moment_of_ts(edited) if is_ts(edited) else None,
        is_deleted=entry.get("subtype") == "tombstone",
        reply_count=count_of(entry.get("reply_count")),
        reactions={text_of(one["name"]): count_of(one.get("count")) for one in reactions if text_of(one.get("name"))},
        permalink=f"{workspace_url.rstrip('/')}{place}" if workspace_url else None,
    )


def plain(text: str, users: Mapping[str, str]) -> str:
    """Slack's markup as people read it: names for ids, addresses without brackets.

    >>> plain("<@U1> see <https://a.example|the page> in <#C1|general> &amp; <!here>", {"U1": "Ada"})
    '@Ada see the page (https://a.example) in #general & @here'
    """

    def shown(match: "re.Match[str]") -> str:
        sign, target, label = match[1], match[2], match[3]
        if sign == "@":
            return f"@{users.get(target, label or target)}"
        if sign == "#":
            return f"#{label or target}"
        if sign == "!":
            return f"@{label or target.partition('^')[0]}"
        return f"{label} ({target})" if label and label != target else target

    return html.unescape(_REFERENCE.sub(shown, text))
