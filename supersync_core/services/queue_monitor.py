"""How many checks wait, and whether that is too many (Watcher: queue monitoring)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from supersync_core.domain.check import CheckKind
from supersync_core.domain.incident import Finding, IncidentKind, Level
from supersync_core.ledger.check_requests import count_waiting
from supersync_core.services.incidents import report_finding, resolve_subject

WARNING, CRITICAL = 50, 100
"""So many that wait are a warning, or critical (Watcher)."""
SUBJECT = "queue"


@dataclass(frozen=True)
class Queue:
    """Checks that wait, by kind; of kind `anomaly` are the executions that wait for a judgement."""

    waiting: Mapping[CheckKind, int]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.waiting.values())

    @property
    def level(self) -> Level | None:
        """How bad it is; None: it is not."""
        return Level.CRITICAL if self.total >= CRITICAL else Level.WARNING if self.total >= WARNING else None


def read_queue(session: Session) -> Queue:
    """What waits now."""
    return Queue(dict.fromkeys(CheckKind, 0) | dict(count_waiting(session)))


def check_queue(session: Session, *, at: datetime) -> Queue:
    """What waits now; too much is an incident until it is less. It alerts once, and again when it becomes critical."""
    queue = read_queue(session)
    if queue.level is None:
        resolve_subject(session, SUBJECT, reason="the queue is short again", at=at)
    else:
        report_finding(session, _finding(queue, queue.level), at=at)
    return queue


def _finding(queue: Queue, level: Level) -> Finding:
    by_kind = {kind.value: count for kind, count in queue.waiting.items() if count}
    return Finding(
        kind=IncidentKind.QUEUE,
        subject=SUBJECT,
        level=level,
        title=f"{queue.total} checks wait",
        message=", ".join(f"{kind}: {count}" for kind, count in by_kind.items()),
        details={"total": queue.total, "waiting": by_kind},
        repeats=False,
    )
