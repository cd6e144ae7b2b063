"""The past of one pipeline: pages of its runs with all that belongs to them, and the numbers of the newest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from supersync_core.domain.pipeline import PipelineKind
from supersync_core.ledger.families import Children, Relative, select_children, select_relatives
from supersync_core.ledger.history import count_newer
from supersync_core.ledger.measured import MeasuredRun, select_measured
from supersync_core.ledger.tables import Execution
from supersync_core.services.board import Standing
from supersync_core.services.history import MAX_ID, Wanted, list_history

__all__ = ["Children", "MeasuredRun", "Past", "Relative", "page_of", "read_measured", "read_past"]

CHILDREN = 20
"""How many are named of each run."""


@dataclass(frozen=True)
class Past:
    """A page of runs, the newest first; how many there are on all pages; parents and children by the runs' ids."""

    runs: Sequence[Execution]
    total: int
    parents: Mapping[int, Relative]
    children: Mapping[int, Children]


def read_past(session: Session, standing: Standing, *, limit: int, offset: int) -> Past:
    """A page of the pipeline's runs."""
    found = list_history(session, Wanted(standing.kind, standing.id), limit=limit, offset=offset)
    runs = [entry.execution for entry in found.entries]
    parents = {run.id: run.parent_id for run in runs if run.parent_id is not None}
    known = select_relatives(session, set(parents.values())) if parents else {}
    return Past(
        runs=runs,
        total=found.total,
        parents={run: known[parent] for run, parent in parents.items() if parent in known},
        children=select_children(session, [run.id for run in runs], limit=CHILDREN) if runs else {},
    )


def page_of(session: Session, standing: Standing, execution_id: int, *, per_page: int) -> int:
    """The number of the page on which a run of the pipeline is; 1 where it is on none."""
    newer = count_newer(session, Wanted(standing.kind, standing.id), execution_id) if execution_id <= MAX_ID else 0
    return newer // per_page + 1


def read_measured(session: Session, standing: Standing, *, limit: int) -> list[MeasuredRun]:
    """The pipeline's newest closed runs with their numbers, the oldest first; of one that streams its windows."""
    return select_measured(session, standing.id, limit=limit, windows=standing.kind is PipelineKind.CDC)
