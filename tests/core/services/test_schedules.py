"""Ticks of the intervals that no cron can say."""

from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy.orm import Session

from supersync_core.domain.pipeline import DesiredState, PipelineDeclaration, PipelineKind
from supersync_core.domain.schedule import Cadence
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.tables import Pipeline
from supersync_core.services.pipelines import register_pipeline, retire_pipeline, set_desired_state
from supersync_core.services.schedules import DueRun, take_due_runs
from tests.core.services.conftest import NOON

S = timedelta(seconds=1)


def declare(session: Session, cadence: Cadence | None, at: datetime = NOON, name: str = "orders") -> Pipeline:
    return register_pipeline(session, PipelineDeclaration(name, PipelineKind.TABLE_SYNC, cadence=cadence), at=at)


def test_an_interval_is_due_on_its_grid_and_once(session: Session) -> None:
    declare(session, Cadence(every_s=90), at=NOON + 10 * S)
    asked = [take_due_runs(session, at=NOON + seconds * S) for seconds in (10, 89, 90, 91, 179, 180)]
    assert asked == [[], [], [DueRun("orders", NOON + 90 * S)], [], [], [DueRun("orders", NOON + 180 * S)]]


def test_missed_ticks_are_folded_into_one(session: Session) -> None:
    declare(session, Cadence(every_s=90))
    assert take_due_runs(session, at=NOON + 1000 * S) == [DueRun("orders", NOON + 990 * S)]
    assert take_due_runs(session, at=NOON + 1001 * S) == []


def test_a_new_cadence_starts_its_clock_over(session: Session) -> None:
    declare(session, Cadence(every_s=90))
    declare(session, Cadence(every_s=100), at=NOON + 1000 * S)
    assert take_due_runs(session, at=NOON + 1000 * S) == []


@pytest.mark.parametrize("cadence", [Cadence(every_s=300), Cadence(cron="7 3 * * *"), None])
def test_what_a_cron_can_say_is_ticked_by_dagster(session: Session, cadence: Cadence | None) -> None:
    pipeline = declare(session, cadence)
    assert pipeline.schedule is None or pipeline.schedule.next_due_at is None
    assert take_due_runs(session, at=NOON + timedelta(days=2)) == []


def test_a_cadence_that_is_dropped_is_due_no_more(session: Session) -> None:
    declare(session, Cadence(every_s=90))
    declare(session, None)
    assert take_due_runs(session, at=NOON + 90 * S) == []


def test_nothing_is_due_while_a_pipeline_is_paused_stopped_switched_off_or_retired(session: Session) -> None:
    for name in ("paused", "stopped", "off", "retired", "on"):
        pipeline = declare(session, Cadence(every_s=90), name=name)
        if name == "off" and pipeline.schedule:
            pipeline.schedule.enabled = False
    set_desired_state(session, "paused", DesiredState.PAUSED, at=NOON)
    set_desired_state(session, "stopped", DesiredState.STOPPED, at=NOON)
    retire_pipeline(session, "retired", at=NOON)
    assert [due.pipeline for due in take_due_runs(session, at=NOON + 90 * S)] == ["on"]


def test_two_that_ask_at_once_share_the_work(ledger: Ledger) -> None:
    with ledger.begin() as session:
        declare(session, Cadence(every_s=90))
    with ledger.begin() as one, ledger.begin() as other:
        taken = [take_due_runs(session, at=NOON + 90 * S) for session in (one, other)]
    assert [len(runs) for runs in taken] == [1, 0]


def test_a_tick_whose_taker_fails_is_due_again(ledger: Ledger) -> None:
    with ledger.begin() as session:
        declare(session, Cadence(every_s=90))
    with pytest.raises(ZeroDivisionError), ledger.begin() as session:
        take_due_runs(session, at=NOON + 90 * S)
        1 / 0  # noqa: B018
    with ledger.begin() as session:
        assert len(take_due_runs(session, at=NOON + 90 * S)) == 1


@pytest.mark.parametrize(
    ("every_s", "at", "tick"),
    [
        (90, "2026-11-22T12:00:00", "2026-11-22T12:01:30"),
        (90, "2026-11-22T12:01:29.999", "2026-11-22T12:01:30"),
        (43_200 + 1, "1970-01-01T00:00:00", "1970-01-01T12:00:01"),
        (48 * 3600, "2026-11-22T12:00:00", "2026-11-23T00:00:00"),
    ],
)
def test_the_grid_starts_with_1970(every_s: int, at: str, tick: str) -> None:
    def moment(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)

    assert Cadence(every_s=every_s).tick_after(moment(at)) == moment(tick)
