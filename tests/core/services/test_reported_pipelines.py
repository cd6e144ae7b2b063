"""Pipelines that others run are made at first use, and what a reporter says is written when it has changed."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from supersync_core.domain.check import DatePart
from supersync_core.domain.pipeline import DesiredState, PipelineDeclaration, PipelineKind
from supersync_core.errors import BadData, Conflict, NotFound
from supersync_core.ledger.check_tables import CheckResult, CheckRule
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.tables import Execution, Pipeline, PipelineType
from supersync_core.services.pipelines import register_pipeline
from supersync_core.services.reported_pipelines import (
    PipelineFilter,
    amend_pipeline,
    delete_pipeline,
    list_reported_pipelines,
    pipelines_version,
    read_pipeline,
    report_pipeline,
)
from tests.core.services.findings import judged
from tests.core.services.reports import MINUTE, NOON, at_once, ended, reported

LATER = NOON + MINUTE


def ours(session: Session) -> Pipeline:
    """A pipeline that supersync runs."""
    return register_pipeline(session, PipelineDeclaration("Ours", PipelineKind.TABLE_SYNC), at=NOON)


def test_of_many_first_reports_at_once_one_creates_the_pipeline(ledger: Ledger) -> None:
    made = at_once(ledger, 16, lambda session: report_pipeline(session, "Orders", "extraction", {}, at=NOON))
    assert [one.is_new for one in made].count(True) == 1
    assert len({one.id for one in made}) == 1


def test_a_name_is_one_whatever_its_case(session: Session) -> None:
    assert reported(session, "orders") == reported(session, " ORDERS ")


def test_the_same_report_writes_nothing_so_what_an_operator_changed_stays(session: Session) -> None:
    given = {"freshness_number": 1, "freshness_datepart": DatePart.HOUR}
    pipeline = reported(session, **given)
    amend_pipeline(session, {"freshness_number": 9}, pipeline_id=pipeline, at=LATER)
    reported(session, **given)
    assert read_pipeline(session, pipeline).freshness_number == 9


def test_another_report_overwrites_what_it_names_and_nothing_else(session: Session) -> None:
    pipeline = reported(session, freshness_number=1, freshness_datepart=DatePart.HOUR, extra={"a": 1})
    amend_pipeline(session, {"mute_freshness": True}, pipeline_id=pipeline, at=LATER)
    report_pipeline(session, "orders", "other", {"extra": None}, at=LATER)
    found = read_pipeline(session, pipeline)
    assert (found.freshness_number, found.extra, found.mute_freshness, found.updated_at) == (1, None, True, LATER)
    assert session.get_one(PipelineType, found.type_id).name == "other"


def test_a_next_watermark_is_written_in_any_case_and_answered_with_the_watermark(session: Session) -> None:
    first = report_pipeline(session, "orders", "extraction", {"next_watermark": "5"}, at=NOON)
    amend_pipeline(session, {"watermark": "4"}, pipeline_id=first.id, at=NOON)
    again = report_pipeline(session, "orders", "extraction", {"next_watermark": "6"}, at=LATER)
    without = report_pipeline(session, "orders", "extraction", {}, at=LATER)
    assert (first.watermark, again.watermark, without.watermark) == (None, "4", None)
    assert read_pipeline(session, first.id).next_watermark == "6"


def test_a_pipeline_of_ours_is_tuned_but_never_told_how_far_it_is(session: Session) -> None:
    pipeline = ours(session)
    report_pipeline(session, "ours", "whatever", {"freshness_number": 2, "freshness_datepart": DatePart.DAY}, at=LATER)
    session.refresh(pipeline)
    assert (pipeline.freshness_number, pipeline.kind, pipeline.name) == (2, PipelineKind.TABLE_SYNC, "Ours")
    with pytest.raises(Conflict, match="Ours is a pipeline that supersync runs"):
        report_pipeline(session, "ours", "whatever", {"next_watermark": "5"}, at=LATER)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({"name": "TAKEN"}, Conflict, id="a name that is taken"),
        pytest.param({"type_id": 10**12}, BadData, id="a type that is not there"),
    ],
)
def test_a_change_that_cannot_be_is_refused(ledger: Ledger, changes: dict[str, Any], error: type[Exception]) -> None:
    with ledger.begin() as session:
        pipeline = reported(session)
        reported(session, "taken")
    with pytest.raises(error), ledger.begin() as session:
        amend_pipeline(session, changes, pipeline_id=pipeline, at=LATER)
    with ledger.begin() as session:
        assert read_pipeline(session, pipeline).name == "orders"


def test_a_pipeline_is_changed_by_its_name_and_none_clears(session: Session) -> None:
    pipeline = reported(session, freshness_number=1, freshness_datepart=DatePart.HOUR)
    amend_pipeline(session, {"freshness_number": None, "active": False}, name="ORDERS", at=LATER)
    found = read_pipeline(session, pipeline)
    assert (found.freshness_number, found.desired_state) == (None, DesiredState.PAUSED)


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({"mute_timeliness": True, "load_lineage": False, "extra": {"a": 1}}, True),
        ({"name": "Ours", "watermark": None, "active": True}, True),
        ({"name": "Mine"}, False),
        ({"active": False}, False),
        ({"next_watermark": "5"}, False),
    ],
)
def test_of_a_pipeline_of_ours_only_what_tunes_it_is_changed(
    session: Session, changes: dict[str, Any], allowed: bool
) -> None:
    pipeline = ours(session).id
    if allowed:
        amend_pipeline(session, changes, pipeline_id=pipeline, at=LATER)
    else:
        with pytest.raises(Conflict, match="that supersync runs"):
            amend_pipeline(session, changes, pipeline_id=pipeline, at=LATER)


@pytest.mark.parametrize("pipeline_id", [0, -1, 7, 2**31, 2**63, 10**30])
def test_an_unknown_pipeline_is_not_found(session: Session, pipeline_id: int) -> None:
    with pytest.raises(NotFound):
        read_pipeline(session, pipeline_id)


def test_a_pipeline_is_deleted_with_all_that_belongs_to_it(session: Session) -> None:
    pipeline = reported(session)
    judged(session, pipeline, 300, unusual=True)
    assert delete_pipeline(session, pipeline) == "orders"
    session.flush()
    assert [session.scalars(select(table)).all() for table in (Execution, CheckRule, CheckResult)] == [[], [], []]


def test_a_pipeline_of_ours_is_not_deleted(session: Session) -> None:
    with pytest.raises(Conflict):
        delete_pipeline(session, ours(session).id)


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (PipelineFilter(), ["orders", "50%_off", "Ours"]),
        (PipelineFilter(contains="R"), ["orders", "Ours"]),
        (PipelineFilter(contains="%_"), ["50%_off"]),
        (PipelineFilter(kind=PipelineKind.EXTERNAL), ["orders", "50%_off"]),
        (PipelineFilter(active=False), ["50%_off"]),
    ],
)
def test_pipelines_are_listed_as_they_are_asked_for(session: Session, wanted: PipelineFilter, names: list[str]) -> None:
    for name in ("orders", "50%_off"):
        reported(session, name)
    ours(session)
    amend_pipeline(session, {"active": False}, name="50%_off", at=LATER)
    assert [row.name for row in list_reported_pipelines(session, wanted)] == names


def test_the_version_of_all_changes_with_every_change_of_one(ledger: Ledger) -> None:
    versions = []
    for change in (
        lambda session: reported(session, "a"),
        lambda session: reported(session, "b"),
        lambda session: amend_pipeline(session, {"watermark": "1"}, name="a", at=LATER),
        lambda session: ended(session, reported(session, "b"), inserts=1),
        lambda session: delete_pipeline(session, reported(session, "a")),
    ):
        with ledger.begin() as session:
            change(session)
        with ledger.begin() as session:
            versions.append(pipelines_version(session))
            assert pipelines_version(session) == versions[-1]
    assert len(set(versions)) == len(versions)
