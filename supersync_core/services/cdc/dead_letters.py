"""Dead letters of CDC pipelines: looked at, counted, taken out."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from supersync_core.ledger import dead_letters as rows
from supersync_core.ledger.cdc_tables import DeadLetterRow
from supersync_core.ledger.tables import Pipeline
from supersync_core.services.cdc.findings import resolve_dead_letters
from supersync_core.services.cdc.pipelines import list_cdc_pipelines
from supersync_core.services.cdc.spec import JournalSpec

__all__ = ["DeadLetterRow", "acknowledge", "count", "expire", "peek", "purge"]

_KINDS = {"serialization error": "serialization", "routing error": "routing"}
"""Spellings of kinds that clients of the original know, besides our own."""


def peek(
    session: Session, pipeline: Pipeline, *, limit: int, sink_id: str = "", error_kind: str = "", after_seq: int = 0
) -> Sequence[DeadLetterRow]:
    """A page, the oldest first."""
    kind = error_kind.replace("\0", "?")
    kinds = [_KINDS.get(kind, kind)] if kind else []
    sink = sink_id.replace("\0", "?")
    return rows.select_dead_letters(
        session, pipeline.id, limit=limit, after_seq=after_seq, sink_id=sink, error_kinds=kinds
    )


def count(session: Session, pipeline: Pipeline) -> int:
    """How many there are."""
    return rows.count_dead_letters(session, pipeline.id)


def expire(session: Session, *, at: datetime) -> int:
    """Take out those that are older than their pipelines keep them; how many."""
    expired = 0
    for pipeline in list_cdc_pipelines(session):
        rules = JournalSpec.model_validate(pipeline.spec["spec"].get("journal") or {})
        before = at - timedelta(seconds=rules.dlq.max_age_secs)
        gone = rows.delete_expired_dead_letters(session, pipeline.id, before=before) if rules.enabled else 0
        if gone:
            resolve_dead_letters(session, pipeline.id, at=at)
        expired += gone
    return expired


def acknowledge(session: Session, pipeline: Pipeline, *, up_to_seq: int, at: datetime) -> int:
    """Take out those up to a number; how many. The incident about them is over when none is left."""
    acknowledged = rows.delete_dead_letters(session, pipeline.id, up_to_seq=up_to_seq)
    resolve_dead_letters(session, pipeline.id, at=at)
    return acknowledged


def purge(session: Session, pipeline: Pipeline, *, at: datetime) -> int:
    """Take out all, so that the incident about them is over; how many."""
    purged = rows.delete_dead_letters(session, pipeline.id)
    resolve_dead_letters(session, pipeline.id, at=at)
    return purged
