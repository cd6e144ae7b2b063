"""The historical sync document against a running server, with Dagster, and with a client that users have."""

import os
import signal
import uuid
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text
from supabase import ClientOptions, create_client
from supabase_functions.errors import FunctionsHttpError

from tests.acceptance.console import until
from tests.conformance.api import supabase_js
from tests.conformance.api.site import Site
from tests.core.engines.tables import query
from tests.dagster.api.historical_sync.apis import bearer, csv_of

FUNCTIONS = "/functions/v1"
RANGE = {"date_from": "2025-01-01", "date_to": "2025-02-01"}


@pytest.fixture
def user(site: Site) -> tuple[uuid.UUID, uuid.UUID]:
    """Somebody of a new agency, and the agency."""
    user, agency = uuid.uuid4(), uuid.uuid4()
    engine = create_engine(site.database_url)
    with engine.begin() as connection:
        row = {"user": user, "agency": agency}
        connection.execute(text("insert into supersync.users values (:user, :agency)"), row)
    engine.dispose()
    folder = site.directory / "calls" / str(agency)
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text(csv_of(1000) + "broken\n")
    return user, agency


def status(client: httpx.Client, user: uuid.UUID) -> Any:
    answer = client.get(f"{FUNCTIONS}/get-sync-status", headers=bearer(user))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_import_runs_in_dagster_and_is_seen_until_its_end(
    client: httpx.Client, site: Site, user: tuple[uuid.UUID, uuid.UUID]
) -> None:
    who, agency = user
    assert status(client, who) == {"active": False, "recent_job": None}
    answer = client.post(f"{FUNCTIONS}/start-historical-sync", json=RANGE, headers=bearer(who))
    assert answer.status_code == 201, answer.text
    job = answer.json()["job"]
    again = client.post(f"{FUNCTIONS}/start-historical-sync", json=RANGE, headers=bearer(who))
    assert (again.status_code, again.json()["job"]["id"]) == (409, job["id"])
    done = until(lambda: (found := status(client, who)) and not found["active"] and found["recent_job"], 90)
    assert (done["id"], done["status"]) == (job["id"], "completed")
    assert [done[f"{name}_calls"] for name in ("total", "imported", "skipped", "failed")] == [1001, 1000, 0, 1]
    assert query(site.analytics, f"select count(*) from calls where agency_id = '{agency}'") == [(1000,)]
    page = client.get(f"/supersync/pipelines/calls_x20_{str(agency).replace('-', '_x2d_')}")
    assert page.status_code == 200
    assert "calls" in page.text


def test_an_import_whose_process_is_killed_is_finished_by_another_run(
    client: httpx.Client, site: Site, user: tuple[uuid.UUID, uuid.UUID]
) -> None:
    who, agency = user
    (site.directory / "calls" / str(agency) / "b.csv").write_text(csv_of(300_000, "k"))
    job = client.post(f"{FUNCTIONS}/start-historical-sync", json=RANGE, headers=bearer(who)).json()["job"]
    until(lambda: status(client, who)["job"]["processed_calls"] > 1001, 90)
    engine = create_engine(site.database_url)
    with engine.begin() as connection:
        owner = connection.scalar(
            text(
                "select lease_owner from supersync.executions e join supersync.historical_sync_jobs j"
                " on j.execution_id = e.id where j.id = :job"
            ),
            {"job": job["id"]},
        )
    engine.dispose()
    os.kill(int(owner.split(":")[1]), signal.SIGKILL)
    done = until(lambda: (found := status(client, who)) and not found["active"] and found["recent_job"], 120)
    assert (done["id"], done["status"]) == (job["id"], "completed")
    assert [done[f"{name}_calls"] for name in ("total", "imported", "skipped", "failed")] == [301_001, 301_000, 0, 1]
    assert query(site.analytics, f"select count(*) from calls where agency_id = '{agency}'") == [(301_000,)]


def test_a_page_of_another_origin_may_ask(client: httpx.Client, user: tuple[uuid.UUID, uuid.UUID]) -> None:
    headers = {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site", **bearer(user[0])}
    answer = client.post(f"{FUNCTIONS}/cancel-historical-sync", headers=headers)
    assert (answer.status_code, answer.json()) == (404, {"error": "no sync is in progress"})
    assert answer.headers["access-control-allow-origin"] == "*"


def test_a_token_of_ours_is_none_there(closed_site: Site) -> None:
    with closed_site.client() as client:
        answer = client.get(f"{FUNCTIONS}/get-sync-status")
    assert (answer.status_code, answer.json()) == (401, {"error": "Invalid or expired token"})


def test_the_python_client_of_supabase_invokes_the_function(
    site: Site, client: httpx.Client, user: tuple[uuid.UUID, uuid.UUID]
) -> None:
    token = bearer(user[0])["Authorization"].removeprefix("Bearer ")
    options = ClientOptions(headers={"Authorization": f"Bearer {token}"})
    supabase = create_client(site.url, "sb_publishable_anything", options)
    found = supabase.functions.invoke("get-sync-status", {"method": "GET", "responseType": "json"})
    assert found == {"active": False, "recent_job": None}
    with pytest.raises(FunctionsHttpError, match="Method not allowed"):
        supabase.functions.invoke("get-sync-status", {"responseType": "json"})


def test_the_javascript_client_of_supabase_invokes_the_function(
    site: Site, client: httpx.Client, user: tuple[uuid.UUID, uuid.UUID]
) -> None:
    token = bearer(user[0])["Authorization"].removeprefix("Bearer ")
    assert supabase_js.invoke(site.url, token, "get-sync-status", "GET") == {
        "data": {"active": False, "recent_job": None},
        "refused": None,
    }


@pytest.mark.parametrize(
    ("token", "method", "status", "said"),
    [
        pytest.param(None, "POST", 405, "Method not allowed", id="another method"),
        pytest.param("a.b.c", "GET", 401, "Invalid or expired token", id="no token of theirs"),
    ],
)
def test_the_javascript_client_of_supabase_shows_why_it_was_refused(  # noqa: PLR0913
    site: Site, user: tuple[uuid.UUID, uuid.UUID], token: str | None, method: str, status: int, said: str
) -> None:
    token = token or bearer(user[0])["Authorization"].removeprefix("Bearer ")
    found = supabase_js.invoke(site.url, token, "get-sync-status", method)
    assert found["refused"] == {"name": "FunctionsHttpError", "status": status, "body": {"error": said}}


def test_there_is_a_document_of_the_functions(client: httpx.Client) -> None:
    document = client.get("/api/openapi/historical_sync.json").json()
    assert f"{FUNCTIONS}/get-sync-status" in document["paths"]
    shown = document["paths"][f"{FUNCTIONS}/get-sync-status"]["get"]["responses"]["200"]
    assert set(shown["content"]["application/json"]["examples"]) == {"active", "recent", "never"}
