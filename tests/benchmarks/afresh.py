"""`supersync webserver` as it would be without a shared snapshot: each status asks Dagster and the ledger anew."""

import sys
from datetime import datetime, timezone
from typing import Any

from starlette.concurrency import run_in_threadpool

from supersync_core.clock import utcnow
from supersync_core.services.board import Board
from supersync_core.services.launcher import DaemonState, ScheduleState
from supersync_dagster.api.table_sync.status import KIND, Rendered, StatusPage
from supersync_dagster.api.table_sync.wire import SyncStatus
from supersync_dagster.cli import main


class AskingLauncher:
    """Looks at Dagster for each who asks."""

    def __init__(self, launcher: Any) -> None:
        self._launcher = launcher

    def schedules(self) -> dict[str, ScheduleState]:
        return dict(self._launcher._gateway.schedules(datetime.now(timezone.utc)))

    def daemon(self) -> DaemonState:
        found: DaemonState = self._launcher._look_at_daemon()
        return found


def status(board: Any) -> bytes:
    """The body of one answer."""
    snapshot = Board(board._ledger, AskingLauncher(board._launcher), utcnow)._look()  # type: ignore[arg-type]
    return SyncStatus.of(snapshot, snapshot.of_kind(KIND)).model_dump_json().encode()


async def rendered(self: StatusPage) -> Rendered:
    """In place of the page that is made once for each change."""
    return Rendered(0, await run_in_threadpool(status, self._board), '""')


if __name__ == "__main__":
    StatusPage.rendered = rendered  # type: ignore[method-assign]
    sys.exit(main())
