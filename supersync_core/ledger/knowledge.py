"""Read what syncs of channels have made: facts by words, the graph around an entity."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Select, func, select, text, tuple_
from sqlalchemy.orm import Session

from supersync_core.domain.pipeline import PipelineKind
from supersync_core.ledger.base import SCHEMA
from supersync_core.ledger.channel_tables import ChatChannel, ChatMessage, Entity, FactEntity, FactRow
from supersync_core.ledger.tables import Pipeline

Place = tuple[datetime, uuid.UUID]
"""Where a page of facts ended: when the last one was said, and its id."""


@dataclass(frozen=True)
class FactFilter:
    """Which facts; None means any. `words`: as people search, `"a phrase" -without`. `entity`: a name, in any case."""

    channel_id: str | None = None
    words: str | None = None
    kind: str | None = None
    author: str | None = None
    entity: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class FoundFact(NamedTuple):
    """A fact, the message that says it, and its channel."""

    fact: FactRow
    message: ChatMessage
    channel: ChatChannel


def select_facts(
    session: Session, wanted: FactFilter, *, limit: int, after: Place | None = None
) -> Sequence[FoundFact]:
    """Facts, what was said last first. `after`: continue there."""
    everything: Any = (
        select(FactRow, ChatMessage, ChatChannel)
        .join(ChatMessage, ChatMessage.id == FactRow.message_id)
        .join(ChatChannel, ChatChannel.id == FactRow.channel_id)
    )
    query = _filtered(everything, wanted)
    if after is not None:
        query = query.where(tuple_(FactRow.said_at, FactRow.id) < tuple_(*after))
    rows = session.execute(query.order_by(FactRow.said_at.desc(), FactRow.id.desc()).limit(limit))
    return [FoundFact(*row) for row in rows]


def _filtered(query: Select[Any], wanted: FactFilter) -> Select[Any]:
    conditions = [
        ChatChannel.channel_id == wanted.channel_id if wanted.channel_id is not None else None,
        FactRow.search.op("@@")(func.websearch_to_tsquery(text("'english'"), wanted.words)) if wanted.words else None,
        FactRow.kind == wanted.kind if wanted.kind is not None else None,
        FactRow.author == wanted.author if wanted.author is not None else None,
        FactRow.said_at >= wanted.since if wanted.since is not None else None,
        FactRow.said_at <= wanted.until if wanted.until is not None else None,
    ]
    if wanted.entity is not None:
        named = select(FactEntity.fact_id).join(Entity, Entity.id == FactEntity.entity_id)
        conditions.append(FactRow.id.in_(named.where(func.lower(Entity.name) == wanted.entity.lower())))
    return query.where(*(one for one in conditions if one is not None))


class Node(NamedTuple):
    """An entity over all of the channels that are asked for. `facts`: how many name it."""

    type: str
    key: str
    name: str
    facts: int
    channels: list[str]


class Link(NamedTuple):
    """What facts say of two entities, each a type and a key. `confidence`: the highest. `fact_ids`: some of `facts`."""

    source: tuple[str, str]
    target: tuple[str, str]
    type: str
    facts: int
    confidence: float
    fact_ids: list[str]


_SCOPE = f"""
    SELECT e.id, e.type, e.key, e.name, c.channel_id AS chat
    FROM {SCHEMA}.entities e JOIN {SCHEMA}.chat_channels c ON c.id = e.channel_id
    WHERE CAST(:channel AS text) IS NULL OR c.channel_id = :channel
"""
_NAMED = text(f"""
    SELECT DISTINCT type, key FROM ({_SCOPE}) s
    WHERE lower(s.name) = lower(:name) OR s.key = lower(:name)
        OR EXISTS (SELECT FROM {SCHEMA}.entity_aliases a WHERE a.entity_id = s.id AND lower(a.alias) = lower(:name))
    ORDER BY type, key
""")
_TOP = text(f"""
    SELECT s.type, s.key FROM ({_SCOPE}) s JOIN {SCHEMA}.fact_entities f ON f.entity_id = s.id
    GROUP BY s.type, s.key ORDER BY count(*) DESC, s.type, s.key LIMIT :most
""")
_WANTED = "jsonb_to_recordset(CAST(:wanted AS jsonb)) AS w(type text, key text)"
_AROUND = text(f"""
    WITH s AS ({_SCOPE}), mine AS (SELECT s.id FROM s JOIN {_WANTED} ON w.type = s.type AND w.key = s.key)
    SELECT o.type, o.key FROM mine
    JOIN {SCHEMA}.fact_entities a ON a.entity_id = mine.id
    JOIN {SCHEMA}.fact_entities b ON b.fact_id = a.fact_id AND b.entity_id <> a.entity_id
    JOIN s o ON o.id = b.entity_id
    GROUP BY o.type, o.key ORDER BY count(*) DESC, o.type, o.key LIMIT :most
""")
_NODES = text(f"""
    SELECT s.type, s.key, min(s.name), count(f.fact_id), array_agg(DISTINCT s.chat ORDER BY s.chat)
    FROM ({_SCOPE}) s JOIN {_WANTED} ON w.type = s.type AND w.key = s.key
    LEFT JOIN {SCHEMA}.fact_entities f ON f.entity_id = s.id
    GROUP BY s.type, s.key ORDER BY count(f.fact_id) DESC, s.type, s.key
""")
_LINKS = text(f"""
    WITH s AS (SELECT s.* FROM ({_SCOPE}) s JOIN {_WANTED} ON w.type = s.type AND w.key = s.key)
    SELECT x.type, x.key, y.type, y.key, r.type, count(*), max(r.confidence),
        (array_agg(r.fact_id::text ORDER BY r.confidence DESC, r.fact_id))[1:5]
    FROM {SCHEMA}.relationships r JOIN s x ON x.id = r.source_id JOIN s y ON y.id = r.target_id
    GROUP BY 1, 2, 3, 4, 5
    UNION ALL
    SELECT x.type, x.key, y.type, y.key, 'named_together', count(*), 0.5,
        (array_agg(a.fact_id::text ORDER BY a.fact_id))[1:5]
    FROM {SCHEMA}.fact_entities a JOIN {SCHEMA}.fact_entities b ON b.fact_id = a.fact_id AND b.entity_id > a.entity_id
    JOIN s x ON x.id = a.entity_id JOIN s y ON y.id = b.entity_id
    GROUP BY 1, 2, 3, 4
    ORDER BY 6 DESC, 1, 2, 3, 4, 5 LIMIT :most
""")

Key = tuple[str, str]


def select_named(session: Session, name: str, channel: str | None) -> list[Key]:
    """Entities that are written so, as types and keys."""
    return [(type_, key) for type_, key in session.execute(_NAMED, {"name": name, "channel": channel})]


def select_top(session: Session, channel: str | None, *, most: int) -> list[Key]:
    """Entities that most facts name."""
    return [(type_, key) for type_, key in session.execute(_TOP, {"channel": channel, "most": most})]


def select_around(session: Session, keys: Collection[Key], channel: str | None, *, most: int) -> list[Key]:
    """What facts name together with these, most often first."""
    values = {"channel": channel, "wanted": _json(keys), "most": most}
    return [(type_, key) for type_, key in session.execute(_AROUND, values)]


def select_nodes(session: Session, keys: Collection[Key], channel: str | None) -> Sequence[Node]:
    """These entities, those that most facts name first."""
    return [Node(*row) for row in session.execute(_NODES, {"channel": channel, "wanted": _json(keys)})]


def select_links(session: Session, keys: Collection[Key], channel: str | None, *, most: int) -> Sequence[Link]:
    """What is known of each two of these."""
    rows = session.execute(_LINKS, {"channel": channel, "wanted": _json(keys), "most": most})
    return [Link((row[0], row[1]), (row[2], row[3]), *row[4:]) for row in rows]


class Extent(NamedTuple):
    """What a sync has made of a channel so far."""

    messages: int
    facts: int
    entities: int
    pages: int


_EXTENTS = text(f"""
    SELECT c.pipeline_id,
        (SELECT count(*) FROM {SCHEMA}.chat_messages m WHERE m.channel_id = c.id AND NOT m.is_deleted),
        (SELECT count(*) FROM {SCHEMA}.facts f WHERE f.channel_id = c.id),
        (SELECT count(*) FROM {SCHEMA}.entities e WHERE e.channel_id = c.id),
        (SELECT count(*) FROM {SCHEMA}.wiki_pages p WHERE p.channel_id = c.id AND p.removed_at IS NULL)
    FROM {SCHEMA}.chat_channels c WHERE c.pipeline_id = ANY(:ids)
""")


def select_extents(session: Session, pipeline_ids: Collection[int]) -> dict[int, Extent]:
    """By pipeline; those that were never synced are left out."""
    rows = session.execute(_EXTENTS, {"ids": list(pipeline_ids)})
    return {pipeline_id: Extent(*counts) for pipeline_id, *counts in rows}


def select_channels(session: Session) -> Sequence[tuple[Pipeline, ChatChannel | None]]:
    """The pipelines of channels, by name, each with its channel once a sync has seen that."""
    query = (
        select(Pipeline, ChatChannel)
        .outerjoin(ChatChannel, ChatChannel.pipeline_id == Pipeline.id)
        .where(Pipeline.kind == PipelineKind.CHANNEL_SYNC, Pipeline.retired_at.is_(None))
        .order_by(Pipeline.name_key)
    )
    return [(pipeline, channel) for pipeline, channel in session.execute(query)]


def _json(keys: Collection[Key]) -> str:
    return orjson.dumps([{"type": type_, "key": key} for type_, key in keys]).decode()
