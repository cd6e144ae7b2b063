"""Runs find their parents, whoever comes first."""

from sqlalchemy.orm import Session

from supersync_core.domain.execution import Trigger
from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind
from supersync_core.ledger.database import Ledger
from supersync_core.services.executions import open_execution
from supersync_core.services.openlineage import take_events
from supersync_core.services.pipelines import register_pipeline
from supersync_core.services.reported_executions import read_tree
from tests.core.services.openlineage.events import (
    EVENTS,
    OTHER_RUN,
    RUN,
    execution,
    parent,
    run_event,
    take,
)
from tests.core.services.reports import NOON, at_once


def test_a_parent_that_is_there_is_the_parent(session: Session) -> None:
    take(session, run_event(run=OTHER_RUN), run_event("START", 1, facets=parent(OTHER_RUN)))
    assert execution(session).parent_id == execution(session, OTHER_RUN).id


def test_a_parent_that_comes_later_is_the_parent_then(session: Session) -> None:
    take(session, run_event(facets=parent(OTHER_RUN)))
    assert execution(session).parent_id is None
    take(session, run_event(run=OTHER_RUN, job="parent"))
    root = execution(session, OTHER_RUN)
    assert execution(session).parent_id == root.id
    assert [row.id for row in read_tree(session, root.id)] == [root.id, execution(session).id]


def test_a_parent_may_be_an_execution_of_ours(session: Session) -> None:
    ours = register_pipeline(session, PipelineDeclaration("ours", PipelineKind.TABLE_SYNC), at=NOON)
    queued = open_execution(session, ours, trigger=Trigger.MANUAL, at=NOON)
    take(session, run_event(facets=parent(queued.public_id)))
    assert execution(session).parent_id == queued.id


def test_generations_that_come_youngest_first_are_one_tree(session: Session) -> None:
    runs = [f"{n:032x}" for n in range(1, 5)]
    for run, above in zip(runs, [*runs[1:], None], strict=True):
        take(session, run_event(run=run, facets=parent(above) if above else {}))
    ids = [execution(session, run).id for run in reversed(runs)]
    assert [row.id for row in read_tree(session, ids[0])] == ids


def test_runs_that_are_each_others_parents_have_an_end(session: Session) -> None:
    take(session, run_event(facets=parent(RUN)))
    assert execution(session).parent_id is None
    take(session, run_event(facets=parent(OTHER_RUN)), run_event(run=OTHER_RUN, facets=parent(RUN)))
    first, second = execution(session), execution(session, OTHER_RUN)
    assert (first.parent_id, second.parent_id) == (None, first.id)
    assert len(read_tree(session, first.id)) == 2


def test_a_parent_and_its_children_that_come_at_once_find_each_other(ledger: Ledger) -> None:
    root = f"{99:032x}"
    children = [run_event(run=f"{n:032x}", job=f"child {n}", facets=parent(root)) for n in range(15)]
    events = [EVENTS.validate_python(event) for event in [*children, run_event(run=root)]]
    at_once(ledger, 16, lambda session: take_events(session, [events.pop()], at=NOON))
    with ledger.begin() as session:
        assert len(read_tree(session, execution(session, root).id)) == 16
