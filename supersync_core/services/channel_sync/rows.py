"""Messages as rows of the ledger, and back."""

import hashlib
from datetime import timezone
from typing import Any

import orjson

from supersync_core.domain.message import Message
from supersync_core.ledger.channel_tables import ChatChannel, ChatMessage


def row_of(message: Message) -> dict[str, Any]:
    """A message as the ledger keeps it; of a deleted one no text."""
    row: dict[str, Any] = {
        "message_id": message.id,
        "thread_id": message.thread_id,
        "author_id": clean(message.author_id),
        "author_name": clean(message.author_name),
        "text": "" if message.is_deleted else clean(message.text),
        "sent_at": message.sent_at.isoformat(),
        "is_deleted": message.is_deleted,
    }
    row["content_hash"] = hashlib.blake2b(orjson.dumps(row, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()
    row["edited_at"] = message.edited_at.isoformat() if message.edited_at else None
    row["reply_count"], row["reactions"] = message.reply_count, dict(message.reactions)
    row["permalink"] = message.permalink
    return row


def message_of(row: ChatMessage, channel: ChatChannel) -> Message:
    """The message of a row."""
    return Message(
        platform=channel.platform,
        channel_id=channel.channel_id,
        id=row.message_id,
        thread_id=row.thread_id,
        author_id=row.author_id,
        author_name=row.author_name,
        text=row.text,
        sent_at=row.sent_at.astimezone(timezone.utc),
        edited_at=row.edited_at,
        is_deleted=row.is_deleted,
        reply_count=row.reply_count,
        reactions=row.reactions,
        permalink=row.permalink,
    )


def clean(text: str) -> str:
    """Without what PostgreSQL cannot hold: NUL and halves of characters."""
    return text.replace("\0", "").encode(errors="replace").decode()
