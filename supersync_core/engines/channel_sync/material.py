"""What wiki pages are made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Said:
    """A fact with the message that says it."""

    text: str
    kind: str
    author: str
    said_at: datetime
    message_id: str
    excerpt: str
    permalink: str | None


@dataclass(frozen=True)
class Subject:
    """Something that has a page of its own, with its best facts; `total` of how many. `others`: what goes with it."""

    slug: str
    title: str
    total: int
    facts: Sequence[Said]
    others: Sequence[str] = ()


@dataclass(frozen=True)
class Material:
    """What is known of a channel. `kinds`: its best facts by their kind; `counts`: how many there are of each."""

    channel: str
    platform: str
    messages: int
    first_at: datetime | None
    last_at: datetime | None
    counts: Mapping[str, int]
    kinds: Mapping[str, Sequence[Said]]
    people: Sequence[tuple[str, int]]
    topics: Sequence[Subject]
    entities: Sequence[Subject]
