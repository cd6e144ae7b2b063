"""The document's promises, over HTTP."""

import threading
from typing import Any

import httpx
import pytest

from tests.acceptance.console import until
from tests.dagster.api.historical_sync.apis import AGENCY, HOMELESS, OTHER, RIVAL, STRANGER, Api, bearer, csv_of

STATUS = ["/functions/v1/get-sync-status", "/get-sync-status"]
ACTIVE_KEYS = [
    *("id", "status", "date_from", "date_to", "total_calls", "processed_calls", "imported_calls", "skipped_calls"),
    *("failed_calls", "progress_percent", "started_at", "last_activity_at"),
]
RECENT_KEYS = [*ACTIVE_KEYS[:9], "created_at"]


@pytest.mark.parametrize("path", STATUS)
def test_without_any_job_there_is_none(api: Api, path: str) -> None:
    answer = api.client.get(path, headers=bearer())
    assert (answer.status_code, answer.json()) == (200, {"active": False, "recent_job": None})
    assert answer.headers["content-type"] == "application/json"


def test_an_import_is_seen_from_its_start_to_its_end(api: Api) -> None:
    api.write("a.csv", csv_of(100) + "broken\n")
    api.launcher.held = True
    started = api.start()
    assert (started["status"], started["total_calls"], started["progress_percent"]) == ("pending", None, None)
    waiting = api.status()
    assert (waiting["active"], list(waiting["job"]), waiting["job"]["id"]) == (True, ACTIVE_KEYS, started["id"])
    api.launcher.held = False
    api.launcher.launch_soon(*api.launcher.launched.pop())
    ended = api.ended()
    assert list(ended) == RECENT_KEYS
    assert ended == {
        "id": started["id"],
        "status": "completed",
        "date_from": "2025-01-01T00:00:00Z",
        "date_to": "2025-02-01T00:00:00Z",
        "total_calls": 101,
        "processed_calls": 101,
        "imported_calls": 100,
        "skipped_calls": 0,
        "failed_calls": 1,
        "created_at": ended["created_at"],
    }
    assert api.imported() == sorted((str(AGENCY), f"c{number}") for number in range(100))


def test_what_is_there_already_is_skipped(api: Api) -> None:
    api.write("a.csv", csv_of(10))
    api.sync()
    api.write("a.csv", csv_of(12))
    job = api.sync()
    assert (job["imported_calls"], job["skipped_calls"]) == (2, 10)


@pytest.mark.parametrize(
    ("total", "processed", "expected"), [(1500, 750, 50), (8, 1, 13), (200, 1, 1), (0, 0, None), (None, 7, None)]
)
def test_progress_is_rounded_half_up_and_null_where_nobody_knows(
    api: Api, total: int | None, processed: int, expected: int | None
) -> None:
    api.launcher.held = True
    api.start()
    counts = {"total": total, "processed": processed}
    api.change(
        "update supersync.historical_sync_jobs set total_calls = :total, processed_calls = :processed,"
        " imported_calls = :processed, status = 'in_progress'",
        **counts,
    )
    assert api.status()["job"]["progress_percent"] == expected


@pytest.mark.parametrize("name", ["get-sync-status", "start-historical-sync", "cancel-historical-sync"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused_before_the_token_is_looked_at(api: Api, method: str, name: str) -> None:
    answer = api.client.request(method, f"/functions/v1/{name}")
    right = "GET" if name == "get-sync-status" else "POST"
    if method == "OPTIONS":
        assert (answer.status_code, answer.content) == (204, b"")
    elif method == right:
        expected = {"error": "Missing or invalid Authorization header"}
        assert (answer.status_code, answer.json()) == (401, expected)
    else:
        assert (answer.status_code, answer.json()) == (405, {"error": "Method not allowed"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-headers"] == "authorization, x-client-info, apikey, content-type"
    assert answer.headers["access-control-allow-methods"] == f"{right}, OPTIONS"


@pytest.mark.parametrize("user", [STRANGER, HOMELESS])
def test_who_has_no_agency_is_refused(api: Api, user: Any) -> None:
    answer = api.call("GET", "get-sync-status", user)
    assert (answer.status_code, answer.json()) == (403, {"error": "User is not associated with an agency"})


def test_an_error_of_ours_says_nothing_of_it(api: Api) -> None:
    api.change("alter table supersync.historical_sync_jobs rename column created_at to made_at")
    answer = api.call("GET", "get-sync-status")
    assert (answer.status_code, answer.json()) == (500, {"error": "Internal server error"})
    assert answer.headers["access-control-allow-origin"] == "*"


WRONG = [
    {},
    {"date_from": "2025-01-01"},
    {"date_from": "2025-02-01", "date_to": "2025-01-01"},
    {"date_from": "2025-01-01", "date_to": "2025-01-01"},
    {"date_from": "yesterday", "date_to": "2025-01-01"},
    {"date_from": 1, "date_to": 2},
    {"date_from": "0001-01-01", "date_to": "9999-12-31"},
    {"date_from": "2025-01-01", "date_to": "2025-02-01", "since": 1},
    [],
    None,
]


@pytest.mark.parametrize("body", WRONG, ids=str)
def test_a_range_that_is_none_is_refused(api: Api, body: Any) -> None:
    answer = api.call("POST", "start-historical-sync", json=body)
    assert answer.status_code == 400, answer.text
    assert set(answer.json()) == {"error"}
    assert api.status() == {"active": False, "recent_job": None}


def test_of_many_starts_at_once_one_wins(api: Api) -> None:
    api.launcher.held = True
    answers: list[httpx.Response] = []

    def start() -> None:
        body = {"date_from": "2025-01-01", "date_to": "2025-02-01"}
        answers.append(api.call("POST", "start-historical-sync", json=body))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    (won,) = [answer.json()["job"]["id"] for answer in answers if answer.status_code == 201]
    lost = [answer.json() for answer in answers if answer.status_code == 409]
    assert {(body["error"], body["job"]["id"]) for body in lost} == {("A sync is already in progress", won)}


def test_cancelling_what_waits_and_what_there_is_not(api: Api) -> None:
    assert api.call("POST", "cancel-historical-sync").status_code == 404
    api.launcher.held = True
    job = api.start()
    assert api.call("POST", "cancel-historical-sync", json={"job_id": str(AGENCY)}).status_code == 404
    answer = api.call("POST", "cancel-historical-sync", json={"job_id": job["id"]})
    assert (answer.status_code, answer.json()["job"]["status"]) == (200, "cancelled")
    assert api.status()["recent_job"]["status"] == "cancelled"
    assert api.call("POST", "cancel-historical-sync").status_code == 404


def test_an_agency_sees_only_its_own(api: Api) -> None:
    api.write("a.csv", csv_of(3))
    api.write("a.csv", csv_of(5), OTHER)
    job = api.sync()
    assert api.status(RIVAL) == {"active": False, "recent_job": None}
    for name in ("cancel-historical-sync", "retry-failed-calls"):
        assert api.call("POST", name, RIVAL, json={"job_id": job["id"]}).status_code == 404
    assert api.call("GET", "get-failed-calls", RIVAL, params={"job_id": job["id"]}).status_code == 404
    assert api.sync(RIVAL)["imported_calls"] == 5
    assert [agency for agency, _ in api.imported()] == [str(AGENCY)] * 3 + [str(OTHER)] * 5


def test_failed_records_are_kept_and_tried_again(api: Api) -> None:
    api.write(
        "a.jsonl", '{"call_id": "c1", "started_at": "yesterday"}\nno json\n{"Id": "c2", "started_at": 1735725600}\n'
    )
    job = api.sync()
    failed = api.call("GET", "get-failed-calls").json()
    assert failed["job_id"] == job["id"]
    assert [one["source"] for one in failed["failed_calls"]] == ["a.jsonl:1", "a.jsonl:2", "a.jsonl:3"]
    assert failed["failed_calls"][0]["error"] == "started_at is no time: 'yesterday'"
    files = api.launcher.connections["files"]
    api.launcher.connections["files"] = files.model_copy(update={"columns": {"call_id": "Id"}})
    answer = api.call("POST", "retry-failed-calls")
    assert answer.status_code == 201, answer.text
    again = api.ended()
    assert [again[name] for name in ("id", "imported_calls", "failed_calls")] == [answer.json()["job"]["id"], 1, 2]
    assert api.call("GET", "get-failed-calls", params={"job_id": job["id"]}).json()["failed_calls"] == []


def test_a_folder_that_is_not_there_fails_the_job(api: Api) -> None:
    assert api.sync()["status"] == "failed"
    until(lambda: not api.status()["active"])
