"""Checks that somebody asks for: a durable row each, and the same function that a schedule calls."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from supersync_core.domain.check import CheckKind
from supersync_core.domain.incident import Finding
from supersync_core.errors import BadData
from supersync_core.ledger.check_requests import complete_requests, insert_request, lock_requests
from supersync_core.ledger.database import Ledger
from supersync_core.services.expectations import MAX_LOOKBACK, check_freshness, check_timeliness

ON_DEMAND = (CheckKind.FRESHNESS, CheckKind.TIMELINESS)
"""What can be asked for. Executions need no request: those that are not judged are what waits."""
MIN_LOOKBACK_MINUTES = 5
"""Watcher: `lookback_minutes`, at least 5."""
AT_ONCE = 1_000


def request_check(
    session: Session, kind: CheckKind, settings: Mapping[str, Any] | None = None, *, by: str, at: datetime
) -> int:
    """Ask for a check to be made soon; the id of the request.

    `settings`: none for freshness; for timeliness `lookback_minutes`, at least 5, or none: see `check_timeliness`.
    Raises BadData for any other, and for a kind that nobody can ask for.
    """
    if kind not in ON_DEMAND:
        raise BadData(f"a check of kind {kind.value} cannot be asked for: there are freshness and timeliness")
    given = dict(settings or {})
    known = {"lookback_minutes"} if kind is CheckKind.TIMELINESS else set[str]()
    if given.keys() - known:
        raise BadData(f"a {kind.value} check has no setting {min(given.keys() - known)!r}")
    minutes = given.get("lookback_minutes", MIN_LOOKBACK_MINUTES)
    if not isinstance(minutes, int) or minutes < MIN_LOOKBACK_MINUTES:
        raise BadData(f"lookback_minutes is a whole number, at least {MIN_LOOKBACK_MINUTES}")
    return insert_request(session, kind=kind, settings=given, requested_by=by, requested_at=at)


def run_check(session: Session, kind: CheckKind, settings: Mapping[str, Any], *, at: datetime) -> Sequence[Finding]:
    """Make a check of one of the kinds `ON_DEMAND`, as a schedule or a request wants it; what it has newly found."""
    if kind is CheckKind.FRESHNESS:
        return check_freshness(session, at=at)
    minutes = settings.get("lookback_minutes")
    longest = int(MAX_LOOKBACK.total_seconds() // 60)
    lookback = None if minutes is None else timedelta(minutes=min(minutes, longest))
    return check_timeliness(session, lookback=lookback, at=at)


def answer_requests(ledger: Ledger, *, at: datetime) -> int:
    """Make the checks that were asked for; how many requests that were. Any number may do this at once.

    Many requests of a kind are one check, over the longest of their lookbacks. Each kind has a transaction of its own:
    if its check fails its requests wait on, and what that has raised is raised when the others are done.
    """
    done, failure = 0, None
    for kind in ON_DEMAND:
        try:
            done += _answer(ledger, kind, at)
        except Exception as error:  # it is raised below
            failure = failure or error
    if failure is not None:
        raise failure
    return done


def _answer(ledger: Ledger, kind: CheckKind, at: datetime) -> int:
    with ledger.begin() as session:
        requests = lock_requests(session, kind, limit=AT_ONCE)
        lookbacks = {request.settings.get("lookback_minutes") for request in requests}
        longest = max((minutes for minutes in lookbacks if minutes is not None), default=None)
        # With a lookback and without one a check looks at different executions.
        for minutes in lookbacks & {longest, None}:
            run_check(session, kind, {"lookback_minutes": minutes}, at=at)
        complete_requests(session, [request.id for request in requests], at=at)
    return len(requests)
