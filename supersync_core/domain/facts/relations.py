"""What a fact says of those it names."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from supersync_core.domain.facts.entities import Entity, entity_key
from supersync_core.domain.facts.kinds import FactKind

_BETWEEN = (
    ("depends_on", r"depend(?:s|ed)? (?:up)?on|relies on|rely on"),
    ("runs_on", r"(?:now )?(?:runs?|ran|is hosted|are hosted|is running) (?:on|in)"),
    ("replaces", r"(?:replaces?|replaced|supersedes?|will replace)"),
    ("owns", r"(?:owns?|owned|is responsible for|maintains?|leads?)"),
    ("uses", r"(?:uses?|used|talks? to|calls?|reads? from|writes? to|consumes?)"),
    ("requires", r"(?:requires?|required|needs|supports?)"),
)
_VERBS = re.compile("|".join(rf"\b(?P<{name}>{verbs})\b" for name, verbs in _BETWEEN))
_OWNED = re.compile(r"\b(?:is|are) (?:owned|maintained|led) by\b")
_BY_AUTHOR = {
    FactKind.DECISION: "decided",
    FactKind.ACTION_ITEM: "will_do",
    FactKind.OBSERVATION: "reported",
    FactKind.OPINION: "holds",
}
_RESOLVED = re.compile(r"\b(?:fixed|resolved|solved|repaired|closed)\b", re.I)
NEAR = 40
"""Characters between a verb and the name that it joins."""
SAID, BY_AUTHOR = 0.9, 0.6


@dataclass(frozen=True)
class Relation:
    """`source` does `type` to `target`. `confidence`: 0 to 1."""

    type: str
    source: Entity
    target: Entity
    confidence: float


def find_relations(text: str, kind: FactKind, author: str, entities: Sequence[Entity]) -> tuple[Relation, ...]:
    """What its verb says of two names around it, and what the author has to do with the names."""
    return tuple(
        {(one.type, one.source.key, one.target.key): one for one in _all(text, kind, author, entities)}.values()
    )


def _all(text: str, kind: FactKind, author: str, entities: Sequence[Entity]) -> Iterator[Relation]:
    yield from _said(text, entities)
    if kind not in _BY_AUTHOR:
        return
    teller = Entity("person", entity_key(author), author)
    does = "resolved" if kind is FactKind.OBSERVATION and _RESOLVED.search(text) else _BY_AUTHOR[kind]
    doer = next((one for one in entities if one.type == "person"), teller) if does == "will_do" else teller
    for entity in entities:
        if entity.type != "person" and entity.key != doer.key:
            yield Relation(does, doer, entity, BY_AUTHOR)


def _said(text: str, entities: Sequence[Entity]) -> Iterator[Relation]:
    places = [(text.find(one.name), one) for one in entities]
    match = _OWNED.search(text) or _VERBS.search(text)
    if match is None:
        return
    before = [one for at, one in places if at >= 0 and 0 <= match.start() - at - len(one.name) <= NEAR]
    after = [one for at, one in places if match.end() <= at <= match.end() + NEAR]
    if not before or not after:
        return
    source, target, type_ = before[-1], after[0], match.lastgroup or "owns"
    if match.lastgroup is None:
        source, target = target, source
    if source.key != target.key:
        yield Relation(type_, source, target, SAID)
