"""Trigger, pause and resume."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest

from supersync_core.domain.pipeline import DesiredState, PipelineKind
from supersync_core.services.audit import AuditFilter, list_audit
from supersync_core.services.pipelines import get_pipeline, retire_pipeline, set_desired_state
from tests.copies import copy_pipeline
from tests.dagster.api.table_sync.apis import NOON, SYNC, Api


def test_one_job_is_queued_and_launched(api: Api) -> None:
    api.declare("table_stats_sync", "other")
    answer = api.post("/trigger", {"job_id": "table_stats_sync"})
    assert (answer.status_code, answer.json()) == (
        200,
        {"success": True, "triggered_jobs": ["table_stats_sync"], "message": "Sync triggered successfully"},
    )
    assert api.launcher.launched == [("table_stats_sync", 1)]


@pytest.mark.parametrize("body", [{}, {"job_id": None}, None])
def test_without_a_job_id_all_jobs_are_queued(api: Api, body: Any) -> None:
    api.declare("b", "a")
    api.declare("other kind", kind=PipelineKind.CDC)
    assert api.post("/trigger", body).json()["triggered_jobs"] == ["a", "b"]
    assert sorted(key for key, _ in api.launcher.launched) == ["a", "b"]


def test_all_means_one_statement_for_any_number(api: Api) -> None:
    api.declare(*(f"job {number}" for number in range(30)))
    api.statements.clear()
    api.post("/trigger", {})
    assert sum("INTO supersync.executions" in statement for statement in api.statements) == 1


def test_every_execution_has_a_public_id_of_its_own(api: Api) -> None:
    api.declare("a", "b")
    api.post("/trigger", {})
    details = [api.get(f"/history/{entry['log_id']}").json() for entry in api.get("/history").json()["history"]]
    assert [entry["status"] for entry in details] == ["running", "running"]


def test_all_leaves_out_what_is_running_and_what_is_stopped(api: Api) -> None:
    api.declare("a", "b", "c")
    api.started("a")
    with api.ledger.begin() as session:
        set_desired_state(session, "b", DesiredState.STOPPED, at=NOON)
    assert api.post("/trigger", {}).json()["triggered_jobs"] == ["c"]


def test_all_with_everything_running_triggers_nothing(api: Api) -> None:
    api.declare("a")
    api.started("a")
    answer = api.post("/trigger", {})
    assert (answer.status_code, answer.json()["success"], answer.json()["triggered_jobs"]) == (200, True, [])


@pytest.mark.parametrize("live", ["queued", "started"])
def test_a_job_with_a_live_run_is_409(api: Api, live: str) -> None:
    api.declare("a")
    getattr(api, live)("a")
    answer = api.post("/trigger", {"job_id": "a"})
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
    assert api.launcher.launched == []


def test_an_unknown_job_is_404_with_the_nearest_names(api: Api) -> None:
    api.declare("table_stats_sync")
    answer = api.post("/trigger", {"job_id": "table_stat_sync"})
    assert answer.status_code == 404
    assert "table_stats_sync" in answer.json()["message"]


def test_a_retired_job_is_unknown(api: Api) -> None:
    api.declare("a")
    with api.ledger.begin() as session:
        retire_pipeline(session, "a", at=NOON)
    assert api.post("/trigger", {"job_id": "a"}).status_code == 404


def test_a_paused_job_runs_and_stays_paused(api: Api) -> None:
    api.declare("a")
    api.post("/jobs/a/pause")
    assert api.post("/trigger", {"job_id": "a"}).status_code == 200
    assert api.get("/status").json()["jobs"][0]["status"] == "paused"


@pytest.mark.parametrize("body", [{"job_id": "a"}, {}])
def test_with_the_daemon_dead_nothing_is_queued_and_it_says_what_to_do(api: Api, body: Any) -> None:
    api.declare("a")
    api.launcher.alive = False
    answer = api.post("/trigger", body)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert "dagster-daemon run" in answer.json()["message"]
    assert (api.get("/history").json()["total"], api.launcher.launched) == (0, [])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"jobid": "a"}', id="a misspelt key would mean all"),
        pytest.param(b'{"job_id": 5}', id="a number"),
        pytest.param(b'{"job_id": ""}', id="an empty name"),
        pytest.param(b'{"job_id": "a\\u0000"}', id="NUL"),
        pytest.param(b'{"job_id": "\\ud800"}', id="half a character"),
        pytest.param(b'{"job_id": "' + b"a" * 151 + b'"}', id="too long"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"{", id="not JSON"),
        pytest.param(b'"a"', id="a text"),
    ],
)
def test_a_wrong_body_triggers_nothing(api: Api, body: bytes) -> None:
    api.declare("a")
    headers = {"Content-Type": "application/json"}
    answer = httpx.post(api.url + SYNC + "/trigger", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION")
    assert api.launcher.launched == []


def test_a_body_that_is_no_text_is_400(api: Api) -> None:
    answer = httpx.post(api.url + SYNC + "/trigger", content=b"\xff", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")


def test_a_body_that_is_not_json_is_never_taken_for_an_empty_one(api: Api) -> None:
    api.declare("a")
    answer = httpx.post(api.url + SYNC + "/trigger", data={"job_id": "a"})
    assert (answer.status_code, api.launcher.launched) == (422, [])


def test_it_answers_within_300_ms_with_a_thousand_jobs(api: Api) -> None:
    api.declare("job 0")
    names = [f"job {number}" for number in range(1, 1000)]
    with api.ledger.begin() as session:
        copy_pipeline(session, get_pipeline(session, "job 0"), *names)
    api.launcher.known |= dict.fromkeys(names, api.launcher.known["job 0"])
    assert len(api.get("/status").json()["jobs"]) == 1000
    begun = time.perf_counter()
    api.post("/trigger", {"job_id": "job 7"})
    assert time.perf_counter() - begun < 0.3


def test_the_same_key_is_done_once_however_many_ask(api: Api) -> None:
    api.declare("a")

    def ask(_: int) -> tuple[int, str]:
        answer = api.post("/trigger", {"job_id": "a"}, Idempotency_Key="k-1")
        return answer.status_code, answer.text

    with ThreadPoolExecutor(50) as pool:
        answers = set(pool.map(ask, range(50)))
    assert len(answers) == 1 and next(iter(answers))[0] == 200
    assert len(api.launcher.launched) == 1


def test_the_same_key_gets_the_same_answer_when_the_run_has_ended(api: Api) -> None:
    api.declare("a")
    first = api.post("/trigger", {}, Idempotency_Key="k").json()
    api.delete("/history", older_than_days=0)
    assert api.post("/trigger", {}, Idempotency_Key="k").json() == first
    assert len(api.launcher.launched) == 1


def test_a_key_for_another_request_is_422(api: Api) -> None:
    api.declare("a")
    api.post("/trigger", {"job_id": "a"}, Idempotency_Key="k")
    answer = api.post("/trigger", {}, Idempotency_Key="k")
    assert (answer.status_code, len(api.launcher.launched)) == (422, 1)


def test_a_key_whose_request_failed_may_try_again(api: Api) -> None:
    api.declare("a")
    api.launcher.alive = False
    assert api.post("/trigger", {}, Idempotency_Key="k").status_code == 503
    api.launcher.alive = True
    assert api.post("/trigger", {}, Idempotency_Key="k").json()["triggered_jobs"] == ["a"]


def test_after_a_day_a_key_is_new(api: Api) -> None:
    api.declare("a", "b")
    api.post("/trigger", {"job_id": "a"}, Idempotency_Key="k")
    api.now = NOON + timedelta(hours=24, seconds=1)
    assert api.post("/trigger", {"job_id": "b"}, Idempotency_Key="k").status_code == 200


def test_another_caller_has_keys_of_its_own(api: Api) -> None:
    api.declare("a", "b")
    api.post("/trigger", {"job_id": "a"}, Idempotency_Key="k")
    api.identity = api.identity.__class__("somebody else", api.identity.role, "token")
    assert api.post("/trigger", {"job_id": "b"}, Idempotency_Key="k").status_code == 200


@pytest.mark.parametrize("key", ["", "a b", "k" * 256])
def test_a_key_that_cannot_be_kept_is_422(api: Api, key: str) -> None:
    assert api.post("/trigger", {}, Idempotency_Key=key).status_code == 422


def test_pause_stops_the_schedule_and_resume_starts_it(api: Api) -> None:
    api.declare("a")
    paused, resumed = api.post("/jobs/a/pause").json(), api.post("/jobs/A/resume").json()
    assert paused == {"success": True, "job_id": "a", "status": "paused", "next_run": None}
    assert resumed == {"success": True, "job_id": "a", "status": "active", "next_run": "2026-11-22T11:59:00.000Z"}
    assert api.launcher.switched == [("a", False), ("a", True)]


def test_a_pause_shows_at_once(api: Api) -> None:
    api.declare("a")
    api.get("/status")
    api.post("/jobs/a/pause")
    (job,) = api.get("/status").json()["jobs"]
    assert (job["status"], job["next_run"]) == ("paused", None)


def test_what_an_interval_missed_during_a_pause_is_not_made_up_for(api: Api) -> None:
    api.declare("a", every_s=420)
    api.post("/jobs/a/pause")
    api.now = NOON + timedelta(hours=1)
    assert api.post("/jobs/a/resume").json()["next_run"] == "2026-11-22T13:03:00.000Z"


def test_names_with_slashes_and_other_signs_can_be_paused(api: Api) -> None:
    api.declare("Ünïcode / weekly?")
    answer = api.post("/jobs/%C3%9Cn%C3%AFcode%20%2F%20weekly%3F/pause")
    assert (answer.status_code, answer.json()["job_id"]) == (200, "Ünïcode / weekly?")


@pytest.mark.parametrize(("job_id", "status"), [("b", 404), ("a%00", 422), ("a" * 151, 422)])
@pytest.mark.parametrize("action", ["pause", "resume"])
def test_a_job_that_is_not_there_cannot_be_switched(api: Api, job_id: str, status: int, action: str) -> None:
    api.declare("a")
    assert api.post(f"/jobs/{job_id}/{action}").status_code == status


def test_every_change_leaves_an_entry_in_the_audit(api: Api) -> None:
    api.declare("a")
    api.post("/trigger", {"job_id": "a"})
    api.post("/jobs/a/pause")
    api.post("/jobs/a/resume")
    api.delete("/history", older_than_days=3)
    with api.ledger.begin() as session:
        entries, _ = list_audit(session, AuditFilter(), 10)
    assert [(entry.action, entry.target, entry.result) for entry in reversed(entries)] == [
        ("sync.trigger", "a", 200),
        ("sync.pause", "a", 200),
        ("sync.resume", "a", 200),
        ("sync.purge", "older than 3 days: 0", 200),
    ]


def test_a_request_that_is_refused_changes_and_records_nothing(api: Api) -> None:
    api.declare("a")
    api.started("a")
    api.post("/trigger", {"job_id": "a"})
    with api.ledger.begin() as session:
        assert list_audit(session, AuditFilter(), 10)[0] == []
