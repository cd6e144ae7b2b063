"""What syncs of channels have made, for whoever reads it: channels, facts, the graph, the wiki."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from supersync_core.domain.message import Channel
from supersync_core.errors import NotFound
from supersync_core.ledger import knowledge as rows
from supersync_core.ledger.channel_tables import ChatChannel, WikiPage, WikiVersion
from supersync_core.ledger.executions import select_latest_roots
from supersync_core.ledger.knowledge import Extent, FactFilter, FoundFact, Key, Link, Node, Place
from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.services.channel_sync.directory import Listing
from supersync_core.services.channel_sync.jobs import channel_of

__all__ = ["FactFilter", "FoundFact", "Link", "Node", "Place"]

MOST_LINKS = 500


class PageNotFound(NotFound):
    """The wiki has no such page."""


class EntityNotFound(NotFound):
    """No fact names such an entity."""


@dataclass(frozen=True)
class KnownChannel:
    """A channel. `pipeline` None: a connection knows it, and nobody has synced it."""

    channel_id: str
    name: str | None
    platform: str | None
    connection: str
    slug: str | None
    pipeline: Pipeline | None
    extent: Extent
    last: Execution | None


def list_channels(session: Session, listing: Listing) -> Sequence[KnownChannel]:
    """Those that pipelines sync, by the pipelines' names, and then those that connections know beside them."""
    found = rows.select_channels(session)
    ids = [pipeline.id for pipeline, _ in found]
    extents, last = rows.select_extents(session, ids), select_latest_roots(session, ids)
    names = {(one.connection, one.channel.id): one.channel for one in listing.channels}
    known = [_known(pipeline, channel, names, extents, last) for pipeline, channel in found]
    taken = {one.channel_id for one in known}
    beside = [one for one in listing.channels if one.channel.id not in taken]
    return known + [
        KnownChannel(
            one.channel.id, one.channel.name, one.channel.platform, one.connection, None, None, Extent(0, 0, 0, 0), None
        )
        for one in beside
    ]


def _known(
    pipeline: Pipeline,
    channel: ChatChannel | None,
    names: Mapping[tuple[str, str], Channel],
    extents: Mapping[int, Extent],
    last: Mapping[int, Execution],
) -> KnownChannel:
    source = pipeline.spec["source"]
    listed = names.get((source["connection"], source["channel"]))
    seen: ChatChannel | Channel | None = channel or listed
    return KnownChannel(
        channel_id=channel_of(pipeline),
        name=seen.name if seen else None,
        platform=seen.platform if seen else None,
        connection=source["connection"],
        slug=channel.slug if channel else None,
        pipeline=pipeline,
        extent=extents.get(pipeline.id, Extent(0, 0, 0, 0)),
        last=last.get(pipeline.id),
    )


@dataclass(frozen=True)
class FactPage:
    """Facts, what was said last first. `after`: the place after which the next page begins; None: there is none."""

    facts: Sequence[FoundFact]
    after: Place | None


def search_facts(session: Session, wanted: FactFilter, *, limit: int, after: Place | None = None) -> FactPage:
    """A page of facts."""
    found = rows.select_facts(session, wanted, limit=limit + 1, after=after)
    last = found[limit - 1].fact if len(found) > limit else None
    return FactPage(found[:limit], (last.said_at, last.id) if last else None)


@dataclass(frozen=True)
class Neighbourhood:
    """Entities and what is known of each two of them. `centre`: those that were asked for."""

    centre: Sequence[Key]
    nodes: Sequence[Node]
    links: Sequence[Link]


def graph_around(session: Session, name: str | None, channel_id: str | None, *, depth: int, most: int) -> Neighbourhood:
    """What facts name together with an entity, `depth` steps far; without a name the entities that most facts name.

    At most `most` entities. Raises EntityNotFound.
    """
    if name is None:
        keys = rows.select_top(session, channel_id, most=most)
        centre: list[Key] = []
    else:
        keys = centre = rows.select_named(session, name, channel_id)
        if not centre:
            raise EntityNotFound(f"no fact names {name!r}")
        for _ in range(depth):
            around = rows.select_around(session, keys, channel_id, most=most)
            keys = list(dict.fromkeys([*keys, *around]))[:most]
    nodes = rows.select_nodes(session, keys, channel_id)
    return Neighbourhood(centre, nodes, rows.select_links(session, keys, channel_id, most=MOST_LINKS))


@dataclass(frozen=True)
class FoundPage:
    """A page of the wiki and its channel."""

    page: WikiPage
    channel: ChatChannel


@dataclass(frozen=True)
class ReadPage:
    """A page, or an old version of it. `title` and `markdown` are that version's; `children`: the pages below it."""

    page: WikiPage
    channel: ChatChannel
    version: int
    title: str
    markdown: str
    written_at: datetime
    versions: Sequence[WikiVersion]
    children: Sequence[WikiPage]


def list_pages(
    session: Session, *, channel_id: str | None = None, words: str | None = None, limit: int, after: str | None = None
) -> Sequence[FoundPage]:
    """Pages by slug, of a channel, or with these words. `after`: continue behind that slug."""
    query = select(WikiPage, ChatChannel).join(ChatChannel, ChatChannel.id == WikiPage.channel_id)
    query = query.where(WikiPage.removed_at.is_(None))
    if channel_id is not None:
        query = query.where(ChatChannel.channel_id == channel_id)
    if words:
        query = query.where(WikiPage.search.op("@@")(func.websearch_to_tsquery(text("'english'"), words)))
    if after is not None:
        query = query.where(WikiPage.slug > after)
    return [FoundPage(*row) for row in session.execute(query.order_by(WikiPage.slug).limit(limit))]


def read_page(session: Session, slug: str, version: int | None = None) -> ReadPage:
    """A page, or an old version of it. Raises PageNotFound."""
    query = select(WikiPage, ChatChannel).join(ChatChannel, ChatChannel.id == WikiPage.channel_id)
    found = session.execute(query.where(WikiPage.slug == slug)).one_or_none()
    if found is None or (found[0].removed_at is not None and version is None):
        raise PageNotFound(f"the wiki has no page {slug!r}")
    page, channel = found
    versions = session.scalars(
        select(WikiVersion).where(WikiVersion.page_id == page.id).order_by(WikiVersion.version.desc())
    ).all()
    wanted = next((one for one in versions if one.version == (version or page.version)), None)
    if wanted is None:
        raise PageNotFound(f"the page {slug!r} has no version {version}")
    below = select(WikiPage).where(WikiPage.parent == slug, WikiPage.removed_at.is_(None)).order_by(WikiPage.slug)
    return ReadPage(
        page=page,
        channel=channel,
        version=wanted.version,
        title=wanted.title,
        markdown=wanted.markdown,
        written_at=wanted.written_at,
        versions=versions,
        children=session.scalars(below).all(),
    )
