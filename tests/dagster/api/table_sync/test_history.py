"""History: filters, pages, entries, purge."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from supersync_core.domain.execution import ExecutionState
from supersync_core.domain.pipeline import PipelineKind
from supersync_core.services.executions import Outcome, finish_execution, start_execution
from supersync_core.services.history import Place
from supersync_core.services.pipelines import retire_pipeline
from supersync_dagster.api.table_sync.query import read_cursor, write_cursor
from tests.dagster.api.table_sync.apis import NOON, Api

MINUTE = timedelta(minutes=1)


def ids(page: dict[str, Any]) -> list[int]:
    return [entry["log_id"] for entry in page["history"]]


def test_an_entry_has_the_fields_that_were_settled(api: Api) -> None:
    api.declare("a")
    log_id = api.ran("a", ms=4231)
    assert api.get("/history").json() == {
        "history": [
            {
                "log_id": log_id,
                "job_id": "a",
                "job_name": "A",
                "trigger": "schedule",
                "status": "success",
                "started_at": "2026-11-22T12:00:00.000Z",
                "completed_at": "2026-11-22T12:00:04.231Z",
                "rows_extracted": 10,
                "rows_upserted": 7,
                "duration_ms": 4231,
                "error_message": None,
            }
        ],
        "total": 1,
        "limit": 50,
        "offset": 0,
        "next_cursor": None,
    }


def test_the_details_of_an_error_are_in_the_entry_alone(api: Api) -> None:
    api.declare("a")
    log_id = api.ran("a", error="no answer")
    (entry,) = api.get("/history").json()["history"]
    detail = api.get(f"/history/{log_id}").json()
    assert (entry["error_message"], "error_details" in entry) == ("no answer", False)
    details = detail["error_details"]
    assert (details["type"], details["message"], details["retryable"]) == ("Unavailable", "no answer", True)
    assert len(details["traceback_id"]) == 36


def test_a_queued_run_is_running_and_has_no_end(api: Api) -> None:
    api.declare("a")
    api.queued("a")
    (entry,) = api.get("/history").json()["history"]
    shown = (entry["status"], entry["started_at"], entry["completed_at"], entry["duration_ms"])
    assert shown == ("running", "2026-11-22T12:00:00.000Z", None, None)


def test_a_run_that_was_cancelled_before_it_began_took_no_time(api: Api) -> None:
    api.declare("a")
    queued = api.queued("a")
    with api.ledger.begin() as session:
        finish_execution(session, queued, Outcome(ExecutionState.CANCELLED), at=NOON + MINUTE)
    (entry,) = api.get("/history").json()["history"]
    assert (entry["status"], entry["duration_ms"]) == ("cancelled", 0)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({"job_id": "a"}, [3, 1], id="a job"),
        pytest.param({"job_id": "A"}, [3, 1], id="in any case"),
        pytest.param({"status": "failed"}, [2], id="failed"),
        pytest.param({"status": "running"}, [4], id="running"),
        pytest.param({"status": ["failed", "running"]}, [4, 2], id="two statuses"),
        pytest.param({"status": "cancelled"}, [], id="none"),
        pytest.param({"job_id": "b", "status": "failed"}, [2], id="both"),
        pytest.param({"start_date": "2026-11-22"}, [4, 3, 2], id="from a day on"),
        pytest.param({"end_date": "2026-11-21"}, [1], id="to the end of a day"),
        pytest.param({"start_date": "2026-11-22T12:00:00Z"}, [4, 3, 2], id="from a moment on, inclusive"),
        pytest.param({"end_date": "2026-11-22T12:00:00Z"}, [2, 1], id="to a moment, inclusive"),
        pytest.param({"end_date": "2026-11-22T12:00:00"}, [2, 1], id="without a zone it is UTC"),
        pytest.param({"end_date": "2026-11-22T13:00:00+01:00"}, [2, 1], id="in another zone"),
        pytest.param({"end_date": "2026-11-22T13:00:00 01:00"}, [2, 1], id="with a plus sign that was not escaped"),
        pytest.param({"start_date": "2026-11-22", "end_date": "2026-11-21"}, [], id="an empty range"),
        pytest.param({"start_date": "0001-01-01", "end_date": "9999-12-31"}, [4, 3, 2, 1], id="all of time"),
    ],
)
def test_filters(api: Api, query: dict[str, Any], expected: list[int]) -> None:
    api.declare("a", "b")
    api.ran("a", at=NOON - timedelta(days=1))
    api.ran("b", at=NOON + timedelta(microseconds=700), error="boom")
    api.ran("a", at=NOON + MINUTE)
    api.started("b", at=NOON + 2 * MINUTE)
    page = api.get("/history", **query).json()
    assert (ids(page), page["total"]) == (expected, len(expected))


def test_the_time_of_a_run_is_when_it_started_not_when_it_was_queued(api: Api) -> None:
    api.declare("a")
    queued = api.queued("a", at=NOON - MINUTE)
    with api.ledger.begin() as session:
        start_execution(session, queued, owner="a test", at=NOON)
    assert ids(api.get("/history", start_date="2026-11-22T12:00:00Z").json()) == [queued]


def test_the_history_of_a_retired_job_stays(api: Api) -> None:
    api.declare("a")
    log_id = api.ran("a")
    with api.ledger.begin() as session:
        retire_pipeline(session, "a", at=NOON)
    assert ids(api.get("/history", job_id="a").json()) == [log_id]


def test_other_kinds_have_other_histories(api: Api) -> None:
    api.declare("c", kind=PipelineKind.CDC)
    log_id = api.ran("c")
    assert api.get("/history").json()["total"] == 0
    assert api.get(f"/history/{log_id}").status_code == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"job_id": "nobody"}, 404),
        ({"job_id": "a\0"}, 422),
        ({"status": "great"}, 422),
        ({"start_date": "yesterday"}, 422),
        ({"start_date": "1700000000"}, 422),
        ({"start_date": ""}, 422),
        ({"start_date": "99999-01-01"}, 422),
        ({"start_date": "2026-02-30"}, 422),
        ({"start_date": "0001-01-01T00:00:00+14:00"}, 422),
        ({"end_date": "9999-12-31T23:59:59-14:00"}, 422),
        ({"end_date": "2026-01-01T00:00:00Z\0"}, 422),
        ({"limit": 0}, 422),
        ({"limit": 501}, 422),
        ({"limit": "ten"}, 422),
        ({"offset": -1}, 422),
        ({"offset": 2**64}, 422),
        ({"cursor": "x"}, 422),
        ({"cursor": "é"}, 422),
        ({"cursor": "MjAyNi0xMS0yMlQxMjowMDowMCswMDowMCAtMQ"}, 422),
        ({"cursor": "MjAyNi0xMS0yMlQxMjowMDowMCswMDowMCAz", "offset": 1}, 422),
        ({"order": "asc"}, 422),
    ],
)
def test_what_cannot_be_asked_for_is_refused(api: Api, query: dict[str, Any], status: int) -> None:
    assert api.get("/history", **query).status_code == status


@pytest.mark.parametrize(
    ("log_id", "status"),
    [
        ("1", 404),
        ("0", 404),
        ("-1", 404),
        (str(2**63 - 1), 404),
        (str(2**63), 404),
        ("1" + "0" * 300, 404),
        ("9" * 5000, 422),
        ("one", 422),
        ("1.5", 422),
        ("%00", 422),
    ],
)
def test_an_entry_that_is_not_there(api: Api, log_id: str, status: int) -> None:
    assert api.get(f"/history/{log_id}").status_code == status


def test_pages_by_offset(api: Api) -> None:
    api.declare("a")
    made = [api.ran("a", at=NOON + number * MINUTE) for number in range(5)]
    pages = [api.get("/history", limit=2, offset=offset).json() for offset in (0, 2, 4, 6)]
    assert [ids(page) for page in pages] == [made[:2:-1], made[2:0:-1], made[:1], []]
    assert {page["total"] for page in pages} == {5}


def test_pages_by_cursor_are_not_moved_by_new_runs(api: Api) -> None:
    api.declare("a")
    made = [api.ran("a", at=NOON) for _ in range(5)]
    first = api.get("/history", limit=2, job_id="a")
    api.ran("a", at=NOON + MINUTE)
    second = httpx.get(api.url + first.links["next"]["url"])
    third = api.get("/history", limit=2, cursor=second.json()["next_cursor"])
    assert [ids(page.json()) for page in (first, second, third)] == [made[:2:-1], made[2:0:-1], made[:1]]
    assert (third.json()["next_cursor"], "next" in third.links) == (None, False)


@given(st.datetimes(timezones=st.just(NOON.tzinfo)), st.integers(1, 2**63 - 1))
def test_a_cursor_is_read_as_it_was_written(at: Any, number: int) -> None:
    assert read_cursor(write_cursor(Place(at, number))) == Place(at, number)


def test_purge_deletes_what_ended_so_many_days_ago_and_nothing_that_runs(api: Api) -> None:
    api.declare("a", "b", "c")
    api.ran("a", at=NOON - timedelta(days=31))
    kept = api.ran("a", at=NOON - timedelta(days=29))
    live = [api.started("b", at=NOON - timedelta(days=400)), api.queued("c", at=NOON - timedelta(days=400))]
    answer = api.delete("/history", older_than_days=30)
    assert answer.json() == {"success": True, "deleted": 1, "older_than_days": 30}
    assert sorted(ids(api.get("/history").json())) == sorted([kept, *live])


def test_zero_days_mean_all_that_has_ended(api: Api) -> None:
    api.declare("a")
    api.ran("a", at=NOON - MINUTE)
    assert api.delete("/history", days=0).json()["deleted"] == 1


def test_purge_goes_in_batches(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supersync_core.services.history.PURGE_BATCH", 2)
    api.declare("a")
    for number in range(5):
        api.ran("a", at=NOON - timedelta(days=2, minutes=number))
    assert api.delete("/history", older_than_days=1).json()["deleted"] == 5


def test_purge_leaves_other_kinds_alone(api: Api) -> None:
    api.declare("c", kind=PipelineKind.CDC)
    api.ran("c", at=NOON - timedelta(days=9))
    assert api.delete("/history", older_than_days=1).json()["deleted"] == 0


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"older_than_days": -1},
        {"older_than_days": 2**70},
        {"older_than_days": "x"},
        {"older_than_days": 1, "days": 1},
    ],
)
def test_a_purge_must_say_how_old(api: Api, query: dict[str, Any]) -> None:
    assert api.delete("/history", **query).status_code == 422
