"""Executions as bytes. A tree may be ten thousand deep, which neither Python's stack nor a JSON encoder's bears."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import orjson

from supersync_core.domain.execution import ExecutionState
from supersync_core.services.reported_executions import ReportedExecution

_OPTIONS = orjson.OPT_UTC_Z
_SECOND = timedelta(seconds=1)


def tree_json(rows: Sequence[ReportedExecution]) -> bytes:
    """An execution with all below it. `rows`: it first, and each before its children."""
    children: defaultdict[int, list[ReportedExecution]] = defaultdict(list)
    for row in rows[1:]:
        children[row.parent_id].append(row)
    parts = [_begun(rows[0])]
    # The children of each execution that has begun and not yet ended, the innermost last.
    open_: list[Iterator[ReportedExecution]] = [iter(children[rows[0].id])]
    while open_:
        child = next(open_[-1], None)
        if child is None:
            open_.pop()
            parts.append(b"]}")
            continue
        if not parts[-1].endswith(b"["):
            parts.append(b",")
        parts.append(_begun(child))
        open_.append(iter(children.get(child.id, ())))
    return b"".join(parts)


def list_json(rows: Sequence[ReportedExecution]) -> bytes:
    """Executions without what is below them."""
    return b"[" + b",".join(_own(row) for row in rows) + b"]"


def _begun(row: ReportedExecution) -> bytes:
    return _own(row)[:-1] + b',"child_executions":['


def _own(row: ReportedExecution) -> bytes:
    # All at once: by its name each of them takes the time of three.
    id_, parent_id, pipeline_id, _, state, queued_at, started_at, ended_at, *rest = tuple(row)
    total, inserts, updates, deletes, watermark, next_watermark, extra, flags = rest
    begun: datetime = started_at or queued_at
    seconds = _seconds(begun, ended_at) if ended_at is not None else None
    body = {
        "id": id_,
        "parent_id": parent_id,
        "pipeline_id": pipeline_id,
        "start_date": begun,
        "end_date": ended_at,
        "duration_seconds": seconds,
        "completed_successfully": _SUCCESS[state],
        "inserts": inserts,
        "updates": updates,
        "soft_deletes": deletes,
        "total_rows": total,
        "watermark": watermark,
        "next_watermark": next_watermark,
        # As the database writes it: a number there may be larger than any of orjson's.
        "execution_metadata": orjson.Fragment(extra) if extra is not None else None,
        "anomaly_flags": orjson.Fragment(flags) if flags is not None else None,
        "throughput": _throughput(total, seconds),
    }
    return orjson.dumps(body, option=_OPTIONS)


# Who ends an execution without a word on success leaves that open.
_SUCCESS = {state: None for state in ExecutionState} | {ExecutionState.SUCCEEDED: True, ExecutionState.FAILED: False}


def _seconds(start: datetime, end: datetime) -> int:
    """From start to end, halves rounded up."""
    return (2 * (end - start) + _SECOND) // (2 * _SECOND)


def _throughput(rows: int | None, seconds: int | None) -> float | None:
    """Rows in a second, to two decimals, halves rounded up; 0 for an execution of no time (Watcher)."""
    if seconds == 0:
        return 0.0
    if rows is None or seconds is None:
        return None
    return (200 * rows + seconds) // (2 * seconds) / 100
