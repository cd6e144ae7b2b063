"""What the wiki of a channel is made from, out of the ledger."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sqlalchemy.orm import Session

from supersync_core.domain.markdown import slug_of
from supersync_core.engines.channel_sync.material import Material, Said, Subject
from supersync_core.ledger import wiki
from supersync_core.ledger.channel_tables import ChatChannel
from supersync_core.ledger.facts import select_names
from supersync_core.ledger.wiki import Cited

ON_A_PAGE = 50
"""Facts."""
LEAST_FACTS = 3
"""An entity that fewer facts name has no page of its own."""
MOST_ENTITIES = 200
MOST_PEOPLE = 100


def material_of(session: Session, channel: ChatChannel) -> Material:
    """All of it; of many facts the best."""
    messages, first_at, last_at = wiki.select_extent(session, channel.id)
    by_kind = _grouped(wiki.select_by_kind(session, channel.id, each=ON_A_PAGE))
    return Material(
        channel=channel.name,
        platform=channel.platform,
        messages=messages,
        first_at=first_at,
        last_at=last_at,
        counts={kind: rows[0].total for kind, rows in by_kind.items()},
        kinds={kind: [_said(row) for row in rows] for kind, rows in by_kind.items()},
        people=wiki.select_people(session, channel.id, most=MOST_PEOPLE),
        topics=_topics(session, channel.id),
        entities=_entities(session, channel.id),
    )


def _topics(session: Session, channel_id: int) -> list[Subject]:
    named = wiki.select_topics(session, channel_id)
    rows = _grouped(wiki.select_by_topic(session, channel_id, each=ON_A_PAGE))
    return [
        Subject(slug, title, rows[id_][0].total, [_said(row) for row in rows[id_]], members)
        for id_, (slug, title, members) in named.items()
        if id_ in rows
    ]


def _entities(session: Session, channel_id: int) -> list[Subject]:
    by_entity = _grouped(
        wiki.select_by_entity(session, channel_id, each=ON_A_PAGE, least=LEAST_FACTS, most=MOST_ENTITIES)
    )
    names, beside = select_names(session, list(by_entity)), wiki.select_beside(session, channel_id, list(by_entity))
    subjects, taken = [], set[str]()
    for id_, rows in by_entity.items():
        slug = slug_of(names[id_]) or f"entity-{id_}"
        slug = f"{slug}-{id_}" if slug in taken else slug
        taken.add(slug)
        subjects.append(Subject(slug, names[id_], rows[0].total, [_said(row) for row in rows], beside.get(id_, ())))
    return sorted(subjects, key=lambda one: (-one.total, one.title))


def _grouped(rows: Sequence[Cited]) -> dict[Any, list[Cited]]:
    """By owner; the rows of one owner follow each other."""
    return {owner: list(ours) for owner, ours in groupby(rows, key=lambda row: row.owner)}


def _said(row: Cited) -> Said:
    return Said(row.text, row.kind, row.author, row.said_at, row.message_id, row.excerpt, row.permalink)
