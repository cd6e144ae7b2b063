"""The rules of the model as the database keeps them."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Session

from supersync_core.domain.check import CheckKind
from supersync_core.domain.execution import ExecutionState, Trigger
from supersync_core.domain.pipeline import PipelineKind, fold_name
from supersync_core.ledger.check_tables import CheckRule
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.lineage_tables import Address, AddressType
from supersync_core.ledger.tables import Execution, Pipeline, Schedule

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
LATER = NOON + timedelta(minutes=1)
RUNNING = {"state": "running", "started_at": NOON, "lease_owner": "me", "lease_expires_at": LATER}
ENDED = {"state": "succeeded", "started_at": NOON, "ended_at": LATER}


def make_pipeline(session: Session, name: str = "orders", **values: Any) -> int:
    row = {"name": name, "name_key": fold_name(name), "kind": PipelineKind.TABLE_SYNC, "created_at": NOON}
    new = insert(Pipeline).values(row | {"updated_at": NOON} | values)
    return session.scalars(new.returning(Pipeline.id)).one()


def make_execution(session: Session, pipeline_id: int, **values: Any) -> int:
    row = {"pipeline_id": pipeline_id, "queued_at": NOON, "trigger": Trigger.MANUAL, "state": "queued"} | values
    new = insert(Execution).values(row | {"state": ExecutionState(row["state"])})
    return session.scalars(new.returning(Execution.id)).one()


def test_a_naive_time_is_refused(ledger: Ledger) -> None:
    naive = datetime(2026, 11, 22, 12)
    with pytest.raises(StatementError, match="a naive time cannot be stored: 2026-11-22T12:00:00"), ledger.begin() as s:
        make_pipeline(s, created_at=naive)


def test_a_time_of_another_zone_comes_back_as_the_same_moment_in_utc(session: Session) -> None:
    session.execute(text("SET LOCAL timezone = 'Asia/Kathmandu'"))
    there = datetime(2026, 11, 22, 17, 45, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    make_pipeline(session, created_at=there)
    stored = session.scalars(select(Pipeline.created_at)).one()
    assert (stored, stored.tzinfo) == (NOON, timezone.utc)


@pytest.mark.parametrize(
    ("rule", "row"),
    [
        ("final_has_end", {"state": "succeeded", "started_at": NOON}),
        ("final_has_end", RUNNING | {"ended_at": LATER}),
        ("queued_not_started", {"state": "queued", "started_at": NOON}),
        ("ran_has_start", RUNNING | {"started_at": None}),
        ("ran_has_start", ENDED | {"started_at": None}),
        ("end_after_start", ENDED | {"ended_at": NOON - timedelta(microseconds=1)}),
        ("lease_whole", RUNNING | {"lease_expires_at": None}),
        ("lease_while_running", {"state": "running", "started_at": NOON}),
        ("lease_while_running", RUNNING | {"managed": False}),
        ("lease_while_running", ENDED | {"lease_owner": "me", "lease_expires_at": LATER}),
        ("error_when_bad", ENDED | {"error": {"type": "X"}}),
        ("judged_when_final", {"judged_at": NOON}),
        ("counters", ENDED | {"rows_inserted": -1}),
        ("counters", ENDED | {"progress_bytes": -1}),
    ],
)
def test_an_execution_that_breaks_a_rule_is_refused(session: Session, rule: str, row: dict[str, Any]) -> None:
    pipeline = make_pipeline(session)
    with pytest.raises(IntegrityError, match=f"ck_executions_{rule}"), session.begin_nested():
        make_execution(session, pipeline, **row)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({}, id="queued"),
        pytest.param(RUNNING, id="running under a lease"),
        pytest.param(
            {"state": "running", "started_at": NOON, "managed": False}, id="running elsewhere, without a lease"
        ),
        pytest.param(ENDED, id="succeeded"),
        pytest.param(ENDED | {"state": "failed", "error": {"type": "X"}}, id="failed"),
        pytest.param({"state": "cancelled", "ended_at": LATER}, id="cancelled before it started"),
        pytest.param(ENDED | {"ended_at": NOON}, id="ended the moment it started"),
        pytest.param(ENDED | {"judged_at": LATER}, id="judged"),
    ],
)
def test_an_execution_that_keeps_the_rules_is_taken(session: Session, row: dict[str, Any]) -> None:
    assert make_execution(session, make_pipeline(session), **row)


@pytest.mark.parametrize(
    ("table", "column"),
    [("executions", "state"), ("executions", "trigger"), ("pipelines", "kind"), ("pipelines", "desired_state")],
)
def test_a_word_that_the_model_does_not_know_is_refused(session: Session, table: str, column: str) -> None:
    make_execution(session, make_pipeline(session))
    with pytest.raises(IntegrityError, match="violates check constraint"), session.begin_nested():
        session.execute(text(f"UPDATE supersync.{table} SET {column} = 'perhaps'"))


@pytest.mark.parametrize(
    ("first", "second", "allowed"),
    [
        pytest.param({}, RUNNING, False, id="two live ones"),
        pytest.param(ENDED, RUNNING, True, id="the first has ended"),
        pytest.param(RUNNING, {"parent": True}, True, id="a child beside its parent"),
        pytest.param({"managed": False}, {"managed": False}, True, id="two that somebody else runs"),
        pytest.param(RUNNING, {"managed": False}, True, id="ours and one of somebody else"),
    ],
)
def test_at_most_one_live_root_execution_per_pipeline_is_ours(
    session: Session, first: dict[str, Any], second: dict[str, Any], allowed: bool
) -> None:
    pipeline = make_pipeline(session)
    parent = make_execution(session, pipeline, **first)
    second = {"parent_id": parent} if second.get("parent") else second
    try:
        with session.begin_nested():
            make_execution(session, pipeline, **second)
    except IntegrityError as error:
        assert not allowed, error
        assert "uq_executions_live_root" in str(error)
    else:
        assert allowed


def test_an_execution_is_not_its_own_parent(session: Session) -> None:
    execution = make_execution(session, make_pipeline(session))
    with pytest.raises(IntegrityError, match="not_own_parent"), session.begin_nested():
        session.execute(text("UPDATE supersync.executions SET parent_id = :id"), {"id": execution})


@pytest.mark.parametrize("other", ["ORDERS", " orders", "orders\u200a"])
def test_names_are_unique_without_regard_to_case_and_space(session: Session, other: str) -> None:
    make_pipeline(session, "orders")
    with pytest.raises(IntegrityError, match="uq_pipelines_name_key"), session.begin_nested():
        make_pipeline(session, other)


@pytest.mark.parametrize("name", ["", "x" * 151])
def test_a_name_has_1_to_150_characters(session: Session, name: str) -> None:
    with pytest.raises(IntegrityError, match="ck_pipelines_name_length"), session.begin_nested():
        make_pipeline(session, name)


@pytest.mark.parametrize("cadence", [{}, {"cron": "* * * * *", "every_s": 60}, {"every_s": 0}])
def test_a_schedule_is_a_cron_or_an_interval(session: Session, cadence: dict[str, Any]) -> None:
    row = {"pipeline_id": make_pipeline(session), "created_at": NOON, "updated_at": NOON}
    with pytest.raises(IntegrityError, match="ck_schedules_"), session.begin_nested():
        session.execute(insert(Schedule).values(row | cadence))


def test_a_pipeline_has_one_rule_per_kind_and_metric(session: Session) -> None:
    row = {"pipeline_id": make_pipeline(session), "kind": CheckKind.ANOMALY, "created_at": NOON, "updated_at": NOON}
    session.execute(insert(CheckRule).values(row | {"metric": "total_rows"}))
    session.execute(insert(CheckRule).values(row | {"metric": "inserts"}))
    session.execute(insert(CheckRule).values(row | {"metric": "inserts", "kind": CheckKind.DRIFT}))
    with pytest.raises(IntegrityError, match="uq_check_rules"), session.begin_nested():
        session.execute(insert(CheckRule).values(row | {"metric": "inserts"}))


def test_addresses_are_unique_without_regard_to_case(session: Session) -> None:
    times = {"created_at": NOON, "updated_at": NOON}
    kind = insert(AddressType).values(name="postgres", name_key="postgres", group_name="database", **times)
    type_id = session.scalar(kind.returning(AddressType.id))
    row = {"name": "db.public.t", "name_key": "db.public.t", "type_id": type_id, **times}
    session.execute(insert(Address).values(row))
    with pytest.raises(IntegrityError, match="uq_addresses_name_key"), session.begin_nested():
        session.execute(insert(Address).values(row | {"name": "DB.public.t"}))


def test_a_pipeline_takes_its_rows_with_it(session: Session) -> None:
    pipeline = make_pipeline(session)
    make_execution(session, pipeline)
    session.execute(text("DELETE FROM supersync.pipelines"))
    assert session.scalar(text("SELECT count(*) FROM supersync.executions")) == 0
