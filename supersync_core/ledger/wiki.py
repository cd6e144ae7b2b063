"""Read what wiki pages are made from, and write pages with their versions: whole batches in one statement each."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Integer, Text, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from supersync_core.ledger.base import SCHEMA
from supersync_core.ledger.channel_tables import WikiPage, WikiVersion
from supersync_core.ledger.unnested import unnested_json


class Cited(NamedTuple):
    """A fact with the message that says it; `owner`: of what it is a fact, `total`: of how many."""

    owner: Any
    total: int
    text: str
    kind: str
    author: str
    said_at: datetime
    message_id: str
    excerpt: str
    permalink: str | None


_CITED = f"""
    SELECT f.id, f.text, f.kind, f.author, f.said_at, f.importance,
        c.message_id AS chat_id, c.text AS excerpt, c.permalink
    FROM {SCHEMA}.facts f JOIN {SCHEMA}.chat_messages c ON c.id = f.message_id WHERE f.channel_id = :channel
"""


def _ranked(owner: str, joins: str) -> str:
    """The best facts of each owner, the best ones first."""
    return f"""
        SELECT owner, total, text, kind, author, said_at, chat_id, left(excerpt, 200), permalink FROM (
            SELECT {owner} AS owner, count(*) OVER (PARTITION BY {owner}) AS total, cited.*,
                row_number() OVER (PARTITION BY {owner} ORDER BY importance DESC, said_at DESC, cited.id) AS place
            FROM ({_CITED}) cited {joins}
        ) ranked WHERE place <= :each ORDER BY owner, place
    """


_BY_KIND = text(_ranked("cited.kind", ""))
_BY_ENTITY = text(
    _ranked(
        "named.entity_id",
        f"""JOIN {SCHEMA}.fact_entities named ON named.fact_id = cited.id
            JOIN (SELECT e.id FROM {SCHEMA}.entities e JOIN {SCHEMA}.fact_entities n ON n.entity_id = e.id
                WHERE e.channel_id = :channel AND e.type <> 'person' GROUP BY e.id HAVING count(*) >= :least
                ORDER BY count(*) DESC, e.id LIMIT :most) chosen ON chosen.id = named.entity_id""",
    )
)
_BY_TOPIC = text(
    _ranked(
        "of_topic.topic_id",
        f"""JOIN (SELECT DISTINCT m.topic_id, n.fact_id FROM {SCHEMA}.topic_entities m
                JOIN {SCHEMA}.topics t ON t.id = m.topic_id AND t.channel_id = :channel
                JOIN {SCHEMA}.fact_entities n ON n.entity_id = m.entity_id) of_topic ON of_topic.fact_id = cited.id""",
    )
)
_PEOPLE = text(f"""
    SELECT author, count(*) FROM {SCHEMA}.facts WHERE channel_id = :channel
    GROUP BY author ORDER BY count(*) DESC, author LIMIT :most
""")
_EXTENT = text(f"""
    SELECT count(*), min(sent_at), max(sent_at) FROM {SCHEMA}.chat_messages
    WHERE channel_id = :channel AND NOT is_deleted
""")
# The channel says no more than the ids do, but keeps PostgreSQL from reading what all other channels name.
_BESIDE = text(f"""
    SELECT owner, name FROM (
        SELECT a.entity_id AS owner, e.name,
            row_number() OVER (PARTITION BY a.entity_id ORDER BY count(*) DESC, e.name) AS place
        FROM {SCHEMA}.entities e
        JOIN {SCHEMA}.fact_entities b ON b.entity_id = e.id
        JOIN {SCHEMA}.fact_entities a ON a.fact_id = b.fact_id AND a.entity_id <> b.entity_id
        WHERE e.channel_id = :channel AND a.entity_id = ANY(:ids) GROUP BY a.entity_id, e.id, e.name
    ) near WHERE place <= 8 ORDER BY owner, place
""")
_MEMBERS = text(f"""
    SELECT t.id, t.slug, t.title, e.name FROM {SCHEMA}.topics t
    JOIN {SCHEMA}.topic_entities m ON m.topic_id = t.id JOIN {SCHEMA}.entities e ON e.id = m.entity_id
    WHERE t.channel_id = :channel ORDER BY t.id, e.name
""")


def select_by_kind(session: Session, channel_id: int, *, each: int) -> Sequence[Cited]:
    """The best facts of each kind."""
    return [Cited(*row) for row in session.execute(_BY_KIND, {"channel": channel_id, "each": each})]


def select_by_entity(session: Session, channel_id: int, *, each: int, least: int, most: int) -> Sequence[Cited]:
    """The best facts that name an entity, people aside, of the `most` that `least` facts or more name."""
    values = {"channel": channel_id, "each": each, "least": least, "most": most}
    return [Cited(*row) for row in session.execute(_BY_ENTITY, values)]


def select_by_topic(session: Session, channel_id: int, *, each: int) -> Sequence[Cited]:
    """The best facts of each topic."""
    return [Cited(*row) for row in session.execute(_BY_TOPIC, {"channel": channel_id, "each": each})]


def select_people(session: Session, channel_id: int, *, most: int) -> Sequence[tuple[str, int]]:
    """Who says most, and how many facts."""
    return [(name, count) for name, count in session.execute(_PEOPLE, {"channel": channel_id, "most": most})]


def select_extent(session: Session, channel_id: int) -> tuple[int, datetime | None, datetime | None]:
    """How many messages there are, and when the first and the last were sent."""
    count, first, last = session.execute(_EXTENT, {"channel": channel_id}).one()
    return count, first, last


def select_beside(session: Session, channel_id: int, entity_ids: Sequence[int]) -> dict[int, list[str]]:
    """What is named together with each of these entities of a channel, most often first."""
    found: dict[int, list[str]] = {}
    for owner, name in session.execute(_BESIDE, {"channel": channel_id, "ids": list(entity_ids)}):
        found.setdefault(owner, []).append(name)
    return found


def select_topics(session: Session, channel_id: int) -> dict[int, tuple[str, str, list[str]]]:
    """Slug, title and entities of each topic."""
    found: dict[int, tuple[str, str, list[str]]] = {}
    for id_, slug, title, name in session.execute(_MEMBERS, {"channel": channel_id}):
        found.setdefault(id_, (slug, title, []))[2].append(name)
    return found


def select_hashes(session: Session, channel_id: int) -> dict[str, str]:
    """What is on each page of a channel, by slug: a page with the same hash need not be written."""
    mine = (WikiPage.channel_id == channel_id) & WikiPage.removed_at.is_(None)
    return {slug: hash_ for slug, hash_ in session.execute(select(WikiPage.slug, WikiPage.content_hash).where(mine))}


def put_pages(
    session: Session, channel_id: int, rows: Sequence[Mapping[str, Any]], *, execution_id: int, at: datetime
) -> int:
    """Write the pages whose content has changed, and keep each as a version: how many."""
    types: dict[str, Any] = {
        **dict.fromkeys(("slug", "parent", "kind", "title", "summary", "markdown", "content_hash"), Text()),
        "citations": JSONB(),
    }
    given = unnested_json(rows, "given", **types)
    chosen = select(
        literal(channel_id), literal(1, Integer), literal(at), literal(at), *(given.c[name] for name in types)
    )
    new = insert(WikiPage).from_select(["channel_id", "version", "created_at", "updated_at", *types], chosen)
    changed = (WikiPage.content_hash != new.excluded.content_hash) | WikiPage.removed_at.is_not(None)
    values = {name: new.excluded[name] for name in types if name != "slug"}
    upsert = new.on_conflict_do_update(
        index_elements=[WikiPage.slug],
        set_={**values, "version": WikiPage.version + 1, "updated_at": at, "removed_at": None},
        where=changed & (WikiPage.channel_id == channel_id),
    )
    ids = list(session.scalars(upsert.returning(WikiPage.id)))
    if ids:
        copied = select(
            WikiPage.id, WikiPage.version, WikiPage.title, WikiPage.markdown, literal(execution_id), literal(at)
        ).where(WikiPage.id.in_(ids))
        names = ["page_id", "version", "title", "markdown", "execution_id", "written_at"]
        session.execute(insert(WikiVersion).from_select(names, copied))
    return len(ids)


def remove_pages(session: Session, channel_id: int, kept: Sequence[str], *, at: datetime) -> None:
    """Take away the pages of a channel that are none of these; their versions stay."""
    mine = (WikiPage.channel_id == channel_id) & WikiPage.removed_at.is_(None) & WikiPage.slug.not_in(kept)
    session.execute(
        update(WikiPage).where(mine).values(removed_at=at), execution_options={"synchronize_session": False}
    )


def select_pages(session: Session, channel_id: int | None = None) -> Sequence[WikiPage]:
    """Pages by slug, of a channel or of all."""
    query = select(WikiPage).where(WikiPage.removed_at.is_(None)).order_by(WikiPage.slug)
    return session.scalars(query if channel_id is None else query.where(WikiPage.channel_id == channel_id)).all()


def find_page(session: Session, slug: str) -> WikiPage | None:
    """The page, unless it was taken away."""
    return session.scalar(select(WikiPage).where(WikiPage.slug == slug, WikiPage.removed_at.is_(None)))


def count_pages(session: Session, channel_id: int) -> int:
    """Pages of a channel."""
    mine = (WikiPage.channel_id == channel_id) & WikiPage.removed_at.is_(None)
    return session.scalar(select(func.count()).select_from(WikiPage).where(mine)) or 0
