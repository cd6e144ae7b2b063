"""From messages to facts, by rules: offline, without a model, and the same for the same message."""

from supersync_core.domain.facts.entities import Entity, entity_key
from supersync_core.domain.facts.extract import Fact, author_of, extract_facts
from supersync_core.domain.facts.kinds import FactKind
from supersync_core.domain.facts.proposals import Proposal, accepted
from supersync_core.domain.facts.relations import Relation

__all__ = [
    "Entity",
    "Fact",
    "FactKind",
    "Proposal",
    "Relation",
    "accepted",
    "author_of",
    "entity_key",
    "extract_facts",
]
