"""A random walk through the lives of executions, beside a model in plain Python."""

from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from hypothesis.strategies import sampled_from
from sqlalchemy import text
from sqlalchemy.orm import Session

from supersync_core.domain.execution import ExecutionState, Trigger
from supersync_core.domain.pipeline import PipelineKind
from supersync_core.errors import Conflict, IllegalTransition, LeaseLost, SupersyncError
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.pipelines import get_or_create_pipeline
from supersync_core.ledger.tables import Execution
from supersync_core.services.executions import (
    Outcome,
    finish_execution,
    open_execution,
    renew_lease,
    request_cancel,
    start_execution,
)
from supersync_core.services.reaper import close_orphan, reap
from tests.core.services.conftest import NOON
from tests.core.services.test_executions import FAILED, SUCCEEDED


class Life(RuleBasedStateMachine):
    """Two pipelines and whatever may be done to their executions, in any order, beside a model in plain Python."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self.ledger = ledger
        self.model: dict[int, tuple[int, ExecutionState, str | None]] = {}
        with ledger.begin() as session:
            session.execute(text("TRUNCATE supersync.pipelines CASCADE"))
            self.pipelines = [get_or_create_pipeline(session, n, PipelineKind.TABLE_SYNC, at=NOON) for n in ("a", "b")]

    def live(self, pipeline: int) -> int | None:
        return next((id_ for id_, (p, state, _) in self.model.items() if p == pipeline and not state.is_final), None)

    def attempt(self, act: Callable[[Session], Any]) -> Any:
        try:
            with self.ledger.begin() as session:
                return act(session)
        except SupersyncError as error:
            return type(error)

    def close(self, id_: int, state: ExecutionState) -> None:
        self.model[id_] = (self.model[id_][0], state, None)

    @rule(pipeline=sampled_from([0, 1]))
    def open(self, pipeline: int) -> None:
        row = self.attempt(lambda s: open_execution(s, self.pipelines[pipeline], trigger=Trigger.MANUAL, at=NOON))
        if self.live(pipeline) is not None:
            assert row is Conflict
        else:
            self.model[row.id] = (pipeline, ExecutionState.QUEUED, None)

    @precondition(lambda self: self.model)
    @rule(data=sampled_from(range(99)), owner=sampled_from("xy"))
    def start(self, data: int, owner: str) -> None:
        id_ = self.pick(data)
        result = self.attempt(lambda s: start_execution(s, id_, owner=owner, at=NOON))
        if self.model[id_][1] is ExecutionState.QUEUED:
            self.model[id_] = (self.model[id_][0], ExecutionState.RUNNING, owner)
        else:
            assert result is IllegalTransition

    @precondition(lambda self: self.model)
    @rule(data=sampled_from(range(99)), owner=sampled_from("xy"))
    def renew(self, data: int, owner: str) -> None:
        id_ = self.pick(data)
        result = self.attempt(lambda s: renew_lease(s, id_, owner=owner))
        assert (result is LeaseLost) == (self.model[id_][2] != owner)

    @precondition(lambda self: self.model)
    @rule(data=sampled_from(range(99)), owner=sampled_from("xy"), outcome=sampled_from([SUCCEEDED, FAILED]))
    def finish(self, data: int, owner: str, outcome: Outcome) -> None:
        id_ = self.pick(data)
        result = self.attempt(lambda s: finish_execution(s, id_, outcome, at=NOON, owner=owner))
        if self.model[id_][2] == owner:
            self.close(id_, outcome.state)
        else:
            assert result is LeaseLost

    @precondition(lambda self: self.model)
    @rule(data=sampled_from(range(99)))
    def cancel(self, data: int) -> None:
        id_ = self.pick(data)
        result = self.attempt(lambda s: request_cancel(s, id_, at=NOON))
        assert (result is IllegalTransition) == self.model[id_][1].is_final
        if self.model[id_][1] is ExecutionState.QUEUED:
            self.close(id_, ExecutionState.CANCELLED)

    @precondition(lambda self: self.model)
    @rule(data=sampled_from(range(99)))
    def expire_and_reap(self, data: int) -> None:
        id_ = self.pick(data)
        with self.ledger.begin() as session:
            session.execute(
                text(
                    "UPDATE supersync.executions SET lease_expires_at = now() - interval '1 s' WHERE id = :id"
                ).bindparams(id=id_)
                if self.model[id_][2]
                else text("SELECT 1")
            )
        reaped = [row.id for row in reap(self.ledger, at=NOON)]
        assert reaped == ([id_] if self.model[id_][2] else [])
        for dead in reaped:
            self.close(dead, ExecutionState.FAILED)

    @rule(pipeline=sampled_from([0, 1]))
    def take_over(self, pipeline: int) -> None:
        live = self.live(pipeline)
        closed = self.attempt(lambda s: close_orphan(s, self.pipelines[pipeline].id, at=NOON))
        if live is not None and self.model[live][1] is ExecutionState.RUNNING:
            assert closed.id == live
            self.close(live, ExecutionState.FAILED)
        else:
            assert closed is None

    @invariant()
    def agrees(self) -> None:
        with self.ledger.begin() as session:
            rows = session.query(Execution).all()
        found = {row.id: (row.state, row.lease_owner) for row in rows}
        assert found == {id_: (state, owner) for id_, (_, state, owner) in self.model.items()}

    def pick(self, data: int) -> int:
        return sorted(self.model)[data % len(self.model)]


def test_any_order_of_events_agrees_with_the_model(ledger: Ledger) -> None:
    def life() -> Life:
        return Life(ledger)

    walks = settings(max_examples=20, stateful_step_count=20)
    run_state_machine_as_test(life, settings=walks)  # type: ignore[arg-type]
