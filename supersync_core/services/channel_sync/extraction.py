"""From messages to facts, as the engine takes them."""

import logging
from collections.abc import Collection, Sequence
from typing import Any, Protocol

from supersync_core.connectors.extractors import FactExtractor
from supersync_core.domain.facts import Entity, Fact, accepted, extract_facts
from supersync_core.engines.channel_sync.store import NewFact, Pending
from supersync_core.errors import BadData, Cancelled, SupersyncError
from supersync_core.ledger.channel_jobs import note_fallback
from supersync_core.ledger.chats import select_authors
from supersync_core.ledger.database import Ledger

logger = logging.getLogger(__name__)


class Extraction(Protocol):
    """Makes facts, and can be told to stop."""

    def __call__(self, batch: Sequence[Pending]) -> list[NewFact]:
        """The facts of these messages."""

    def cancel(self) -> None:
        """Make a call that goes on raise Cancelled. From any thread."""


class RuleExtraction:
    """Facts by rules. Who has written in the channel is known as a person wherever the name falls."""

    def __init__(self, ledger: Ledger, pipeline_id: int) -> None:
        """Nothing is read yet."""
        self._ledger, self._pipeline_id = ledger, pipeline_id
        self._people: Collection[str] | None = None

    def __call__(self, batch: Sequence[Pending]) -> list[NewFact]:
        """See `Extraction`."""
        people = self.people()
        return [new_fact(one.row_id, fact) for one in batch for fact in extract_facts(one.message, people)]

    def cancel(self) -> None:
        """See `Extraction`. Rules take no time."""

    def people(self) -> Collection[str]:
        """The names of all who have written in the channel."""
        if self._people is None:
            with self._ledger.begin() as session:
                self._people = select_authors(session, self._pipeline_id)
        return self._people


class ModelExtraction:
    """Facts by a model; by rules where its answers are in no form, and once it does not answer at all.

    How many messages that were, and why, is noted with the execution.
    """

    def __init__(self, model: FactExtractor, rules: RuleExtraction, ledger: Ledger, execution_id: int) -> None:
        """Nobody is asked yet."""
        self._model, self._rules, self._ledger, self._execution_id = model, rules, ledger, execution_id
        self._is_gone = False
        self._by_rules = 0
        self._why = ""

    def __call__(self, batch: Sequence[Pending]) -> list[NewFact]:
        """See `Extraction`."""
        if not self._is_gone:
            try:
                return self._by_model(batch)
            except Cancelled:
                raise
            except SupersyncError as error:
                self._is_gone = not isinstance(error, BadData)
                self._why = self._why or str(error)
                logger.warning("facts of %s messages are found by rules: %s", len(batch), error)
        self._by_rules += len(batch)
        with self._ledger.begin() as session:
            note_fallback(session, self._execution_id, messages=self._by_rules, why=self._why)
        return self._rules(batch)

    def cancel(self) -> None:
        """See `Extraction`."""
        self._model.cancel()

    def _by_model(self, batch: Sequence[Pending]) -> list[NewFact]:
        people = self._rules.people()
        proposals = self._model.propose([one.message for one in batch])
        return [
            new_fact(one.row_id, fact)
            for one, proposed in zip(batch, proposals, strict=True)
            for fact in accepted(one.message, proposed, people)
        ]


def new_fact(row_id: int, fact: Fact) -> NewFact:
    """A fact as the store takes it. Whom its relations name besides, it mentions as well: its author."""
    joined = [entity for relation in fact.relations for entity in (relation.source, relation.target)]
    named = {(entity.type, entity.key): entity for entity in (*fact.entities, *joined)}
    return NewFact(
        row_id=row_id,
        place=fact.place,
        text=fact.text,
        kind=fact.kind.value,
        quality=fact.quality,
        importance=fact.importance,
        tags=fact.tags,
        mentions=[{"type": entity.type, "key": entity.key, "name": entity.name} for entity in named.values()],
        relations=[
            {
                "type": one.type,
                "source": _reference(one.source),
                "target": _reference(one.target),
                "confidence": one.confidence,
            }
            for one in fact.relations
        ],
    )


def _reference(entity: Entity) -> list[Any]:
    return [entity.type, entity.key]
