"""`/api/sync`: start, status, history, cancel, schedules, and the error document."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from supersync_core.errors import AccessDenied, PlatformError, RateLimited, Unavailable
from tests.acceptance.console import until
from tests.core.services.channel_sync.conftest import said
from tests.dagster.api.channel_sync.apis import Api

REPORTED = "The deploy of the billing service takes forty minutes on Fridays."


def test_a_sync_is_started_and_completes(api: Api) -> None:
    api.chat.messages += [said(number, REPORTED) for number in range(3)]
    answer = api.post("/api/sync", channel_id="C1")
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"status", "job_id", "channel_id", "estimated_messages", "started_at"}
    assert (body["status"], body["channel_id"], body["estimated_messages"]) == ("started", "C1", 3)
    done = until(lambda: api.status()["status"] == "completed" and api.status(), 20)
    expected = {"total_messages": 3, "processed_messages": 3, "failing_messages": 0, "percentage": 100}
    assert done["progress"] == {**expected, "stage_progress": 100}
    assert (done["job_id"], done["current_stage"], done["error"]) == (body["job_id"], "generating_wiki", None)


def test_history_has_what_a_sync_made(api: Api) -> None:
    api.chat.messages += [said(number, REPORTED) for number in range(3)]
    api.sync()
    api.sync()
    last, first = api.get("/api/sync/history", channel_id="C1")["history"]
    assert first | {"started_at": 0, "completed_at": 0, "duration_seconds": 0, "entities_created": 0} == {
        "job_id": "sync_1",
        "channel_id": "C1",
        "status": "completed",
        "started_at": 0,
        "completed_at": 0,
        "duration_seconds": 0,
        "messages_synced": 3,
        "facts_extracted": 3,
        "entities_created": 0,
        "error": None,
    }
    assert (last["messages_synced"], last["facts_extracted"]) == (0, 0)
    assert len(api.get("/api/sync/history", channel_id="C1", limit=1)["history"]) == 1


def test_force_reads_everything_again(api: Api) -> None:
    api.chat.messages += [said(number, REPORTED) for number in range(3)]
    api.sync()
    assert api.sync()["progress"]["processed_messages"] == 0
    assert api.sync(force=True)["progress"]["processed_messages"] == 3


def test_a_second_start_is_refused_while_one_is_live(api: Api) -> None:
    api.launcher.held = True
    api.start()
    answer = api.post("/api/sync", channel_id="C1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "SYNC_IN_PROGRESS")


def test_a_key_that_comes_again_starts_nothing(api: Api) -> None:
    bodies = [
        api.client.post("/api/sync", json={"channel_id": "C1"}, headers={"Idempotency-Key": "k"}).json()
        for _ in range(2)
    ]
    assert bodies[0] == bodies[1]
    assert len(api.launcher.launched) == 1


def test_a_queued_job_is_cancelled_at_once(api: Api) -> None:
    api.launcher.held = True
    job = api.start()
    body = api.post("/api/sync/cancel", job_id=job).json()
    assert (body["status"], body["job_id"]) == ("cancelled", job)
    assert api.status()["status"] == "cancelled"


def test_a_job_that_has_ended_cannot_be_cancelled(api: Api) -> None:
    job = api.sync()["job_id"]
    answer = api.post("/api/sync/cancel", job_id=job)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "JOB_NOT_RUNNING")


@pytest.mark.parametrize(
    ("failure", "code", "retry_after"),
    [
        pytest.param(Unavailable("the connection was lost"), "PLATFORM_ERROR", 60, id="not reached"),
        pytest.param(PlatformError("it says 500", retry_after=7), "PLATFORM_ERROR", 7, id="broken"),
        pytest.param(RateLimited("rate limit exceeded", retry_after=30), "RATE_LIMIT", 30, id="too many questions"),
        pytest.param(AccessDenied("the token was revoked"), "AUTH_ERROR", None, id="refused"),
        pytest.param(ZeroDivisionError("a bug"), "INTERNAL_ERROR", None, id="a bug of ours"),
    ],
)
def test_a_failed_job_says_why(api: Api, failure: Exception, code: str, retry_after: int | None) -> None:
    api.chat.messages.append(said(1, REPORTED))
    api.chat.failure, api.chat.failing_at = failure, "m1"  # type: ignore[assignment]
    done = api.sync()
    assert done["status"] == "failed"
    assert (done["error"]["code"], done["error"]["details"]["retry_after"]) == (code, retry_after)
    assert str(failure) in done["error"]["message"]
    assert api.get("/api/sync/history", channel_id="C1")["history"][0]["error"] == done["error"]


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        pytest.param("POST", "", {"json": {"channel_id": "C9"}}, 404, "CHANNEL_NOT_FOUND", id="unknown channel"),
        pytest.param("POST", "", {"json": {}}, 422, "VALIDATION_ERROR", id="no channel"),
        pytest.param("POST", "", {"json": {"channel_id": 5}}, 422, "VALIDATION_ERROR", id="a number"),
        pytest.param("POST", "", {"json": {"channel_id": "C1", "x": 1}}, 422, "VALIDATION_ERROR", id="unknown key"),
        pytest.param("POST", "", {"json": {"channel_id": "C1", "force": "yes"}}, 422, "VALIDATION_ERROR", id="a text"),
        pytest.param("POST", "", {"content": b"{"}, 422, "VALIDATION_ERROR", id="no JSON"),
        pytest.param("GET", "", {}, 405, "METHOD_NOT_ALLOWED", id="wrong method"),
        pytest.param("GET", "/status", {}, 422, "VALIDATION_ERROR", id="status of nothing"),
        pytest.param("GET", "/status?channel_id=C1", {}, 404, "CHANNEL_NOT_FOUND", id="never synced"),
        pytest.param("GET", "/history?channel_id=C1&limit=0", {}, 422, "VALIDATION_ERROR", id="no entries"),
        pytest.param("POST", "/cancel", {"json": {"job_id": "sync_9"}}, 404, "JOB_NOT_FOUND", id="unknown job"),
        pytest.param("POST", "/cancel", {"json": {"job_id": "9"}}, 404, "JOB_NOT_FOUND", id="no job"),
        pytest.param("GET", "/nothing", {}, 404, "NOT_FOUND", id="no such path"),
    ],
)
def test_a_mistake_is_answered_with_the_error_document(  # noqa: PLR0913  # the cells of a row
    api: Api, method: str, path: str, options: dict[str, object], status: int, code: str
) -> None:
    answer = api.client.request(method, f"/api/sync{path}", **options)  # type: ignore[arg-type]
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"status", "job_id", "error"}
    assert (body["status"], body["error"]["code"]) == ("failed", code)
    assert set(body["error"]) == {"code", "message", "details"}


def test_a_platform_that_cannot_be_asked_is_its_own_error(api: Api) -> None:
    api.chat.unlisted = RateLimited("rate limit exceeded", retry_after=9)
    answer = api.post("/api/sync", channel_id="C9")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "9")
    assert answer.json()["error"]["code"] == "RATE_LIMIT"
    assert answer.json()["error"]["details"]["retry_after"] == 9


def test_a_schedule_is_set_shown_and_switched_off(api: Api) -> None:
    answer = api.client.put("/api/sync/schedules", json={"channel_id": "C1", "schedule": "0 */2 * * *"})
    assert answer.status_code == 200, answer.text
    entry = answer.json()
    assert (entry["schedule"], entry["enabled"], entry["last_sync"]) == ("0 */2 * * *", True, None)
    assert entry["next_sync"].endswith(":00:00Z")
    assert api.get("/api/sync/schedules") == {"schedules": [entry]}
    off = api.client.put("/api/sync/schedules", json={"channel_id": "C1", "enabled": False}).json()
    assert (off["schedule"], off["enabled"], off["next_sync"]) == ("0 */2 * * *", False, None)
    assert api.launcher.reloads == 1


@pytest.mark.parametrize("cron", ["* * * *", "0 0 */2 * * *", "61 * * * *", "@daily", "", "0 0 31 2 *"])
def test_a_schedule_has_five_fields(api: Api, cron: str) -> None:
    answer = api.client.put("/api/sync/schedules", json={"channel_id": "C1", "schedule": cron})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert api.get("/api/sync/schedules") == {"schedules": []}


def test_of_many_starts_at_once_one_wins(api: Api) -> None:
    api.launcher.held = True
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.post("/api/sync", channel_id="C1"), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 7]
    assert {answer.json()["error"]["code"] for answer in answers if answer.status_code == 409} == {"SYNC_IN_PROGRESS"}
    assert len(api.launcher.launched) == 1


def test_nothing_is_queued_while_nobody_would_start_it(api: Api) -> None:
    api.launcher.alive = False
    answer = api.post("/api/sync", channel_id="C1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "INTERNAL_ERROR")
    assert answer.json()["error"]["details"]["retry_after"] == int(answer.headers["Retry-After"])
    assert api.client.get("/api/sync/status", params={"channel_id": "C1"}).status_code == 404
