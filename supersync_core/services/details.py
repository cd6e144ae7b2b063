"""Everything about one pipeline that is not in the snapshot of all: what it is made of, and how far it has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from supersync_core.errors import NotFound
from supersync_core.ledger.check_tables import CheckRule
from supersync_core.ledger.checkpoints import select_checkpoints
from supersync_core.ledger.lineage import select_flows
from supersync_core.ledger.recent import find_watermark
from supersync_core.ledger.tables import Pipeline


@dataclass(frozen=True)
class Position:
    """How far a part of a pipeline has come; `part` is empty where it has but one."""

    part: str
    position: Mapping[str, Any]
    updated_at: datetime


@dataclass(frozen=True)
class Flow:
    """Data flows from one address to another."""

    source: str
    target: str


@dataclass(frozen=True)
class Details:
    """`spec`: what was declared; it names connections and holds no secret. `extra`: what its reporter says beside it.

    `watermark`: how far the last success came; `next_watermark`: where the next one will end, as its reporter says.
    """

    spec: Mapping[str, Any]
    owners: Sequence[str]
    tags: Mapping[str, Any]
    rules: Sequence[CheckRule]
    positions: Sequence[Position]
    flows: Sequence[Flow]
    watermark: str | None
    next_watermark: str | None
    extra: Mapping[str, Any] | None


def pipeline_details(session: Session, pipeline_id: int) -> Details:
    """All of it. Raises NotFound."""
    pipeline = session.get(Pipeline, pipeline_id)
    if pipeline is None:
        raise NotFound("the pipeline is not there any more")
    return Details(
        spec=pipeline.spec,
        owners=pipeline.owners,
        tags=pipeline.tags,
        rules=pipeline.rules,
        positions=[
            Position(row.part, row.position, row.updated_at) for row in select_checkpoints(session, pipeline_id)
        ],
        flows=[Flow(*names) for names in select_flows(session, pipeline_id)],
        # What ran before the ledger kept it has left its watermark with the run.
        watermark=pipeline.watermark or find_watermark(session, pipeline_id),
        next_watermark=pipeline.next_watermark,
        extra=pipeline.extra,
    )
