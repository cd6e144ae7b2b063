"""Bodies about what syncs of channels have made: beyond the document, which has no words for them."""

from typing import Any

from pydantic import BaseModel

from supersync_core.services.channel_sync.knowledge import (
    FoundFact,
    FoundPage,
    KnownChannel,
    Link,
    Neighbourhood,
    Node,
    ReadPage,
)
from supersync_core.services.channel_sync.rendering import as_html
from supersync_dagster.api.channel_sync.wire import STATES, Moment, Status


class Channel(BaseModel):
    """A channel. `last_status` null: it was never synced. `wiki`: the slug of its first page."""

    channel_id: str
    name: str | None
    platform: str | None
    connection: str
    pipeline: str | None
    messages: int
    facts: int
    entities: int
    pages: int
    wiki: str | None
    last_status: Status | None
    last_sync: Moment | None

    @classmethod
    def of(cls, found: KnownChannel) -> "Channel":
        """From the service."""
        return cls(
            channel_id=found.channel_id,
            name=found.name,
            platform=found.platform,
            connection=found.connection,
            pipeline=found.pipeline.name if found.pipeline else None,
            **found.extent._asdict(),
            wiki=f"{found.slug}.overview" if found.slug and found.extent.pages else None,
            last_status=STATES[found.last.state] if found.last else None,
            last_sync=(found.last.started_at or found.last.queued_at) if found.last else None,
        )


class Channels(BaseModel):
    """Channels that are synced or could be. `problems`: by connection, why its channels are not known."""

    channels: list[Channel]
    problems: dict[str, str]


class Source(BaseModel):
    """The message that says a fact."""

    message_id: str
    thread_id: str | None
    author_id: str
    sent_at: Moment
    permalink: str | None


class Fact(BaseModel):
    """Something that somebody has said. `quality`, `importance`: 0 to 1."""

    id: str
    channel_id: str
    text: str
    type: str
    quality: float
    importance: float
    author: str
    said_at: Moment
    tags: list[str]
    entities: list[str]
    source: Source

    @classmethod
    def of(cls, found: FoundFact) -> "Fact":
        """From the service."""
        fact, message = found.fact, found.message
        return cls(
            id=str(fact.id),
            channel_id=found.channel.channel_id,
            text=fact.text,
            type=fact.kind,
            quality=round(fact.quality, 3),
            importance=round(fact.importance, 3),
            author=fact.author,
            said_at=fact.said_at,
            tags=fact.tags,
            entities=[mention["name"] for mention in fact.mentions],
            source=Source(
                message_id=message.message_id,
                thread_id=message.thread_id,
                author_id=message.author_id,
                sent_at=message.sent_at,
                permalink=message.permalink,
            ),
        )


class Facts(BaseModel):
    """Facts, what was said last first. `next_cursor` null: there are no more."""

    facts: list[Fact]
    next_cursor: str | None


class Entity(BaseModel):
    """Somebody or something. `facts`: how many name it."""

    id: str
    name: str
    type: str
    facts: int
    channels: list[str]

    @classmethod
    def of(cls, node: Node) -> "Entity":
        """From the service."""
        id_ = _entity_id(node.type, node.key)
        return cls(id=id_, name=node.name, type=node.type, facts=node.facts, channels=node.channels)


class Relationship(BaseModel):
    """What facts say of two entities; `named_together`: that they name both. `fact_ids`: up to five of them."""

    source: str
    target: str
    type: str
    facts: int
    confidence: float
    fact_ids: list[str]

    @classmethod
    def of(cls, link: Link) -> "Relationship":
        """From the service."""
        source, target = _entity_id(*link.source), _entity_id(*link.target)
        confidence = round(link.confidence, 3)
        return cls(
            source=source,
            target=target,
            type=link.type,
            facts=link.facts,
            confidence=confidence,
            fact_ids=link.fact_ids,
        )


class Graph(BaseModel):
    """Entities and what is known of each two of them. `centre`: the ids of those that were asked for."""

    centre: list[str]
    entities: list[Entity]
    relationships: list[Relationship]

    @classmethod
    def of(cls, found: Neighbourhood) -> "Graph":
        """From the service."""
        return cls(
            centre=[_entity_id(*key) for key in found.centre],
            entities=[Entity.of(node) for node in found.nodes],
            relationships=[Relationship.of(link) for link in found.links],
        )


class PageSummary(BaseModel):
    """A page of the wiki."""

    slug: str
    title: str
    type: str
    channel_id: str
    parent: str | None
    summary: str
    version: int
    updated_at: Moment

    @classmethod
    def of(cls, found: FoundPage) -> "PageSummary":
        """From the service."""
        page = found.page
        return cls(
            slug=page.slug,
            title=page.title,
            type=page.kind,
            channel_id=found.channel.channel_id,
            parent=page.parent,
            summary=page.summary,
            version=page.version,
            updated_at=page.updated_at,
        )


class Pages(BaseModel):
    """Pages by slug. `next_cursor` null: there are no more."""

    pages: list[PageSummary]
    next_cursor: str | None


class Version(BaseModel):
    """A page as it was written once."""

    version: int
    title: str
    written_at: Moment


class Page(PageSummary):
    """A page. `html`: the same, to be shown; what people wrote is text in it. `citations`: of the last version."""

    markdown: str
    html: str
    citations: list[dict[str, Any]]
    children: list[str]
    versions: list[Version]

    @classmethod
    def read(cls, found: ReadPage) -> "Page":
        """From the service."""
        summary = PageSummary.of(FoundPage(found.page, found.channel)).model_dump()
        shown = {"title": found.title, "version": found.version, "updated_at": found.written_at}
        return cls.model_validate(
            {
                **summary,
                **shown,
                "markdown": found.markdown,
                "html": as_html(found.markdown),
                "citations": found.page.citations,
                "children": [child.slug for child in found.children],
                "versions": [
                    {"version": one.version, "title": one.title, "written_at": one.written_at} for one in found.versions
                ],
            }
        )


def _entity_id(type_: str, key: str) -> str:
    return f"{type_}:{key}"
