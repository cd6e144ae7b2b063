"""Read and write facts, and the graph that is made from them: whole batches in one statement each."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import DateTime, Float, Integer, Text, Uuid, delete, func, literal, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from supersync_core.ledger.base import SCHEMA
from supersync_core.ledger.channel_tables import (
    ChatMessage,
    Entity,
    FactEntity,
    FactRow,
    Relationship,
    Topic,
    TopicEntity,
)
from supersync_core.ledger.unnested import unnested_json

_FACT = {
    "id": Uuid(),
    "message_id": ChatMessage.id.type,
    "place": Integer(),
    "text": Text(),
    "kind": Text(),
    "quality": Float(),
    "importance": Float(),
    "author": Text(),
    "tags": JSONB(),
    "mentions": JSONB(),
    "relations": JSONB(),
    "said_at": DateTime(timezone=True),
}


def replace_facts(
    session: Session, channel_id: int, message_ids: Collection[int], rows: Sequence[Mapping[str, Any]]
) -> tuple[int, int]:
    """Let `rows` be the facts of their messages; how many were new, and how many are gone.

    `message_ids`: the messages that may have had others.

    A fact whose text has changed is a new one as far as the graph goes.
    """
    kept, deleted = [uuid.UUID(row["id"]) for row in rows], 0
    if message_ids:
        gone = delete(FactRow).where(FactRow.message_id.in_(message_ids), FactRow.id.not_in(kept))
        deleted = len(session.scalars(gone.returning(FactRow.id)).all())
    if not rows:
        return 0, deleted
    given = unnested_json(rows, "given", **_FACT)
    names = list(_FACT)
    new = insert(FactRow).from_select(
        ["channel_id", *names], select(literal(channel_id), *(given.c[name] for name in names))
    )
    values = {name: new.excluded[name] for name in names[1:]} | {"graphed": False}
    upsert = new.on_conflict_do_update(index_elements=[FactRow.id], set_=values)
    fresh = session.scalars(upsert.returning(text("(xmax = 0)"))).all()
    if len(fresh) > sum(fresh):
        # What the graph had from a fact that is another now.
        for table in (FactEntity, Relationship):
            session.execute(delete(table).where(table.fact_id.in_(kept)))
    return sum(fresh), deleted


def count_ungraphed(session: Session, channel_id: int) -> int:
    """Facts that the graph does not have yet."""
    mine = select(func.count()).select_from(FactRow).where(FactRow.channel_id == channel_id, ~FactRow.graphed)
    return session.scalar(mine) or 0


# One statement sees the entities that a part of it has made only by what that part returns: so these are several.
_CHUNK = f"""
    SELECT f.id, m.type, m.key, m.name
    FROM {SCHEMA}.facts f CROSS JOIN LATERAL jsonb_to_recordset(f.mentions) AS m(type text, key text, name text)
    WHERE f.id = ANY(:ids)
"""
_ENTITIES = text(f"""
    INSERT INTO {SCHEMA}.entities (channel_id, type, key, name, created_at)
    SELECT DISTINCT ON (type, key) :channel, type, key, name, CAST(:at AS timestamptz) FROM ({_CHUNK}) named
    ORDER BY type, key, name
    ON CONFLICT (channel_id, type, key) DO NOTHING RETURNING id
""")
_ALIASES = text(f"""
    INSERT INTO {SCHEMA}.entity_aliases (entity_id, alias)
    SELECT DISTINCT e.id, named.name FROM ({_CHUNK}) named
    JOIN {SCHEMA}.entities e ON e.channel_id = :channel AND e.type = named.type AND e.key = named.key
    WHERE e.name <> named.name
    ON CONFLICT DO NOTHING
""")
_LINKS = text(f"""
    INSERT INTO {SCHEMA}.fact_entities (fact_id, entity_id)
    SELECT DISTINCT named.id, e.id FROM ({_CHUNK}) named
    JOIN {SCHEMA}.entities e ON e.channel_id = :channel AND e.type = named.type AND e.key = named.key
    ON CONFLICT DO NOTHING
""")
_RELATIONSHIPS = text(f"""
    INSERT INTO {SCHEMA}.relationships (fact_id, source_id, target_id, type, confidence)
    SELECT DISTINCT ON (f.id, s.id, t.id, r.type) f.id, s.id, t.id, r.type, r.confidence
    FROM {SCHEMA}.facts f CROSS JOIN LATERAL jsonb_to_recordset(f.relations)
        AS r(type text, source jsonb, target jsonb, confidence double precision)
    JOIN {SCHEMA}.entities s ON s.channel_id = :channel AND s.type = r.source->>0 AND s.key = r.source->>1
    JOIN {SCHEMA}.entities t ON t.channel_id = :channel AND t.type = r.target->>0 AND t.key = r.target->>1
    WHERE f.id = ANY(:ids)
    ON CONFLICT DO NOTHING
""")
_GRAPHED = text(f"UPDATE {SCHEMA}.facts SET graphed = true WHERE id = ANY(:ids)")


def graph_facts(session: Session, channel_id: int, *, limit: int, at: datetime) -> tuple[int, int]:
    """Bring the next facts into the graph; how many, and how many entities were new."""
    waiting = select(FactRow.id).where(FactRow.channel_id == channel_id, ~FactRow.graphed).limit(limit)
    ids = list(session.scalars(waiting))
    if not ids:
        return 0, 0
    values = {"ids": ids, "channel": channel_id, "at": at}
    created = len(session.scalars(_ENTITIES, values).all())
    for statement in (_ALIASES, _LINKS, _RELATIONSHIPS, _GRAPHED):
        session.execute(statement, {name: values[name] for name in statement.compile().params})
    return len(ids), created


_UNNAMED = text(f"""
    DELETE FROM {SCHEMA}.entities e
    WHERE e.channel_id = :channel AND NOT EXISTS (SELECT FROM {SCHEMA}.fact_entities f WHERE f.entity_id = e.id)
""")


def delete_unnamed(session: Session, channel_id: int) -> None:
    """Forget entities that no fact names any more."""
    session.execute(_UNNAMED, {"channel": channel_id})


class Together(NamedTuple):
    """Two entities that facts name together, and in how many facts."""

    one: int
    other: int
    facts: int


_TOGETHER = text(f"""
    WITH named AS (
        SELECT e.id FROM {SCHEMA}.entities e JOIN {SCHEMA}.fact_entities f ON f.entity_id = e.id
        WHERE e.channel_id = :channel AND e.type <> 'person'
        GROUP BY e.id HAVING count(*) > 1 ORDER BY count(*) DESC, e.id LIMIT :most
    )
    SELECT a.entity_id, b.entity_id, count(*)
    FROM {SCHEMA}.fact_entities a
    JOIN named n ON n.id = a.entity_id
    JOIN {SCHEMA}.fact_entities b ON b.fact_id = a.fact_id AND b.entity_id > a.entity_id
    JOIN named o ON o.id = b.entity_id
    GROUP BY 1, 2 ORDER BY 1, 2
""")


def select_together(session: Session, channel_id: int, *, most: int) -> Sequence[Together]:
    """How often entities of a channel are named together, of the `most` that are named most; people aside."""
    return [Together(*row) for row in session.execute(_TOGETHER, {"channel": channel_id, "most": most})]


def select_names(session: Session, entity_ids: Collection[int]) -> dict[int, str]:
    """The names of entities by their ids."""
    found = session.execute(select(Entity.id, Entity.name).where(Entity.id.in_(entity_ids)))
    return {id_: name for id_, name in found}


def replace_topics(session: Session, channel_id: int, topics: Mapping[str, tuple[str, Collection[int]]]) -> None:
    """Let the topics of a channel be these: by slug, the title and the entities of each."""
    session.execute(delete(Topic).where(Topic.channel_id == channel_id))
    if not topics:
        return
    rows = [{"channel_id": channel_id, "slug": slug, "title": title} for slug, (title, _) in topics.items()]
    made = session.execute(insert(Topic).values(rows).returning(Topic.slug, Topic.id))
    ids = {slug: id_ for slug, id_ in made}
    links = [
        {"topic_id": ids[slug], "entity_id": entity_id}
        for slug, (_, members) in topics.items()
        for entity_id in sorted(members)
    ]
    session.execute(insert(TopicEntity).values(links))
