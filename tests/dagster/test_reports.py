"""Executions that others report, as Dagster's materialisations."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from supersync_core.clock import utcnow
from supersync_core.ledger.database import Ledger
from supersync_core.services.reported_executions import Ending, report_end
from supersync_dagster.observers import asset_keys
from supersync_dagster.reports import BATCH, report_executions
from supersync_dagster.translator import SupersyncTranslator
from tests.core.services.reports import ended, reported

HOUR = timedelta(hours=1)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def report(instance: dg.DagsterInstance, ledger: Ledger, seconds: float = 60) -> bool:
    keys = asset_keys([], SupersyncTranslator())
    return report_executions(instance, ledger, keys, "http://pages/{}".format, until=time.monotonic() + seconds)


def materialized(instance: dg.DagsterInstance, key: str = "orders") -> list[dict[str, Any]]:
    """The metadata of the materialisations, the oldest first."""
    records = instance.fetch_materializations(dg.AssetKey(key), limit=1000, ascending=True).records
    found = [record.asset_materialization for record in records]
    return [{name: value.value for name, value in one.metadata.items()} for one in found if one is not None]


def ran(ledger: Ledger, name: str = "orders", *, ago: timedelta = HOUR, **ending: Any) -> int:
    with ledger.begin() as session:
        return ended(session, reported(session, name), start=utcnow() - ago, **ending)


def test_an_execution_becomes_a_materialisation_with_all_that_was_said(
    instance: dg.DagsterInstance, ledger: Ledger
) -> None:
    counts = {"total_rows": 1000, "inserts": 900, "updates": 90, "soft_deletes": 10}
    execution = ran(ledger, seconds=300, **counts)
    report(instance, ledger)
    (metadata,) = materialized(instance)
    assert metadata.pop("execution")
    assert metadata == {
        "rows_extracted": 1000,
        "rows_inserted": 900,
        "rows_updated": 90,
        "rows_deleted": 10,
        "seconds": 300.0,
        "rows_per_s": 3.3,
        "execution_id": str(execution),
        "page": "http://pages/orders",
    }


def test_what_was_not_said_is_not_shown(instance: dg.DagsterInstance, ledger: Ledger) -> None:
    ran(ledger)
    report(instance, ledger)
    assert set(materialized(instance)[0]) == {"seconds", "execution", "execution_id", "page"}


def test_only_successes_are_shown_and_each_once(instance: dg.DagsterInstance, ledger: Ledger) -> None:
    ran(ledger, succeeded=False)
    execution = ran(ledger)
    assert [report(instance, ledger) for _ in range(2)] == [False, False]
    assert [one["execution_id"] for one in materialized(instance)] == [str(execution)]


def test_a_failure_that_is_corrected_is_shown_then(instance: dg.DagsterInstance, ledger: Ledger) -> None:
    execution = ran(ledger, succeeded=False)
    report(instance, ledger)
    with ledger.begin() as session:
        report_end(session, execution, Ending(utcnow(), succeeded=True), at=utcnow())
    report(instance, ledger)
    assert len(materialized(instance)) == 1


@pytest.mark.parametrize("ago", [pytest.param(HOUR, id="earlier"), pytest.param(-HOUR, id="in the future")])
def test_it_has_happened_when_the_execution_ended_and_never_in_the_future(
    instance: dg.DagsterInstance, ledger: Ledger, ago: timedelta
) -> None:
    ran(ledger, ago=ago, seconds=60)
    report(instance, ledger)
    (record,) = instance.fetch_materializations(dg.AssetKey("orders"), limit=9).records
    expected = min(utcnow(), utcnow() - ago + timedelta(seconds=60))
    assert abs(datetime.fromtimestamp(record.timestamp, expected.tzinfo) - expected) < timedelta(seconds=30)


def test_the_oldest_come_first(instance: dg.DagsterInstance, ledger: Ledger) -> None:
    late, early = ran(ledger, ago=HOUR), ran(ledger, ago=2 * HOUR)
    report(instance, ledger)
    assert [one["execution_id"] for one in materialized(instance)] == [str(early), str(late)]


def test_when_time_is_up_the_rest_waits(instance: dg.DagsterInstance, ledger: Ledger) -> None:
    ran(ledger)
    assert report(instance, ledger, seconds=-1)
    assert materialized(instance) == []
    assert not report(instance, ledger)
    assert len(materialized(instance)) == 1


def test_more_than_a_batch_is_said_to_wait(instance: dg.DagsterInstance, ledger: Ledger) -> None:
    with ledger.begin() as session:
        pipeline = reported(session)
        for n in range(BATCH + 1):
            ended(session, pipeline, start=utcnow() - (n + 1) * HOUR)
    assert [report(instance, ledger) for _ in range(2)] == [True, False]
    assert len({one["execution_id"] for one in materialized(instance)}) == BATCH + 1


class Dying:
    """A ledger whose process dies before it writes for the second time."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._left = ledger, 1

    def begin(self) -> Any:
        self._left -= 1
        if self._left < 0:
            raise SystemExit
        return self._ledger.begin()


def test_whoever_dies_between_the_report_and_the_note_loses_nothing(
    instance: dg.DagsterInstance, ledger: Ledger
) -> None:
    execution = ran(ledger)
    with pytest.raises(SystemExit):
        report(instance, Dying(ledger))  # type: ignore[arg-type]
    report(instance, ledger)
    assert [one["execution_id"] for one in materialized(instance)] == [str(execution)] * 2
