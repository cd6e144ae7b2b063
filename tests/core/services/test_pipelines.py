"""Registering, finding, pausing and retiring pipelines."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from supersync_core.domain.check import AnomalyRule, DatePart, Freshness, Method, Metric, Timeliness, ZeroDeviation
from supersync_core.domain.pipeline import DesiredState, PipelineDeclaration, PipelineKind
from supersync_core.domain.schedule import Cadence
from supersync_core.errors import NotFound
from supersync_core.ledger.database import Ledger
from supersync_core.services.pipelines import (
    declaration_of,
    get_pipeline,
    list_pipelines,
    register_pipeline,
    retire_pipeline,
    set_desired_state,
)
from tests.core.services.conftest import NOON

LATER = NOON + timedelta(hours=1)
ROBUST = AnomalyRule(Metric.INSERTS, method=Method.MAD, zero_deviation=ZeroDeviation.FLAG)
FULL = PipelineDeclaration(
    name="Orders Sync",
    kind=PipelineKind.TABLE_SYNC,
    title="Orders",
    spec={"source": {"connection": "a"}},
    cadence=Cadence(every_s=300),
    freshness=Freshness(2, DatePart.HOUR),
    timeliness=Timeliness(10, DatePart.MINUTE),
    anomalies=(AnomalyRule(Metric.TOTAL_ROWS, 4.5), ROBUST),
    owners=("team:data", "ann@example.com"),
    group="sales",
    tags={"tier": "gold"},
)
BARE = PipelineDeclaration(name="Orders Sync", kind=PipelineKind.TABLE_SYNC)


def test_a_declaration_comes_back_as_it_was_written(session: Session) -> None:
    assert declaration_of(register_pipeline(session, FULL, at=NOON)) == FULL


def test_a_declaration_replaces_the_one_before_as_a_whole(session: Session) -> None:
    register_pipeline(session, FULL, at=NOON)
    changed = register_pipeline(session, BARE, at=LATER)
    assert (declaration_of(changed), changed.created_at, changed.updated_at) == (BARE, NOON, LATER)


def test_an_unchanged_declaration_undoes_nothing_that_an_operator_has_changed(session: Session) -> None:
    pipeline = register_pipeline(session, FULL, at=NOON)
    pipeline.freshness_number = 9
    session.flush()
    register_pipeline(session, FULL, at=LATER)
    assert (pipeline.freshness_number, pipeline.updated_at) == (9, NOON)


def test_a_changed_declaration_leaves_alone_what_an_operator_wants(session: Session) -> None:
    pipeline = register_pipeline(session, FULL, at=NOON)
    set_desired_state(session, "orders sync", DesiredState.PAUSED, at=NOON)
    assert pipeline.schedule is not None
    pipeline.schedule.enabled = False
    pipeline.rules[0].active = False
    register_pipeline(session, replace(FULL, title="New", cadence=Cadence(every_s=600)), at=LATER)
    assert (pipeline.desired_state, pipeline.schedule.enabled) == (DesiredState.PAUSED, False)
    assert [rule.active for rule in pipeline.rules] == [False, True]


def test_a_new_spelling_of_a_name_is_kept_and_makes_no_new_pipeline(session: Session) -> None:
    first = register_pipeline(session, FULL, at=NOON)
    second = register_pipeline(session, replace(FULL, name="ORDERS sync"), at=LATER)
    assert (second.id, second.name) == (first.id, "ORDERS sync")


def test_many_that_register_one_pipeline_at_once_get_the_same(ledger: Ledger) -> None:
    together, ids = threading.Barrier(8), []

    def register() -> None:
        together.wait()
        with ledger.begin() as session:
            ids.append(register_pipeline(session, FULL, at=NOON).id)

    threads = [threading.Thread(target=register) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8 and len(set(ids)) == 1


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("orders", "there is no pipeline 'orders'; did you mean 'Orders Sync'?"),
        ("zebra", "there is no pipeline 'zebra'"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(session: Session, asked: str, message: str) -> None:
    register_pipeline(session, FULL, at=NOON)
    with pytest.raises(NotFound) as caught:
        get_pipeline(session, asked)
    assert str(caught.value) == message


def test_pipelines_are_listed_by_name_and_kind(session: Session) -> None:
    for name, kind in (("b", PipelineKind.CDC), ("A", PipelineKind.TABLE_SYNC), ("c", PipelineKind.TABLE_SYNC)):
        register_pipeline(session, PipelineDeclaration(name=name, kind=kind), at=NOON)
    assert [pipeline.name for pipeline in list_pipelines(session)] == ["A", "b", "c"]
    assert [pipeline.name for pipeline in list_pipelines(session, kind=PipelineKind.TABLE_SYNC)] == ["A", "c"]


def test_a_retired_pipeline_is_not_listed_and_keeps_its_row(session: Session) -> None:
    register_pipeline(session, FULL, at=NOON)
    retire_pipeline(session, "orders sync", at=LATER)
    assert list_pipelines(session) == []
    assert get_pipeline(session, "orders sync").retired_at == LATER


def test_a_retired_pipeline_comes_back_with_its_declaration(session: Session) -> None:
    register_pipeline(session, FULL, at=NOON)
    retire_pipeline(session, "orders sync", at=NOON)
    register_pipeline(session, FULL, at=LATER)
    assert [declaration_of(pipeline) for pipeline in list_pipelines(session)] == [FULL]


@pytest.mark.parametrize("state", list(DesiredState))
@pytest.mark.parametrize("before", list(DesiredState))
def test_any_desired_state_may_follow_any_other(session: Session, before: Any, state: Any) -> None:
    register_pipeline(session, FULL, at=NOON)
    set_desired_state(session, "orders sync", before, at=NOON)
    assert set_desired_state(session, "orders sync", state, at=LATER).desired_state is state


def test_a_pipeline_is_readable_after_its_transaction(ledger: Ledger) -> None:
    with ledger.begin() as session:
        register_pipeline(session, FULL, at=NOON)
    with ledger.begin() as session:
        (pipeline,) = list_pipelines(session)
    assert declaration_of(pipeline) == FULL
