"""What the checks have found, as Dagster's evaluations."""

import time
from collections.abc import Iterator
from datetime import datetime

import dagster as dg
import pytest
from dagster._core.events import StepMaterializationData
from dagster._core.utils import make_new_run_id
from hypothesis import given
from hypothesis import strategies as st

from supersync_core.clock import utcnow
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.tables import Execution
from supersync_core.services.reported_pipelines import delete_pipeline
from supersync_dagster.evaluations import PATIENCE, Teller, Told
from supersync_dagster.observers import asset_keys
from supersync_dagster.translator import SupersyncTranslator
from tests.core.services.findings import HOUR, judged, late, unflag
from tests.core.services.reports import NOON, reported


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def teller(instance: dg.DagsterInstance, ledger: Ledger) -> Teller:
    return Teller(instance, ledger, asset_keys([], SupersyncTranslator()), "http://pages/{}".format, Told())


def tell(teller: Teller, seconds: float = 60) -> bool:
    teller.look_back()
    return teller.tell(time.monotonic() + seconds)


def evaluations(instance: dg.DagsterInstance) -> list[dg.AssetCheckEvaluation]:
    """All that Dagster was told, the oldest first."""
    records = instance.event_log_storage.get_event_records(
        dg.EventRecordsFilter(dg.DagsterEventType.ASSET_CHECK_EVALUATION), ascending=True
    )
    events = [record.event_log_entry.dagster_event for record in records]
    return [event.asset_check_evaluation_data for event in events if event is not None]


def told(instance: dg.DagsterInstance) -> list[tuple[str, str, bool]]:
    return [(one.asset_key.to_user_string(), one.check_name, one.passed) for one in evaluations(instance)]


def unusual(ledger: Ledger, name: str = "orders", hours: int = 0) -> int:
    with ledger.begin() as session:
        return judged(session, reported(session, name), 300, at=NOON + hours * HOUR, unusual=True)


def usual(ledger: Ledger, name: str = "orders", hours: int = 1) -> int:
    with ledger.begin() as session:
        return judged(session, reported(session, name), 100, at=NOON + hours * HOUR, unusual=False)


FAILS, PASSES = ("orders", "anomaly_total_rows", False), ("orders", "anomaly_total_rows", True)


def test_a_finding_is_a_warning_with_its_numbers_and_a_link(
    teller: Teller, instance: dg.DagsterInstance, ledger: Ledger
) -> None:
    execution = unusual(ledger)
    tell(teller)
    (one,) = evaluations(instance)
    assert (one.severity, one.description) == (
        dg.AssetCheckSeverity.WARN,
        "total_rows is 300; usual is 90 to 110",
    )
    assert {name: value.value for name, value in one.metadata.items()} == {
        **{"metric": "total_rows", "value": 300.0, "z_score": 9.5, "mean": 100.0, "deviation": 3.3},
        **{"low": 90.0, "high": 110.0, "execution_id": str(execution), "page": "http://pages/orders"},
    }


def test_a_finding_is_told_once_and_so_is_that_it_passes_again(
    teller: Teller, instance: dg.DagsterInstance, ledger: Ledger
) -> None:
    unusual(ledger)
    tell(teller), tell(teller)
    usual(ledger)
    tell(teller), tell(teller)
    assert told(instance) == [FAILS, PASSES]


def test_what_always_passed_is_not_told(teller: Teller, instance: dg.DagsterInstance, ledger: Ledger) -> None:
    usual(ledger)
    tell(teller)
    assert told(instance) == []


def test_of_many_findings_of_one_check_the_newest_is_told(
    teller: Teller, instance: dg.DagsterInstance, ledger: Ledger
) -> None:
    newest = [unusual(ledger, hours=hours) for hours in range(3)][-1]
    tell(teller)
    (one,) = evaluations(instance)
    assert one.metadata["execution_id"].value == str(newest)


def test_what_is_taken_back_passes(teller: Teller, instance: dg.DagsterInstance, ledger: Ledger) -> None:
    execution = unusual(ledger)
    tell(teller)
    with ledger.begin() as session:
        unflag(session, execution)
    tell(teller)
    assert told(instance) == [FAILS, PASSES]


def test_a_finding_without_numbers_is_said_as_it_is(
    teller: Teller, instance: dg.DagsterInstance, ledger: Ledger
) -> None:
    with ledger.begin() as session:
        late(session, reported(session, timeliness_number=1, timeliness_datepart="minute"))
    tell(teller)
    assert [one.description for one in evaluations(instance)] == ["an hour instead of a minute"]


def test_when_time_is_up_the_rest_is_told_next_time(
    teller: Teller, instance: dg.DagsterInstance, ledger: Ledger
) -> None:
    unusual(ledger)
    assert tell(teller, seconds=-1)
    assert told(instance) == []
    assert not tell(teller)
    assert told(instance) == [FAILS]


def test_the_next_process_goes_on_from_the_cursor(teller: Teller, instance: dg.DagsterInstance, ledger: Ledger) -> None:
    unusual(ledger)
    tell(teller)
    teller.told = Told.read(teller.told.write())
    usual(ledger)
    tell(teller)
    assert told(instance) == [FAILS, PASSES]


def test_a_pipeline_that_is_gone_is_forgotten(teller: Teller, instance: dg.DagsterInstance, ledger: Ledger) -> None:
    unusual(ledger)
    tell(teller)
    with ledger.begin() as session:
        delete_pipeline(session, reported(session))
    tell(teller)
    assert (told(instance), teller.told.failing) == ([FAILS], set())


def by_run(ledger: Ledger, execution_id: int, ended_at: datetime) -> str:
    """Let the execution be that of a Dagster run."""
    with ledger.begin() as session:
        execution = session.get_one(Execution, execution_id)
        execution.dagster_run_id, execution.ended_at = make_new_run_id(), ended_at
        return execution.dagster_run_id


def materialise(instance: dg.DagsterInstance, run_id: str) -> None:
    """As a run does at its end."""
    data = StepMaterializationData(dg.AssetMaterialization("orders"))
    event = dg.DagsterEvent(dg.DagsterEventType.ASSET_MATERIALIZATION.value, "sync__orders", event_specific_data=data)
    instance.report_dagster_event(event, run_id=run_id)


@pytest.mark.parametrize("passes", [pytest.param(False, id="a finding"), pytest.param(True, id="that it passes again")])
def test_an_evaluation_waits_for_the_materialisation_that_it_is_about(
    teller: Teller, instance: dg.DagsterInstance, ledger: Ledger, passes: bool
) -> None:
    if passes:
        unusual(ledger)
        tell(teller)
    before = told(instance)
    run_id = by_run(ledger, (usual if passes else unusual)(ledger), utcnow())
    assert [tell(teller), told(instance)] == [False, before]
    materialise(instance, run_id)
    teller.tell(time.monotonic() + 60)
    assert told(instance) == [*before, PASSES if passes else FAILS]


def test_it_does_not_wait_for_a_run_that_has_died(teller: Teller, instance: dg.DagsterInstance, ledger: Ledger) -> None:
    by_run(ledger, unusual(ledger), utcnow() - PATIENCE)
    tell(teller)
    assert told(instance) == [FAILS]


TOLD = st.builds(Told, st.integers(min_value=0), st.sets(st.tuples(st.integers(), st.text(max_size=9)), max_size=5))


@given(told=TOLD)
def test_a_cursor_is_read_as_it_was_written(told: Told) -> None:
    assert Told.read(told.write()) == told


def test_a_sensor_without_cursor_begins_at_the_beginning() -> None:
    assert Told.read(None) == Told()
