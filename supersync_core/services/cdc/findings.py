"""What a CDC run finds out on its way: schemas that it has sensed, drift, dead letters. Somebody is told of some."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.orm import Session

from supersync_core.domain.incident import Finding, IncidentKind, Level
from supersync_core.engines.cdc.journal import DeadLetter
from supersync_core.engines.cdc.sensing.drift import columns_with_drift
from supersync_core.engines.cdc.sensing.sensor import Kept
from supersync_core.ledger.dead_letters import count_dead_letters
from supersync_core.ledger.schemas import select_sensed, track_table
from supersync_core.ledger.tables import Pipeline
from supersync_core.services.incidents import report_finding, resolve_subject, resolve_subjects


def read_sensed(session: Session, pipeline_id: int) -> Kept:
    """What sensing has kept, by table or `table:column`."""
    return {row.name: {"sensed": row.sensed, "drift": row.drift} for row in select_sensed(session, pipeline_id)}


def keep_sensed(session: Session, pipeline_id: int, state: Kept, *, at: datetime) -> None:
    """Keep what sensing has found. Drift of a kind that a column had not shown before raises an incident.

    It is resolved once the catalogue has another form of the table, and rows fit that.
    """
    before = read_sensed(session, pipeline_id)
    for name, found in state.items():
        sensed, drift = _without_nul(found["sensed"]), _without_nul(found["drift"])
        track_table(session, pipeline_id, "", _without_nul(name), at=at, sensed=sensed, drift=drift)
        _tell_drift(session, pipeline_id, name, before.get(name, {}).get("drift") or {}, drift or {}, at)


def note_dead_letters(session: Session, pipeline_id: int, dead: Sequence[DeadLetter], *, at: datetime) -> None:
    """Tell that events were put aside: once, until none is left."""
    last = dead[-1]
    name = session.get_one(Pipeline, pipeline_id).name
    finding = Finding(
        kind=IncidentKind.DEAD_LETTERS,
        subject=_dead_letters(pipeline_id),
        level=Level.WARNING,
        title=f"{name} has dead letters",
        message=f"sink {last.sink_id} refuses an event: {last.refused.kind}: {last.refused.message}"[:1000],
        details={"sink_id": last.sink_id, "error_kind": last.refused.kind, "event_id": last.refused.change.event_id},
        pipeline_id=pipeline_id,
        repeats=False,
    )
    report_finding(session, finding, at=at)


def resolve_dead_letters(session: Session, pipeline_id: int, *, at: datetime) -> None:
    """Their incident is over where none is left."""
    if not count_dead_letters(session, pipeline_id):
        resolve_subject(session, _dead_letters(pipeline_id), reason="no dead letter is left", at=at)


def resolve_drift(session: Session, pipeline_id: int, *, at: datetime) -> None:
    """Nobody looks for drift any more: what was found is over, and would be found anew."""
    tracked = select_sensed(session, pipeline_id)
    for row in tracked:
        row.drift = None
    subjects = [f"drift:{pipeline_id}:{row.name}" for row in tracked]
    resolve_subjects(session, subjects, reason="schema sensing is switched off", at=at)


def _tell_drift(  # noqa: PLR0913  # whose drift it is, and what it was before
    session: Session, pipeline_id: int, table: str, before: Mapping[str, Any], now: Mapping[str, Any], at: datetime
) -> None:
    subject = f"drift:{pipeline_id}:{table}"
    is_same_form = before.get("fingerprint") == now.get("fingerprint")
    known = columns_with_drift(before) if is_same_form else []
    new = [one for one in now.get("columns", ()) if f"{one['column']}:{one['kind']}" not in known]
    if not new and not is_same_form and before:
        resolve_subject(session, subject, reason="the table has another form now", at=at)
    if not new:
        return
    name = session.get_one(Pipeline, pipeline_id).name
    words = [f"{one['column']} is {one['expected_type']}, and was {', '.join(one['observed_types'])}" for one in new]
    finding = Finding(
        kind=IncidentKind.DRIFT,
        subject=subject,
        level=Level.WARNING,
        title=f"{name}: rows of {table} do not fit its schema",
        message="; ".join(words)[:1000],
        details={"table": table, "columns": [one["column"] for one in new]},
        pipeline_id=pipeline_id,
    )
    report_finding(session, finding, at=at)


def _without_nul(kept: Any) -> Any:
    """PostgreSQL's JSON holds no NUL, and names of fields may."""
    text = orjson.dumps(kept)
    return orjson.loads(text.replace(b"\\u0000", b"\\ufffd")) if b"\\u0000" in text else kept


def _dead_letters(pipeline_id: int) -> str:
    return f"dead_letters:{pipeline_id}"
