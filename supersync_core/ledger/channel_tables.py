"""What syncs of chat channels leave: messages, facts, a graph of entities, topics, and a wiki with its versions.

Everything belongs to one channel, so that syncs of two channels never wait for each other; who reads the graph joins
entities of several channels by type and key.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Computed, ForeignKey, Index, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from supersync_core.ledger.base import SCHEMA, Base, belongs_to, key

PENDING = "extracted_hash IS DISTINCT FROM content_hash"
"""Messages whose facts are still to be extracted: new ones, edited ones, deleted ones, and those that failed."""


def _no() -> Any:
    return mapped_column(server_default=text("false"), default=False)


def _none_yet() -> Any:
    return mapped_column(BigInteger, server_default=text("0"), default=0)


def _of_fact(*, primary_key: bool = False) -> Any:
    reference = ForeignKey(f"{SCHEMA}.facts.id", ondelete="CASCADE")
    return mapped_column(Uuid, reference, primary_key=primary_key, index=not primary_key)


class ChatChannel(Base):
    """A channel of a platform, as the pipeline that syncs it has found it. `slug` begins those of its wiki pages."""

    __tablename__ = "chat_channels"

    id: Mapped[int] = key()
    pipeline_id: Mapped[int] = belongs_to("pipelines")
    platform: Mapped[str]
    channel_id: Mapped[str]
    name: Mapped[str]
    slug: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("pipeline_id"),)


class ChatMessage(Base):
    """A message as the platform has it. `content_hash` changes with all that facts are made from.

    `extracted_hash`: of the content from which its facts were made. `failure`: why that could not be done the last
    time. `seen_in`: the last full sync that has read it.
    """

    __tablename__ = "chat_messages"
    __table_args__ = (
        UniqueConstraint("channel_id", "message_id"),
        Index("ix_chat_messages_pending", "channel_id", "id", postgresql_where=text(PENDING)),
        Index("ix_chat_messages_time", "channel_id", "sent_at", "id"),
    )

    id: Mapped[int] = key()
    channel_id: Mapped[int] = belongs_to("chat_channels")
    message_id: Mapped[str]
    thread_id: Mapped[str | None]
    author_id: Mapped[str]
    author_name: Mapped[str]
    text: Mapped[str]
    sent_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]
    is_deleted: Mapped[bool] = _no()
    reply_count: Mapped[int]
    reactions: Mapped[dict[str, Any]]
    permalink: Mapped[str | None]
    content_hash: Mapped[str]
    extracted_hash: Mapped[str | None]
    failure: Mapped[str | None]
    seen_in: Mapped[int | None] = mapped_column(BigInteger)


class FactRow(Base):
    """Something that a message says. Its id follows from channel, message and place, so a repetition is no new one.

    `mentions`: the entities that it names, `type`, `key` and `name` of each. `relations`: what it says of two of them,
    `type`, `source`, `target` (each a type and a key) and `confidence`. `graphed`: whether the graph has both.
    """

    __tablename__ = "facts"
    __table_args__ = (
        Index("ix_facts_ungraphed", "channel_id", postgresql_where=text("NOT graphed")),
        Index("ix_facts_time", "channel_id", "said_at", "id"),
        Index("ix_facts_search", "search", postgresql_using="gin"),
    )

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    channel_id: Mapped[int] = belongs_to("chat_channels")
    message_id: Mapped[int] = belongs_to("chat_messages", index=True)
    place: Mapped[int]
    text: Mapped[str]
    kind: Mapped[str]
    quality: Mapped[float]
    importance: Mapped[float]
    author: Mapped[str]
    tags: Mapped[list[str]]
    mentions: Mapped[list[Any]] = mapped_column(JSONB)
    relations: Mapped[list[Any]] = mapped_column(JSONB)
    said_at: Mapped[datetime]
    graphed: Mapped[bool] = _no()
    search: Mapped[str] = mapped_column(TSVECTOR, Computed("to_tsvector('english'::regconfig, text)", persisted=True))


class Entity(Base):
    """Somebody or something that facts of a channel name; `key` is its name without what makes no difference."""

    __tablename__ = "entities"
    __table_args__ = (UniqueConstraint("channel_id", "type", "key"), Index("ix_entities_key", "type", "key"))

    id: Mapped[int] = key()
    channel_id: Mapped[int] = belongs_to("chat_channels")
    type: Mapped[str]
    key: Mapped[str]
    name: Mapped[str]
    created_at: Mapped[datetime]


class EntityAlias(Base):
    """Another way in which an entity is written."""

    __tablename__ = "entity_aliases"

    entity_id: Mapped[int] = belongs_to("entities", primary_key=True)
    alias: Mapped[str] = mapped_column(primary_key=True)


class FactEntity(Base):
    """A fact names an entity."""

    __tablename__ = "fact_entities"

    fact_id: Mapped[uuid.UUID] = _of_fact(primary_key=True)
    entity_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey(f"{SCHEMA}.entities.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Relationship(Base):
    """What a fact says of two entities. `confidence`: 0 to 1."""

    __tablename__ = "relationships"
    __table_args__ = (
        UniqueConstraint("fact_id", "source_id", "target_id", "type"),
        Index("ix_relationships_source", "source_id"),
        Index("ix_relationships_target", "target_id"),
    )

    id: Mapped[int] = key()
    fact_id: Mapped[uuid.UUID] = _of_fact()
    source_id: Mapped[int] = belongs_to("entities")
    target_id: Mapped[int] = belongs_to("entities")
    type: Mapped[str]
    confidence: Mapped[float]


class Topic(Base):
    """Entities of a channel that are named together, and the facts that name them; made anew by each sync."""

    __tablename__ = "topics"
    __table_args__ = (UniqueConstraint("channel_id", "slug"),)

    id: Mapped[int] = key()
    channel_id: Mapped[int] = belongs_to("chat_channels")
    slug: Mapped[str]
    title: Mapped[str]


class TopicEntity(Base):
    """An entity belongs to a topic."""

    __tablename__ = "topic_entities"

    topic_id: Mapped[int] = belongs_to("topics", primary_key=True)
    entity_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey(f"{SCHEMA}.entities.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class WikiPage(Base):
    """A page in Markdown. `citations`: the messages behind it. `version` grows with each new `content_hash`.

    `kind`: overview, decisions, actions, people, topic, entity or glossary. `removed_at`: nothing is left to say.
    """

    __tablename__ = "wiki_pages"
    __table_args__ = (
        Index("ix_wiki_pages_channel_id", "channel_id"),
        Index("ix_wiki_pages_search", "search", postgresql_using="gin"),
    )

    id: Mapped[int] = key()
    channel_id: Mapped[int] = belongs_to("chat_channels")
    slug: Mapped[str] = mapped_column(unique=True)
    parent: Mapped[str | None]
    kind: Mapped[str]
    title: Mapped[str]
    summary: Mapped[str]
    markdown: Mapped[str]
    citations: Mapped[list[Any]] = mapped_column(JSONB)
    content_hash: Mapped[str]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    search: Mapped[str] = mapped_column(
        TSVECTOR,
        Computed(
            "to_tsvector('english'::regconfig, (title || ' '::text) || split_part(markdown, '\n[^1]: '::text, 1))",
            persisted=True,
        ),
    )


class WikiVersion(Base):
    """A page as it was written once. `execution_id` is no reference: that would lock the execution while pages are
    written, and a cancel would wait."""  # noqa: D205, D209

    __tablename__ = "wiki_versions"

    page_id: Mapped[int] = belongs_to("wiki_pages", primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    markdown: Mapped[str]
    execution_id: Mapped[int] = mapped_column(BigInteger)
    written_at: Mapped[datetime]


class ChannelJob(Base):
    """What a sync of a channel was asked for, and how far it is; beside its execution.

    `total`: messages to read; None while nobody can tell. `processed`: read and stored, or failing. `failing_ids`: the
    first messages whose facts could not be extracted. `stage_done` of `stage_total`: how far the present stage is.
    """

    __tablename__ = "channel_jobs"

    execution_id: Mapped[int] = belongs_to("executions", primary_key=True)
    force: Mapped[bool] = _no()
    estimated: Mapped[int | None] = mapped_column(BigInteger)
    total: Mapped[int | None] = mapped_column(BigInteger)
    processed: Mapped[int] = _none_yet()
    failing: Mapped[int] = _none_yet()
    failing_ids: Mapped[list[str]] = mapped_column(server_default=text("'[]'"), default=list)
    facts: Mapped[int] = _none_yet()
    entities: Mapped[int] = _none_yet()
    stage_done: Mapped[int] = _none_yet()
    stage_total: Mapped[int] = _none_yet()
