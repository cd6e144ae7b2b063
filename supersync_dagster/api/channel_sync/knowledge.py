"""`/api/channels`, `/api/facts`, `/api/graph`, `/api/wiki`: what syncs of channels have made."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from supersync_core.domain.access import Role
from supersync_core.services.channel_sync import knowledge
from supersync_dagster.api.auth import require
from supersync_dagster.api.channel_sync.knowledge_query import FactQuery, Words, write_cursor
from supersync_dagster.api.channel_sync.knowledge_wire import (
    Channel,
    Channels,
    Fact,
    Facts,
    Graph,
    Page,
    Pages,
    PageSummary,
)
from supersync_dagster.api.channel_sync.routes import DirectoryDep, errors
from supersync_dagster.api.channel_sync.wire import ChannelId
from supersync_dagster.api.deps import SessionDep

router = APIRouter(prefix="/api", tags=["knowledge"], dependencies=[Depends(require(Role.VIEWER))])

ChannelFilter = Annotated[ChannelId | None, Query()]
Slug = Annotated[Words, Path()]


@router.get("/channels", responses=errors())
def read_channels(session: SessionDep, directory: DirectoryDep) -> Channels:
    """The channels that are synced, and those that a connection knows beside them."""
    listing = directory.listing()
    found = knowledge.list_channels(session, listing)
    problems = {name: f"{type(error).__name__}: {error}" for name, error in listing.problems.items()}
    return Channels(channels=[Channel.of(one) for one in found], problems=problems)


@router.get("/facts", responses=errors())
def read_facts(query: Annotated[FactQuery, Query()], session: SessionDep) -> Facts:
    """Facts, what was said last first; by words, and more."""
    page = knowledge.search_facts(session, query.wanted(), limit=query.limit, after=query.after)
    return Facts(
        facts=[Fact.of(one) for one in page.facts], next_cursor=write_cursor(page.after) if page.after else None
    )


@router.get("/graph", responses=errors(_404="No fact names such an entity"))
def read_graph(
    session: SessionDep,
    entity: Annotated[
        Words | None, Query(description="Its name, in any case; without it, what most facts name.")
    ] = None,
    channel_id: ChannelFilter = None,
    depth: Annotated[int, Query(ge=1, le=3)] = 1,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Graph:
    """What is around an entity: what facts name together with it, and what they say of the two."""
    return Graph.of(knowledge.graph_around(session, entity, channel_id, depth=depth, most=limit))


@router.get("/wiki", responses=errors())
def read_pages(
    session: SessionDep,
    channel_id: ChannelFilter = None,
    q: Annotated[Words | None, Query(description="Words, as people search.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[Words | None, Query(description="`next_cursor` of the page before.")] = None,
) -> Pages:
    """Pages of the wiki, by slug."""
    found = knowledge.list_pages(session, channel_id=channel_id, words=q, limit=limit + 1, after=cursor)
    following = found[limit - 1].page.slug if len(found) > limit else None
    return Pages(pages=[PageSummary.of(one) for one in found[:limit]], next_cursor=following)


@router.get("/wiki/{slug}", responses=errors(_404="There is no such page, or version of it"))
def read_page(
    slug: Slug, session: SessionDep, version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None
) -> Page:
    """A page of the wiki as Markdown and as HTML, or an old version of it."""
    return Page.read(knowledge.read_page(session, slug, version))
