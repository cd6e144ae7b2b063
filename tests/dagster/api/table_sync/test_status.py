"""The status: shape, words, and what it costs."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest

from supersync_core.domain.pipeline import DesiredState, PipelineKind
from supersync_core.services.board import LOOK_S
from supersync_core.services.launcher import ScheduleState
from supersync_core.services.pipelines import retire_pipeline, set_desired_state
from tests.dagster.api.table_sync.apis import NOON, SYNC, Api, take_away


def test_a_job_has_the_fields_of_the_document_and_no_others(api: Api) -> None:
    api.declare("table_stats_sync")
    api.ran("table_stats_sync", at=NOON, ms=4231)
    assert api.get("/status").json() == {
        "status": "running",
        "scheduler_timezone": "US/Pacific",
        "jobs": [
            {
                "job_id": "table_stats_sync",
                "name": "Table_Stats_Sync",
                "status": "active",
                "last_run": "2026-11-22T12:00:04.231Z",
                "next_run": "2026-11-22T12:05:00.000Z",
                "interval_seconds": 300,
                "last_result": {
                    "rows_extracted": 10,
                    "rows_upserted": 7,
                    "duration_ms": 4231,
                    "status": "success",
                },
            }
        ],
    }


def test_a_job_that_never_ran_has_no_last_run(api: Api) -> None:
    api.declare("a")
    (job,) = api.get("/status").json()["jobs"]
    assert (job["last_run"], job["last_result"]) == (None, None)


def test_while_a_job_runs_its_last_run_is_the_one_before(api: Api) -> None:
    api.declare("a")
    api.ran("a", ms=5)
    api.started("a", at=NOON + timedelta(seconds=10))
    (job,) = api.get("/status").json()["jobs"]
    assert (job["last_run"], job["last_result"]["status"]) == ("2026-11-22T12:00:00.005Z", "success")


def test_a_run_that_failed_says_so(api: Api) -> None:
    api.declare("a")
    api.ran("a", error="boom")
    assert api.get("/status").json()["jobs"][0]["last_result"]["status"] == "failed"


def test_a_job_without_a_schedule_has_no_interval_and_no_next_run(api: Api) -> None:
    api.declare("a", every_s=None)
    (job,) = api.get("/status").json()["jobs"]
    assert (job["status"], job["interval_seconds"], job["next_run"]) == ("active", None, None)


def test_an_interval_that_no_cron_can_say_has_a_next_run(api: Api) -> None:
    api.declare("a", every_s=420)
    (job,) = api.get("/status").json()["jobs"]
    assert (job["interval_seconds"], job["next_run"]) == (420, "2026-11-22T12:07:00.000Z")


def test_a_schedule_that_is_switched_off_in_dagster_is_paused(api: Api) -> None:
    api.declare("a")
    api.launcher.known["a"] = ScheduleState(False, None, "*/5 * * * *", "UTC")
    (job,) = api.get("/status").json()["jobs"]
    assert (job["status"], job["next_run"]) == ("paused", None)


def test_a_job_that_dagster_has_not_loaded_yet_is_what_the_ledger_says(api: Api) -> None:
    api.declare("a")
    api.launcher.known.clear()
    with api.ledger.begin() as session:
        set_desired_state(session, "a", DesiredState.PAUSED, at=NOON)
    assert api.get("/status").json()["jobs"][0]["status"] == "paused"


def test_pipelines_of_other_kinds_and_retired_ones_are_left_out(api: Api) -> None:
    api.declare("a", "gone")
    api.declare("other", kind=PipelineKind.CDC)
    with api.ledger.begin() as session:
        retire_pipeline(session, "gone", at=NOON)
    assert [job["job_id"] for job in api.get("/status").json()["jobs"]] == ["a"]


def test_the_scheduler_is_stopped_while_the_daemon_is_dead(api: Api) -> None:
    api.launcher.alive = False
    assert api.get("/status").json()["status"] == "stopped"


@pytest.mark.parametrize("header", ["{etag}", "W/{etag}", '"other", {etag}', "*"])
def test_who_has_the_status_already_gets_304(api: Api, header: str) -> None:
    etag = api.get("/status").headers["ETag"]
    again = httpx.get(api.url + SYNC + "/status", headers={"If-None-Match": header.format(etag=etag)})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)


def test_a_change_changes_the_etag(api: Api) -> None:
    api.declare("a")
    before = api.get("/status").headers["ETag"]
    api.post("/jobs/a/pause")
    assert api.get("/status").headers["ETag"] != before


def test_many_who_ask_at_once_cost_one_query(api: Api) -> None:
    api.declare("a")
    api.get("/status")
    api.context.board.forget()
    api.statements.clear()
    api.launcher.looks = 0
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: api.get("/status").status_code, range(20)))
    # Twenty requests may take longer than one snapshot lives.
    assert set(answers) == {200}
    assert len(api.statements) == api.launcher.looks <= 3 / LOOK_S


def test_one_look_is_one_query(api: Api) -> None:
    api.declare("a", "b", "c")
    api.context.board.forget()
    api.statements.clear()
    api.get("/status")
    assert len(api.statements) == 1


def test_while_the_ledger_is_away_it_is_503_with_a_time_to_come_back(api: Api, server_url: str) -> None:
    take_away(api.ledger, server_url)
    answer = api.get("/status")
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["code"]) == (503, "5", "UNAVAILABLE")
