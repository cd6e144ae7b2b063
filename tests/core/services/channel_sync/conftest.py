"""A chat in memory, and a pipeline that syncs its one channel into a real ledger."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import text

from supersync_core.connectors.memory.chat import MemoryChat, named_chat
from supersync_core.connectors.memory.config import Config
from supersync_core.domain.message import Channel, Message
from supersync_core.ledger.database import Ledger
from supersync_core.services.configuration import ChannelSyncConfig
from supersync_core.services.pipelines import register_pipeline
from supersync_core.services.run import ExecutionReport
from tests.runs import run_soon

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
MADE = """
    SELECT 'message', message_id, text FROM chat_messages
    UNION ALL SELECT 'fact', text, kind FROM facts WHERE graphed
    UNION ALL SELECT 'entity', type, key FROM entities
    UNION ALL SELECT 'link', f.text, e.key FROM fact_entities l
        JOIN facts f ON f.id = l.fact_id JOIN entities e ON e.id = l.entity_id
    UNION ALL SELECT 'relationship', f.text, r.type FROM relationships r JOIN facts f ON f.id = r.fact_id
    UNION ALL SELECT 'topic', slug, title FROM topics
    UNION ALL SELECT 'page', slug, markdown FROM wiki_pages WHERE removed_at IS NULL
    ORDER BY 1, 2, 3
"""
"""All that a sync makes, but for numbers that the database gives."""


def said(number: int, words: str, **given: Any) -> Message:
    """Message number `number` of the channel, by Ada unless somebody else is given."""
    values: dict[str, Any] = {
        "platform": "memory",
        "channel_id": "C1",
        "id": f"m{number}",
        "thread_id": None,
        "author_id": "U1",
        "author_name": "Ada",
        "text": words,
        "sent_at": NOON + timedelta(minutes=number),
        "permalink": f"https://chat.example/C1/m{number}",
    }
    return Message(**(values | given))


@dataclass
class Talk:
    """The chat and the ledger."""

    ledger: Ledger
    name: str
    chat: MemoryChat

    def say(self, *messages: Message) -> None:
        self.chat.messages += messages

    def change(self, id_: str, **changes: Any) -> None:
        self.chat.messages[:] = [replace(one, **changes) if one.id == id_ else one for one in self.chat.messages]

    def sync(self, **given: Any) -> ExecutionReport:
        return run_soon(self.ledger, {"chat": Config(database=self.name)}, "C1", **given)

    def rows(self, query: str) -> list[Any]:
        with self.ledger.begin() as session:
            session.execute(text("SET LOCAL search_path = supersync"))
            found = session.execute(text(query)).all()
        return [row[0] if len(row) == 1 else tuple(row) for row in found]


@pytest.fixture
def talk(ledger: Ledger) -> Talk:
    """A channel without messages."""
    name = uuid.uuid4().hex
    chat = named_chat(name)
    chat.channels.append(Channel("memory", "C1", "general"))
    declared = ChannelSyncConfig.model_validate(
        {"name": "C1", "kind": "channel_sync", "source": {"connection": "chat", "channel": "C1"}}
    )
    with ledger.begin() as session:
        register_pipeline(session, declared.declaration(), at=NOON)
    return Talk(ledger, name, chat)
