"""What a sync of a channel makes, in the ledger."""

import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from supersync_core.clock import Clock, utcnow
from supersync_core.domain.channel_sync import ChannelProgress
from supersync_core.domain.execution import Progress
from supersync_core.domain.markdown import slug_of
from supersync_core.domain.message import Channel, Message
from supersync_core.engines.channel_sync.material import Material
from supersync_core.engines.channel_sync.pages import Page
from supersync_core.engines.channel_sync.store import NewFact, Pending, Stored
from supersync_core.errors import Cancelled
from supersync_core.ledger import chats, facts, wiki
from supersync_core.ledger.channel_jobs import note_progress
from supersync_core.ledger.channel_tables import ChatChannel
from supersync_core.ledger.checkpoints import find_checkpoint, store_checkpoint
from supersync_core.ledger.database import Ledger
from supersync_core.services.channel_sync.material import material_of
from supersync_core.services.channel_sync.rows import clean, message_of, row_of
from supersync_core.services.channel_sync.topics import find_topics
from supersync_core.services.executions import renew_lease

LAZILY = text("SET LOCAL synchronous_commit = off")
FACTS = uuid.uuid5(uuid.NAMESPACE_URL, "https://supersync/facts")


@dataclass(frozen=True)
class Run:
    """Which run writes: its pipeline, its execution, and the owner of that execution's lease."""

    pipeline_id: int
    execution_id: int
    owner: str


@dataclass
class _Here:
    """Where the channel stands, read once: nobody else writes while the run holds its lease."""

    channel: ChatChannel
    cursor: str | None = None
    dirty: bool = True


@dataclass
class _Statement:
    """The connection that is in use, for a cancel."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    connection: Any = None


class LedgerChannelStore:
    """A `ChannelStore`. Before each commit it renews the lease, in the same transaction: or it is LeaseLost."""

    def __init__(self, ledger: Ledger, run: Run, clock: Clock = utcnow) -> None:
        """Nothing is read yet."""
        self._ledger, self._run, self._clock = ledger, run, clock
        self._known: _Here | None = None
        self._running = _Statement()
        self._written: Mapping[str, str] = {}

    def open(self, channel: Channel) -> None:
        """See `ChannelStore`."""
        values = {"platform": channel.platform, "channel_id": channel.id, "name": clean(channel.name)}
        base = slug_of(channel.name) or "channel"
        own = f"{base}-{slug_of(channel.id)}"
        slugs = (base, own, f"{own}-{self._run.pipeline_id}")
        with self._reading() as session:
            row = chats.put_channel(session, self._run.pipeline_id, slugs, at=self._clock(), **values)
            stored = find_checkpoint(session, self._run.pipeline_id)
        position = stored.position if stored else {}
        self._known = _Here(row, position.get("cursor"), position.get("dirty", True))

    def cursor(self) -> str | None:
        """See `ChannelStore`."""
        return self._here.cursor

    def is_dirty(self) -> bool:
        """See `ChannelStore`."""
        return self._here.dirty

    def put_messages(
        self, page: Sequence[Message], cursor: str | None, progress: ChannelProgress, *, full: bool
    ) -> Stored:
        """See `ChannelStore`."""
        rows = list({message.id: row_of(message) for message in page}.values())
        seen_in = self._run.execution_id if full else None
        with self._writing(progress) as session:
            stored = Stored(*chats.put_messages(session, self._here.channel.id, rows, seen_in=seen_in))
            changed = stored.inserted + stored.updated > 0
            self._keep(session, cursor or self._here.cursor, self._here.dirty or changed)
        return stored

    def end_full(self, first: Message, last: Message, cursor: str) -> int:
        """See `ChannelStore`."""
        bounds = {"since": first.sent_at, "until": last.sent_at}
        with self._writing(None) as session:
            gone = chats.delete_unseen(session, self._here.channel.id, self._run.execution_id, **bounds)
            self._keep(session, cursor, self._here.dirty or gone > 0)
        return gone

    def count_pending(self) -> int:
        """See `ChannelStore`."""
        with self._reading() as session:
            return chats.count_pending(session, self._here.channel.id)

    def pending(self, after: int, limit: int) -> Sequence[Pending]:
        """See `ChannelStore`."""
        with self._reading() as session:
            rows = chats.select_pending(session, self._here.channel.id, after=after, limit=limit)
        here = self._here.channel
        return [
            Pending(row.id, row.extracted_hash is not None, row.content_hash, message_of(row, here)) for row in rows
        ]

    def put_facts(
        self,
        done: Sequence[Pending],
        facts_: Sequence[NewFact],
        failures: Mapping[int, str],
        progress: ChannelProgress,
    ) -> int:
        """See `ChannelStore`."""
        told = {one.row_id: one.message for one in done}
        rows = [self._fact(fact, told[fact.row_id]) for fact in facts_]
        with self._writing(progress) as session:
            before = [one.row_id for one in done if one.has_facts]
            new, gone = facts.replace_facts(session, self._here.channel.id, before, rows)
            if done:
                chats.note_extracted(session, [(one.row_id, one.content_hash) for one in done])
            if failures:
                chats.note_failures(session, {row: clean(why) for row, why in failures.items()})
            if rows or gone:
                self._keep(session, self._here.cursor, dirty=True)
        return new

    def count_ungraphed(self) -> int:
        """See `ChannelStore`."""
        with self._reading() as session:
            return facts.count_ungraphed(session, self._here.channel.id)

    def graph(self, limit: int, progress: ChannelProgress) -> tuple[int, int]:
        """See `ChannelStore`."""
        with self._writing(progress) as session:
            return facts.graph_facts(session, self._here.channel.id, limit=limit, at=self._clock())

    def put_topics(self, progress: ChannelProgress) -> None:
        """See `ChannelStore`."""
        with self._reading() as session:
            topics = find_topics(session, self._here.channel.id)
        with self._writing(progress) as session:
            facts.delete_unnamed(session, self._here.channel.id)
            facts.replace_topics(session, self._here.channel.id, topics)

    def material(self) -> tuple[str, Material]:
        """See `ChannelStore`."""
        with self._reading() as session:
            self._written = wiki.select_hashes(session, self._here.channel.id)
            return self._here.channel.slug, material_of(session, self._here.channel)

    def put_pages(self, pages: Sequence[Page], progress: ChannelProgress) -> int:
        """See `ChannelStore`."""
        rows = [
            {
                **{name: getattr(page, name) for name in ("slug", "parent", "kind", "title", "summary", "markdown")},
                "citations": list(page.citations),
                "content_hash": page.content_hash,
            }
            for page in pages
            if self._written.get(page.slug) != page.content_hash
        ]
        with self._writing(progress) as session:
            if not rows:
                return 0
            return wiki.put_pages(
                session, self._here.channel.id, rows, execution_id=self._run.execution_id, at=self._clock()
            )

    def end_pages(self, slugs: Sequence[str], progress: ChannelProgress) -> None:
        """See `ChannelStore`."""
        with self._writing(progress) as session:
            wiki.remove_pages(session, self._here.channel.id, slugs, at=self._clock())
            self._keep(session, self._here.cursor, dirty=False)

    def say(self, progress: ChannelProgress) -> None:
        """See `ChannelStore`."""
        with self._writing(progress):
            pass

    def cancel(self) -> None:
        """See `ChannelStore`."""
        with self._running.lock:
            if self._running.connection is not None:
                self._running.connection.cancel()

    @property
    def _here(self) -> _Here:
        assert self._known is not None, "the channel is opened first"
        return self._known

    def _keep(self, session: Session, cursor: str | None, dirty: bool) -> None:
        """Store where the channel stands. Should the commit fail, so does the sync: what is remembered is gone then."""
        self._here.cursor, self._here.dirty = cursor, dirty
        store_checkpoint(
            session,
            self._run.pipeline_id,
            {"cursor": cursor, "dirty": dirty},
            execution_id=self._run.execution_id,
            at=self._clock(),
        )

    def _fact(self, fact: NewFact, message: Message) -> dict[str, Any]:
        name = "\0".join(
            (message.platform, message.channel_id, message.id, str(fact.place), str(self._run.pipeline_id))
        )
        return {
            "id": str(uuid.uuid5(FACTS, name)),
            "message_id": fact.row_id,
            "place": fact.place,
            "text": clean(fact.text),
            "kind": fact.kind,
            "quality": fact.quality,
            "importance": fact.importance,
            "author": clean(message.author_name),
            "tags": list(fact.tags),
            "mentions": [dict(mention) for mention in fact.mentions],
            "relations": [dict(relation) for relation in fact.relations],
            "said_at": message.sent_at.isoformat(),
        }

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        with self._ledger.begin() as session:
            with self._running.lock:
                self._running.connection = session.connection().connection.driver_connection
            try:
                yield session
            finally:
                with self._running.lock:
                    self._running.connection = None

    @contextmanager
    def _writing(self, progress: ChannelProgress | None) -> Iterator[Session]:
        """The lease comes last: its row is locked for a moment only, so that a heartbeat or a cancel never waits.

        Nobody waits for the disk either: should the server die, it loses the last moments in their order, cursor and
        all, and what the end of a sync says is written behind all that went before.
        """
        with self._reading() as session:
            session.execute(LAZILY)
            yield session
            session.flush()
            told = None
            if progress is not None:
                note_progress(session, self._run.execution_id, progress)
                told = Progress(progress.stage.value, progress.processed)
            if renew_lease(session, self._run.execution_id, owner=self._run.owner, progress=told):
                raise Cancelled("cancelled on request")
