"""The newest runs of pipelines, for what is drawn of them."""

import threading
from collections.abc import Mapping

from supersync_core.ledger.database import Ledger
from supersync_core.ledger.recent import PastRun, select_recent
from supersync_core.services.board import Snapshot

__all__ = ["PastRun", "RecentRuns"]


class RecentRuns:
    """The newest runs of all pipelines, read again only of those that have ended one since."""

    def __init__(self, ledger: Ledger, *, limit: int = 20) -> None:
        """Nothing is read yet."""
        self._ledger, self._limit = ledger, limit
        self._lock = threading.Lock()
        self._known: dict[int, tuple[int, tuple[PastRun, ...]]] = {}

    def of(self, snapshot: Snapshot) -> Mapping[int, tuple[PastRun, ...]]:
        """By the pipeline's id, the oldest run first; a pipeline without any is left out. Raises Unavailable."""
        last = {standing.id: standing.last.id for standing in snapshot.standings if standing.last}
        with self._lock:
            known = {id_: self._known[id_] for id_, run in last.items() if self._known.get(id_, (0,))[0] == run}
            stale = last.keys() - known.keys()
            if stale:
                with self._ledger.begin() as session:
                    found = select_recent(session, stale, limit=self._limit)
                known |= {id_: (last[id_], found.get(id_, ())) for id_ in stale}
            self._known = known
        return {id_: runs for id_, (_, runs) in known.items()}
