"""Read and write channels and their messages: whole pages in one statement each."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, DateTime, Integer, Text, and_, func, literal, literal_column, or_, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from supersync_core.ledger.channel_tables import PENDING, ChatChannel, ChatMessage
from supersync_core.ledger.unnested import unnested_json

TIME = DateTime(timezone=True)
_COLUMNS = {
    "message_id": Text(),
    "thread_id": Text(),
    "author_id": Text(),
    "author_name": Text(),
    "text": Text(),
    "sent_at": TIME,
    "edited_at": TIME,
    "is_deleted": Boolean(),
    "reply_count": Integer(),
    "reactions": JSONB(),
    "permalink": Text(),
    "content_hash": Text(),
}
_COMPARED = ("content_hash", "reply_count", "reactions", "permalink", "edited_at")


def find_channel(session: Session, pipeline_id: int) -> ChatChannel | None:
    """The channel that the pipeline syncs, once a sync has seen it."""
    return session.scalar(select(ChatChannel).where(ChatChannel.pipeline_id == pipeline_id))


def put_channel(
    session: Session, pipeline_id: int, slugs: Sequence[str], *, at: datetime, **values: Any
) -> ChatChannel:
    """The channel, as it is now. `slugs`: for a new one, the first of them that is free; the last one must be."""
    known = find_channel(session, pipeline_id)
    if known is not None:
        if any(getattr(known, name) != value for name, value in values.items()):
            session.execute(update(ChatChannel).where(ChatChannel.id == known.id).values(**values, updated_at=at))
            session.refresh(known)
        return known
    for slug in slugs:
        new = insert(ChatChannel).values(pipeline_id=pipeline_id, slug=slug, created_at=at, updated_at=at, **values)
        created: ChatChannel | None = session.scalar(new.on_conflict_do_nothing().returning(ChatChannel))
        if created is not None:
            return created
    raise LookupError(f"none of these is free: {', '.join(slugs)}")


def put_messages(
    session: Session, channel_id: int, rows: Sequence[Mapping[str, Any]], *, seen_in: int | None
) -> tuple[int, int]:
    """How many messages were new, and how many others have changed. `rows` name each message once.

    `seen_in`: the full sync that has read them.
    """
    given = unnested_json(rows, "given", **_COLUMNS)
    names = list(_COLUMNS)
    chosen = select(literal(channel_id), literal(seen_in), *(given.c[name] for name in names))
    new = insert(ChatMessage).from_select(["channel_id", "seen_in", *names], chosen)
    changes = or_(*(getattr(ChatMessage, name).is_distinct_from(new.excluded[name]) for name in _COMPARED))
    upsert = new.on_conflict_do_update(
        index_elements=[ChatMessage.channel_id, ChatMessage.message_id],
        set_={name: new.excluded[name] for name in (*names[1:], "seen_in")},
        where=changes,
    )
    fresh: list[bool] = list(session.scalars(upsert.returning(literal_column("(xmax = 0)"))))
    if seen_in is not None and len(fresh) < len(rows):
        ids = [row["message_id"] for row in rows]
        mine = and_(ChatMessage.channel_id == channel_id, ChatMessage.message_id.in_(ids))
        unseen = ChatMessage.seen_in.is_distinct_from(seen_in)
        session.execute(update(ChatMessage).where(mine, unseen).values(seen_in=seen_in))
    return sum(fresh), len(fresh) - sum(fresh)


def delete_unseen(session: Session, channel_id: int, execution_id: int, *, since: datetime, until: datetime) -> int:
    """Call messages deleted that a full sync has not met, though it has read both earlier and later ones."""
    gone = and_(
        ChatMessage.channel_id == channel_id,
        ChatMessage.seen_in.is_distinct_from(execution_id),
        ChatMessage.sent_at.between(since, until),
        ChatMessage.is_deleted.is_(False),
    )
    values = {"is_deleted": True, "text": "", "content_hash": "deleted"}
    return len(session.scalars(update(ChatMessage).where(gone).values(values).returning(ChatMessage.id)).all())


def count_pending(session: Session, channel_id: int) -> int:
    """Messages whose facts are still to be extracted."""
    mine = select(func.count()).select_from(ChatMessage).where(ChatMessage.channel_id == channel_id, text(PENDING))
    return session.scalar(mine) or 0


def select_pending(session: Session, channel_id: int, *, after: int, limit: int) -> Sequence[ChatMessage]:
    """The next of them, in the order in which they came."""
    mine = select(ChatMessage).where(ChatMessage.channel_id == channel_id, ChatMessage.id > after, text(PENDING))
    return session.scalars(mine.order_by(ChatMessage.id).limit(limit)).all()


def note_extracted(session: Session, rows: Sequence[tuple[int, str]]) -> None:
    """The facts of these messages, by id and hash of their content, are stored."""
    given = unnested_json(
        [{"id": id_, "hash": hash_} for id_, hash_ in rows], "given", id=ChatMessage.id.type, hash=Text()
    )
    done = update(ChatMessage).where(ChatMessage.id == given.c.id)
    session.execute(
        done.values(extracted_hash=given.c.hash, failure=None), execution_options={"synchronize_session": False}
    )


def note_failures(session: Session, failures: Mapping[int, str]) -> None:
    """Why the facts of these messages, by id, could not be extracted."""
    rows = [{"id": id_, "why": why} for id_, why in failures.items()]
    given = unnested_json(rows, "given", id=ChatMessage.id.type, why=Text())
    failed = update(ChatMessage).where(ChatMessage.id == given.c.id).values(failure=given.c.why)
    session.execute(failed, execution_options={"synchronize_session": False})


def select_authors(session: Session, pipeline_id: int) -> frozenset[str]:
    """The names of all who have written in the channel that the pipeline syncs."""
    names = (
        select(ChatMessage.author_name)
        .join(ChatChannel, ChatChannel.id == ChatMessage.channel_id)
        .where(ChatChannel.pipeline_id == pipeline_id)
        .distinct()
    )
    return frozenset(session.scalars(names))
