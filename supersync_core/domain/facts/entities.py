"""Who and what a fact names."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from supersync_core.domain.facts.lexicon import COMMON, DATES, FORMS, STOPWORDS

MOST_ENTITIES = 12
LONGEST = 80
"""Characters of a name."""
_FOUND = re.compile(
    r"`(?P<code>[^`\n]{2,80})`"
    r"|https?://(?P<url>[^\s<>()]+)"
    r"|@(?P<mention>\w[\w.-]*\w(?: [A-Z]\w+)?)"
    r"|(?<![\w&/])#(?P<channel>[a-z][\w-]*[a-z0-9])"
    r"|\b(?P<camel>[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]*)+|[a-z]+[A-Z]\w+)\b"
    r"|\b(?P<dotted>[a-zA-Z]\w*(?:[-_./]\w+)+)\b"
    r"|\b(?P<run>[A-Z][\w+#]*(?:[ -][A-Z][\w+#]*)*)"
)
_REPOSITORY = re.compile(r"^(?:www\.)?(?:github|gitlab|bitbucket)\.(?:com|org)/([\w.-]+/[\w.-]+)")
_ORDINARY = frozenset({"and/or", "e.g", "i.e", "etc", "on-call", "read-only", "up-to-date", "end-to-end"})
_EVERYBODY = frozenset({"here", "channel", "everyone", "all", "group"})
_CODE = re.compile(r"^[\w./:@#-]+$")


@dataclass(frozen=True)
class Entity:
    """Somebody or something. `type`: person, channel, repository or thing; `key`: the same for all ways to write it."""

    type: str
    key: str
    name: str


def entity_key(name: str) -> str:
    """What is the same however a name is written: small letters, without spaces, hyphens and the plural's s.

    >>> entity_key("Order Queues"), entity_key("order-queue"), entity_key("Redis"), entity_key("C++")
    ('orderqueue', 'orderqueue', 'redis', 'c++')
    """
    folded = re.sub(r"[\s_-]+", "", name.casefold()).strip(".:,;'\"")
    plural = len(folded) > 4 and folded.endswith("s") and not folded.endswith(("ss", "us", "is", "os", "as"))
    return folded[:-1] if plural else folded


def find_entities(text: str, author: str, people: Collection[str] = ()) -> tuple[Entity, ...]:
    """In the order in which they are named, each once. `people`: names that are known to be of people."""
    keys, own = _keys(frozenset(people)), entity_key(author)
    known = keys if own in keys else keys | {own}
    found: dict[str, Entity] = {}
    for entity in _named(text, known):
        if entity.key and len(entity.key) > 1:
            found.setdefault(entity.key, entity)
        if len(found) == MOST_ENTITIES:
            break
    return tuple(found.values())


@lru_cache(maxsize=64)
def _keys(people: frozenset[str]) -> frozenset[str]:
    """Kept, because all messages of a channel have the same people, and there may be thousands."""
    return frozenset(entity_key(name) for name in people)


def _named(text: str, people: Collection[str]) -> Iterator[Entity]:
    for match in _FOUND.finditer(text):
        kind = str(match.lastgroup)
        if kind == "run":
            yield from _of_run(match[kind][:LONGEST], _begins(text, match.start()), people)
        elif (entity := _MADE[kind](match[kind][:LONGEST], people)) is not None:
            yield entity


def _person(name: str, people: Collection[str]) -> Entity | None:
    """Of a mention. A second word belongs to it only where somebody has that name."""
    first = name.partition(" ")[0]
    if first.casefold() in _EVERYBODY:
        return None
    chosen = name if entity_key(name) in people or first == name else first
    return Entity("person", entity_key(chosen), chosen)


def _thing(name: str, people: Collection[str]) -> Entity:
    return Entity("person" if entity_key(name) in people else "thing", entity_key(name), name)


def _repository(url: str, people: Collection[str]) -> Entity | None:
    found = _REPOSITORY.match(url)
    return Entity("repository", found[1].casefold(), found[1]) if found else None


def _code(name: str, people: Collection[str]) -> Entity | None:
    return _thing(name, people) if _CODE.match(name) else None


def _dotted(name: str, people: Collection[str]) -> Entity | None:
    return None if name.casefold() in _ORDINARY or _is_compound(name) else _thing(name, people)


_MADE: Mapping[str, Callable[[str, Collection[str]], Entity | None]] = {
    "mention": _person,
    "channel": lambda name, people: Entity("channel", name.casefold(), f"#{name}"),
    "url": _repository,
    "code": _code,
    "dotted": _dotted,
    "camel": _thing,
}


def _is_compound(name: str) -> bool:
    """`third-party`, `sign-ups`: words of the language that a hyphen joins."""
    parts = name.split("-")
    if not (2 <= len(parts) <= 3 and all(part.isalpha() and part.islower() for part in parts)):
        return False
    return any(part in STOPWORDS or part in FORMS or len(part) < 4 for part in parts)


def _begins(text: str, start: int) -> bool:
    return start == 0 or text[:start].rstrip().endswith((".", "!", "?", ":", '"'))


def _of_run(run: str, begins: bool, people: Collection[str]) -> Iterator[Entity]:
    """A run of capitalised words as a name, without the words that have a capital only because a sentence begins."""
    if entity_key(run) in people:
        yield Entity("person", entity_key(run), run)
        return
    words = run.split(" ")
    while words and _is_no_name(words[0], begins):
        words, begins = words[1:], False
    while words and (words[-1].casefold() in DATES or words[-1].casefold() in STOPWORDS):
        words = words[:-1]
    if words and words[0].casefold() not in DATES:
        yield _thing(" ".join(words), people)


def _is_no_name(word: str, begins: bool) -> bool:
    folded = word.casefold()
    if folded in DATES or folded in STOPWORDS:
        return True
    return begins and not word.isupper() and (folded in COMMON or folded in FORMS or folded.endswith(("ly", "ing")))
