"""Datasets of events become addresses, and the lineage of their jobs."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from supersync_core.ledger.lineage_tables import Address
from supersync_core.ledger.tables import Execution
from supersync_core.services.addresses import delete_address, list_addresses
from supersync_core.services.lineage import report_lineage
from supersync_core.services.reported_pipelines import amend_pipeline
from tests.core.services.openlineage.events import (
    ORDERS,
    ORDERS_TO_REPORT,
    OTHER_RUN,
    REPORT,
    edges,
    pipeline,
    run_event,
    take,
    time,
    written,
)
from tests.core.services.reports import NOON
from tests.core.services.test_lineage import places


def test_inputs_may_come_with_one_event_and_outputs_with_another(session: Session) -> None:
    take(session, run_event("START", inputs=[ORDERS]))
    assert edges(session) == set()
    take(session, run_event("COMPLETE", 1, outputs=[REPORT]))
    assert edges(session) == ORDERS_TO_REPORT


def test_lineage_is_taken_where_the_pipeline_takes_none_otherwise(session: Session) -> None:
    take(session, run_event("START"))
    amend_pipeline(session, {"load_lineage": False}, name="airflow/daily", at=NOON)
    take(session, run_event("COMPLETE", 1, inputs=[ORDERS], outputs=[REPORT]))
    assert edges(session) == ORDERS_TO_REPORT


@pytest.mark.parametrize("turned", [False, True])
def test_the_lineage_is_that_of_the_run_that_began_last(session: Session, turned: bool) -> None:
    old = run_event("COMPLETE", 1, inputs=[ORDERS], outputs=[{**REPORT, "name": "old"}])
    new = run_event("COMPLETE", 2, run=OTHER_RUN, inputs=[ORDERS], outputs=[REPORT])
    take(session, *([new, old] if turned else [old, new]))
    assert edges(session) == ORDERS_TO_REPORT


def test_a_run_that_turns_out_to_be_older_gives_the_lineage_back(session: Session) -> None:
    new = run_event("COMPLETE", 2, run=OTHER_RUN, inputs=[ORDERS], outputs=[REPORT])
    old = run_event("COMPLETE", 3, inputs=[ORDERS], outputs=[{**REPORT, "name": "old"}])
    take(session, new, old)
    assert edges(session) != ORDERS_TO_REPORT
    take(session, run_event("START", 1))
    assert edges(session) == ORDERS_TO_REPORT


def test_a_run_that_says_nothing_of_data_leaves_the_lineage(session: Session) -> None:
    take(session, run_event("COMPLETE", 1, inputs=[ORDERS], outputs=[REPORT]), run_event("FAIL", 2, run=OTHER_RUN))
    assert edges(session) == ORDERS_TO_REPORT


def test_lineage_that_was_deleted_is_back_with_the_next_run(session: Session) -> None:
    take(session, run_event("COMPLETE", 1, inputs=[ORDERS], outputs=[REPORT]))
    delete_address(session, list_addresses(session, contains="reports")[0].id)
    assert edges(session) == set()
    take(session, run_event("COMPLETE", 2, run=OTHER_RUN, inputs=[ORDERS], outputs=[REPORT]))
    assert edges(session) == ORDERS_TO_REPORT


def test_an_event_that_says_nothing_new_writes_nothing(session: Session) -> None:
    event = run_event("COMPLETE", 1, inputs=[ORDERS], outputs=[written(REPORT, 5)])
    take(session, event)
    report_lineage(session, pipeline(session).id, places("a"), places("b"), at=NOON)
    take(session, event)
    assert edges(session) == {("a", "b")}


def test_a_dataset_has_the_address_and_the_type_that_its_namespace_says(session: Session) -> None:
    take(session, run_event(inputs=[ORDERS, {"namespace": "kafka://b:9092", "name": "clicks"}], outputs=[REPORT]))
    found = {one.name: one for one in list_addresses(session)}
    assert sorted(found) == ["kafka://b:9092/clicks", *sorted(name for edge in ORDERS_TO_REPORT for name in edge)]
    orders: Address = found["postgres://db:5432/shop.public.orders"]
    assert (orders.database_name, orders.schema_name, orders.table_name) == ("shop", "public", "orders")
    types = session.execute(text("SELECT name, group_name FROM supersync.address_types")).all()
    assert {(name, group) for name, group in types} == {
        ("postgres", "database"),
        ("kafka", "stream"),
        ("s3", "file"),
    }


def test_a_dataset_with_a_long_name_has_an_address(session: Session) -> None:
    names = ["𝔛" * 1000, "𝔛" * 1001]
    take(session, run_event(inputs=[{"namespace": "n", "name": name} for name in names]))
    assert len({one.name for one in list_addresses(session)}) == 2


def test_of_very_many_datasets_a_part_is_drawn(session: Session) -> None:
    sides = ({"namespace": "n", "name": f"{side}{n:04}"} for side in "io" for n in range(1200))
    every = list(sides)
    take(session, run_event(inputs=every[:1200], outputs=every[1200:]))
    assert session.scalar(text("SELECT count(*) FROM supersync.addresses")) == 2000
    assert 0 < (session.scalar(text("SELECT count(*) FROM supersync.lineage_edges")) or 0) <= 100_000


def test_a_job_event_is_a_pipeline_with_lineage(session: Session) -> None:
    event = run_event(inputs=[ORDERS], outputs=[REPORT])
    del event["run"], event["eventType"]
    assert take(session, event, event) == ("airflow/daily", None, False)
    assert (edges(session), session.query(Execution).count()) == (ORDERS_TO_REPORT, 0)


@pytest.mark.parametrize("turned", [False, True])
def test_of_the_events_of_a_job_as_such_the_newest_counts(session: Session, turned: bool) -> None:
    events = [run_event(None, n, inputs=[ORDERS], outputs=[{**REPORT, "name": f"{n}"}]) for n in (1, 2)]
    for event in events:
        del event["run"]
    take(session, *(events[::-1] if turned else events))
    assert edges(session) == {("postgres://db:5432/shop.public.orders", "s3://lake/2")}


def test_a_dataset_event_is_an_address(session: Session) -> None:
    event = {"eventTime": time(0), "producer": "p", "dataset": {**REPORT, "facets": {"schema": {"fields": []}}}}
    assert take(session, event) == (None, None, False)
    assert [one.name for one in list_addresses(session)] == ["s3://lake/reports/orders"]
