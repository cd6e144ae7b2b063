"""Incidents for those who look at them: how many are open, pages of them, and all that belongs to one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from supersync_core.clock import Clock
from supersync_core.domain.incident import IncidentState
from supersync_core.errors import Unavailable
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.incident_pages import (
    Found,
    Pulse,
    Told,
    count_by_state,
    select_found,
    select_pulse,
    select_told,
)
from supersync_core.services.incidents import Entry, IncidentFilter, list_incidents, read_incident
from supersync_core.services.refresh import Refreshed

__all__ = [
    "Found",
    "IncidentDetails",
    "IncidentPage",
    "IncidentPulse",
    "Pulse",
    "Told",
    "incident_page",
    "read_details",
]

LOOK_S = 1.0
SHOWN = 50
"""Findings, and alerts, of one incident."""


class IncidentPulse:
    """How many incidents are open, for all pages of this process: counted at most once in `LOOK_S`."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        """Nothing is counted yet."""
        self._ledger, self._clock = ledger, clock
        self._pulse = Refreshed(self._look, LOOK_S)

    def now(self) -> Pulse | None:
        """The pulse, waited for; None while the ledger does not answer."""
        try:
            return self._pulse.get()
        except Unavailable:
            return None

    def open(self) -> int | None:
        """How many are open, waited for; None while the ledger does not answer."""
        found = self.now()
        return found.open if found is not None else None

    def soon(self) -> Pulse | None:
        """The pulse as it was counted last; None: ask again. Never waits."""
        try:
            return self._pulse.latest()
        except Unavailable:
            return None

    def forget(self) -> None:
        """Call this after a change, so that whoever made it sees it at once."""
        self._pulse.forget()

    def _look(self) -> Pulse:
        with self._ledger.begin() as session:
            return select_pulse(session, at=self._clock())


@dataclass(frozen=True)
class IncidentPage:
    """Incidents, the newest first; `before`: where the next page begins, None on the last one.

    `counts`: how many there are in each state.
    """

    entries: Sequence[Entry]
    before: int | None
    counts: Mapping[IncidentState, int]


def incident_page(session: Session, wanted: IncidentFilter, *, limit: int, at: datetime) -> IncidentPage:
    """A page of incidents; the counts are of all states and pages."""
    entries, before = list_incidents(session, wanted, limit=limit, at=at)
    counts = count_by_state(session, replace(wanted, states=(), before=None), at=at)
    return IncidentPage(entries, before, dict.fromkeys(IncidentState, 0) | counts)


@dataclass(frozen=True)
class IncidentDetails:
    """An incident with what was found and who was told, each the newest `SHOWN`, the newest first."""

    entry: Entry
    found: Sequence[Found]
    told: Sequence[Told]


def read_details(session: Session, incident_id: int, *, at: datetime) -> IncidentDetails:
    """All about one incident. Raises NotFound."""
    entry = read_incident(session, incident_id, at=at)
    found = select_found(session, entry.incident, limit=SHOWN)
    return IncidentDetails(entry, found, select_told(session, incident_id, limit=SHOWN))
