"""Facts that somebody else proposes, such as a model: they pass the same gates as those of the rules."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from supersync_core.domain.facts.entities import find_entities
from supersync_core.domain.facts.extract import (
    LEAST_CHARACTERS,
    LEAST_QUALITY,
    MOST_CHARACTERS,
    MOST_FACTS,
    Fact,
    author_of,
    tags_of,
)
from supersync_core.domain.facts.kinds import FactKind
from supersync_core.domain.facts.lexicon import STOPWORDS
from supersync_core.domain.facts.relations import find_relations
from supersync_core.domain.facts.similar import is_similar
from supersync_core.domain.facts.text import sentences
from supersync_core.domain.message import Message

LEAST_GROUNDED = 0.6
"""Of a fact's words of content that are in its message: less is made up."""


@dataclass(frozen=True)
class Proposal:
    """A fact as it is proposed."""

    text: str
    kind: FactKind
    quality: float
    importance: float


def accepted(message: Message, proposals: Iterable[Proposal], people: Collection[str] = ()) -> list[Fact]:
    """The facts among them: at most two, the best, of a size that stands alone, and said by the message itself."""
    if message.is_deleted:
        return []
    author, facts = author_of(message), list[Fact]()
    for one in sorted(proposals, key=lambda proposal: -proposal.quality):
        text = " ".join(sentences(one.text))
        if len(facts) == MOST_FACTS or not _is_good(text, one.quality, message, author):
            continue
        if not any(is_similar(text, fact.text) for fact in facts):
            entities = find_entities(text, author, people)
            facts.append(
                Fact(
                    place=len(facts),
                    text=text,
                    kind=one.kind,
                    quality=round(min(one.quality, 1.0), 2),
                    importance=round(min(max(one.importance, 0.0), 1.0), 2),
                    tags=tags_of(text),
                    entities=entities,
                    relations=find_relations(text, one.kind, author, entities),
                )
            )
    return facts


def _is_good(text: str, quality: float, message: Message, author: str) -> bool:
    if not LEAST_CHARACTERS <= len(text) <= MOST_CHARACTERS or quality < LEAST_QUALITY:
        return False
    said = set(_words(f"{message.text} {author}"))
    words = [word for word in _words(text) if word not in STOPWORDS]
    return bool(words) and sum(word in said for word in words) >= LEAST_GROUNDED * len(words)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
