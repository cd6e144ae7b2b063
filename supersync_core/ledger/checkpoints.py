"""Read and write checkpoints."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from supersync_core.domain.execution import Progress
from supersync_core.ledger.prepared import Prepared
from supersync_core.ledger.tables import Checkpoint

# A stream does this for every batch, some ten to fifty times a second.
_ADVANCE = Prepared(
    "supersync_advance",
    """
    WITH renewed AS (
      UPDATE supersync.executions SET
        lease_expires_at = clock_timestamp() + CAST(:ttl AS interval), stage = CAST(:stage AS text),
        progress_rows = CAST(:rows AS bigint), progress_bytes = CAST(:bytes AS bigint)
      WHERE id = CAST(:execution_id AS bigint) AND lease_owner = CAST(:owner AS text)
      RETURNING id, pipeline_id
    )
    INSERT INTO supersync.checkpoints (pipeline_id, part, position, execution_id, updated_at)
    SELECT pipeline_id, given.part, given.position, renewed.id, CAST(:at AS timestamptz)
    FROM renewed, unnest(CAST(:parts AS text[]), CAST(:positions AS jsonb[])) given(part, position)
    ON CONFLICT (pipeline_id, part) DO UPDATE
    SET position = excluded.position, execution_id = excluded.execution_id, updated_at = excluded.updated_at
    RETURNING part
""",
)


def find_checkpoint(session: Session, pipeline_id: int, *, part: str = "") -> Checkpoint | None:
    """Where that part of the pipeline stands; None before its first success."""
    return session.get(Checkpoint, (pipeline_id, part))


def select_checkpoints(session: Session, pipeline_id: int) -> Sequence[Checkpoint]:
    """Where every part of the pipeline stands."""
    mine = select(Checkpoint).where(Checkpoint.pipeline_id == pipeline_id)
    return session.scalars(mine.order_by(Checkpoint.part)).all()


def store_checkpoint(
    session: Session,
    pipeline_id: int,
    position: Mapping[str, Any],
    *,
    part: str = "",
    execution_id: int | None = None,
    at: datetime,
) -> None:
    """Replace what is stored for that part of the pipeline."""
    values = {"position": dict(position), "execution_id": execution_id, "updated_at": at}
    new = insert(Checkpoint).values(pipeline_id=pipeline_id, part=part, **values)
    session.execute(new.on_conflict_do_update(index_elements=[Checkpoint.pipeline_id, Checkpoint.part], set_=values))


def advance_checkpoints(  # noqa: PLR0913  # one statement for what a batch changes
    session: Session,
    execution_id: int,
    owner: str,
    positions: Mapping[str, Mapping[str, Any]],
    *,
    progress: Progress,
    ttl: timedelta,
    at: datetime,
) -> bool:
    """Store positions by part, at least one, and renew the lease in the same statement; False: it is not `owner`'s."""
    written = [orjson.dumps(position).decode() for position in positions.values()]
    values = {
        **{"ttl": ttl, "stage": progress.stage, "rows": progress.rows, "bytes": progress.bytes},
        **{"execution_id": execution_id, "owner": owner, "at": at, "parts": list(positions), "positions": written},
    }
    return bool(_ADVANCE.execute(session, values))
