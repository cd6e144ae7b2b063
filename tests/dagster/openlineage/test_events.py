"""What an event says of an execution, and how it names what the execution read and wrote."""

from typing import Any

import pytest
from openlineage.client.serde import Serde

from supersync_core.connectors.config import Location
from supersync_core.domain.execution import ExecutionState
from supersync_core.domain.lineage import Place
from supersync_core.domain.openlineage import Dataset
from supersync_core.domain.table import TableName
from supersync_core.domain.table_sync import Relation
from supersync_core.ledger.database import Ledger
from supersync_core.services.executions import Outcome, finish_execution, open_execution
from supersync_core.services.launches import close_unlaunched
from supersync_core.services.openlineage.own_runs import Side, untold_runs, where_it_flows
from supersync_core.services.pipelines import get_pipeline
from supersync_dagster.openlineage.events import datasets, end_event, start_event
from tests.core.services.reports import NOON
from tests.dagster.openlineage.receiver import SECOND, declared, ended, ran, started

ORDERS = {"namespace": "mysql://shop.example:3306", "name": "shop.orders"}
LAKE = {"namespace": "postgres://lake.example:5433", "name": "lake.sales.orders"}


def events(ledger: Ledger, execution_id: int, **source: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Start and end as they are sent."""
    connections = declared(ledger, "orders", **source).connections
    found = {run.execution.id: run for run in untold_runs(ledger, since=NOON, limit=9)}
    run = found[execution_id]
    flow = where_it_flows(ledger, run.pipeline, connections)
    start, end = start_event(run, flow, "ours"), end_event(run, flow, "ours")
    return Serde.to_dict(start), Serde.to_dict(end)


def plain(datasets: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{"namespace": one["namespace"], "name": one["name"]} for one in datasets]


def test_a_start_names_the_run_the_job_and_what_it_reads_and_writes(ledger: Ledger) -> None:
    declared(ledger, "orders")
    execution = ran(ledger, "orders")
    start, _ = events(ledger, execution)
    assert (start["eventType"], start["eventTime"]) == ("START", NOON.isoformat())
    assert (start["job"]["namespace"], start["job"]["name"]) == ("ours", "orders")
    job_type = start["job"]["facets"]["jobType"]
    assert (job_type["processingType"], job_type["integration"], job_type["jobType"]) == (
        *("BATCH", "SUPERSYNC", "TABLE_SYNC"),
    )
    assert start["job"]["facets"]["documentation"]["description"] == "The orders"
    assert (plain(start["inputs"]), plain(start["outputs"])) == ([ORDERS], [LAKE])
    assert start["producer"].startswith("supersync://")
    assert start["schemaURL"].startswith("https://openlineage.io/spec/2-0-2/")


def test_an_end_says_how_many_rows_came_and_went(ledger: Ledger) -> None:
    declared(ledger, "orders")
    execution = ran(ledger, "orders")
    start, end = events(ledger, execution)
    assert (end["eventType"], end["eventTime"]) == ("COMPLETE", (NOON + SECOND).isoformat())
    assert end["run"]["runId"] == start["run"]["runId"]
    read = end["inputs"][0]["inputFacets"]["inputStatistics"]
    written = end["outputs"][0]["outputFacets"]["outputStatistics"]
    assert (read["rowCount"], read["size"], written["rowCount"], written["size"]) == (10, 1000, 7, 1000)


def test_a_failure_says_why_and_counts_nothing(ledger: Ledger) -> None:
    declared(ledger, "orders")
    execution = ran(ledger, "orders", error="no such table")
    _, end = events(ledger, execution)
    assert end["eventType"] == "FAIL"
    assert end["run"]["facets"]["errorMessage"]["message"] == "Unavailable: no such table"
    assert end["outputs"][0]["outputFacets"] == {}


def test_what_was_cancelled_is_an_abort(ledger: Ledger) -> None:
    declared(ledger, "orders")
    execution = started(ledger, "orders")
    with ledger.begin() as session:
        finish_execution(session, execution, Outcome(ExecutionState.CANCELLED), at=NOON + SECOND)
    assert events(ledger, execution)[1]["eventType"] == "ABORT"


def test_what_never_ran_began_when_it_was_queued(ledger: Ledger) -> None:
    from supersync_core.domain.execution import Trigger
    from supersync_core.errors import AbortError

    declared(ledger, "orders")
    with ledger.begin() as session:
        queued = open_execution(session, get_pipeline(session, "orders"), trigger=Trigger.MANUAL, at=NOON)
        close_unlaunched(session, queued.id, AbortError("no"), at=NOON + SECOND)
    start, end = events(ledger, queued.id)
    assert (start["eventTime"], end["eventType"]) == (NOON.isoformat(), "FAIL")


def test_a_part_names_the_run_that_it_is_a_part_of(ledger: Ledger) -> None:
    declared(ledger, "orders")
    whole = started(ledger, "orders")
    part = ended(ledger, started(ledger, "orders", parent_id=whole))
    start, _ = events(ledger, part)
    ended(ledger, whole)
    run_id = events(ledger, whole)[0]["run"]["runId"]
    parent = start["run"]["facets"]["parent"]
    assert (parent["run"]["runId"], parent["job"]["name"], parent["job"]["namespace"]) == (run_id, "orders", "ours")


def test_sql_is_no_dataset_and_goes_along_with_the_job(ledger: Ledger) -> None:
    declared(ledger, "orders", sql="select 1 as id")
    start, _ = events(ledger, ran(ledger, "orders"), sql="select 1 as id")
    assert start["inputs"] == []
    assert start["job"]["facets"]["sql"]["query"] == "select 1 as id"


def test_no_event_has_a_password(ledger: Ledger) -> None:
    declared(ledger, "orders")
    assert "hunter2" not in str(events(ledger, ran(ledger, "orders")))


def side(type_name: str, relation: Relation, host: str = "h", port: int = 1, database: str = "db") -> Side:
    return Side("there", type_name, relation, Location(host, port, database))


TABLE = Relation(table=TableName("s", "t"))
PUBLIC = Relation(table=TableName("public", "t"))
CLUSTER = "prod.abc123.eu-west-1.redshift.amazonaws.com"
SERVERLESS = "group.123456789012.us-east-1.redshift-serverless.amazonaws.com"


@pytest.mark.parametrize(
    ("side", "dataset"),
    [
        pytest.param(side("postgres", TABLE), ("postgres://h:1", "db.s.t"), id="postgres"),
        pytest.param(side("mysql", TABLE), ("mysql://h:1", "s.t"), id="mysql, of another database"),
        pytest.param(side("mysql", PUBLIC), ("mysql://h:1", "db.t"), id="mysql, of its own database"),
        pytest.param(side("redshift", TABLE, CLUSTER), ("redshift://prod.eu-west-1:1", "db.s.t"), id="redshift"),
        pytest.param(
            side("redshift", TABLE, SERVERLESS), ("redshift://group.us-east-1:1", "db.s.t"), id="redshift, serverless"
        ),
        pytest.param(side("redshift", TABLE), ("postgres://h:1", "db.s.t"), id="redshift, by another name"),
        pytest.param(
            side("redshift", Relation(query="table_stats"), CLUSTER),
            ("redshift://prod.eu-west-1:1", "db.table_stats"),
            id="a built-in query",
        ),
        pytest.param(Side("m", "memory", TABLE, None), ("memory://m", "s.t"), id="nowhere by name"),
        pytest.param(Place("C123", "slack"), ("slack", "C123"), id="a place that a run has named"),
        pytest.param(side("postgres", Relation(sql="select 1")), None, id="SQL"),
    ],
)
def test_datasets_have_the_names_that_others_give_them(side: Side | Place, dataset: tuple[str, str] | None) -> None:
    assert datasets([side]) == ([Dataset(*dataset)] if dataset else [])
