"""The channel sync document over HTTP, with a Slack export, against a running `supersync dev` that asks for tokens."""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from supersync_core.clock import utcnow
from tests.acceptance.console import until
from tests.conformance.api.site import MESSAGES, Site

ENDED = ("completed", "failed", "cancelled")


@pytest.fixture
def client(closed_site: Site) -> Iterator[httpx.Client]:
    with closed_site.client() as client:
        yield client


@pytest.fixture(scope="module", autouse=True)
def scheduled_at(closed_site: Site) -> datetime:
    """When a channel got a schedule. Its tick comes while the other tests run."""
    body = {"channel_id": "C00005", "schedule": "* * * * *", "enabled": True}
    with closed_site.client() as client:
        answer = client.put("/api/sync/schedules", json=body)
    assert answer.status_code == 200, answer.text
    return utcnow()


def start(client: httpx.Client, channel_id: str, **body: Any) -> str:
    """Start a sync; its job."""
    answer = client.post("/api/sync", json={"channel_id": channel_id, **body})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["job_id"])


def ended(client: httpx.Client, channel_id: str, job: str) -> Any:
    """How the job stands once it has ended."""

    def look() -> Any:
        found = client.get("/api/sync/status", params={"channel_id": channel_id, "job_id": job}).json()
        return found if found["status"] in ENDED else None

    return until(look, 90)


def test_a_channel_that_nobody_declared_is_synced_before_dagster_has_loaded_it(client: httpx.Client) -> None:
    answer = client.post("/api/sync", json={"channel_id": "C00002", "force": False})
    body = answer.json()
    assert (answer.status_code, body["status"], body["estimated_messages"]) == (200, "started", MESSAGES)
    done = ended(client, "C00002", body["job_id"])
    assert (done["status"], done["error"]) == ("completed", None)
    assert done["progress"]["processed_messages"] == MESSAGES
    assert done["progress"]["percentage"] == 100
    (entry,) = client.get("/api/sync/history", params={"channel_id": "C00002"}).json()["history"]
    assert entry["facts_extracted"] > 50 and entry["entities_created"] > 5
    channels = {one["channel_id"]: one for one in client.get("/api/channels").json()["channels"]}
    assert (channels["C00002"]["name"], channels["C00002"]["last_status"]) == ("engineering", "completed")
    page = client.get(f"/api/wiki/{channels['C00002']['wiki']}").json()
    assert page["citations"] and page["html"].startswith("<h1>#engineering</h1>")


def test_the_stages_come_in_their_order(client: httpx.Client) -> None:
    job, seen = start(client, "C00003"), list[str | None]()
    while True:
        now = client.get("/api/sync/status", params={"channel_id": "C00003", "job_id": job}).json()
        if now["current_stage"] not in seen:
            seen.append(now["current_stage"])
        if now["status"] in ENDED:
            break
    order = [None, "fetching_messages", "extracting_facts", "building_graph", "generating_wiki"]
    assert now["status"] == "completed"
    assert [stage for stage in order if stage in seen] == seen and seen[-1] == "generating_wiki"


def test_a_second_sync_finds_nothing_new_and_force_reads_all(client: httpx.Client) -> None:
    ended(client, "C00001", start(client, "C00001"))
    again = ended(client, "C00001", start(client, "C00001"))
    assert (again["progress"]["processed_messages"], again["progress"]["percentage"]) == (0, 100)
    forced = ended(client, "C00001", start(client, "C00001", force=True))
    assert forced["progress"]["processed_messages"] == MESSAGES
    entry = client.get("/api/sync/history", params={"channel_id": "C00001", "limit": 1}).json()["history"][0]
    assert (entry["facts_extracted"], entry["entities_created"]) == (0, 0)


def test_a_cancel_takes_effect_within_two_seconds(client: httpx.Client) -> None:
    job = start(client, "C00004")
    begun = time.monotonic()
    answer = client.post("/api/sync/cancel", json={"job_id": job})
    if answer.status_code == 409:
        assert answer.json()["error"]["code"] == "JOB_NOT_RUNNING"  # it was faster
        return
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert ended(client, "C00004", job)["status"] == "cancelled"
    assert time.monotonic() - begun < 4
    assert ended(client, "C00004", start(client, "C00004"))["status"] == "completed"


def test_a_channel_whose_export_is_gone_fails_with_its_code(client: httpx.Client) -> None:
    answer = client.post("/api/sync", json={"channel_id": "C77777"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "CHANNEL_NOT_FOUND")


def test_the_graph_of_assets_has_a_partition_for_each_channel(closed_site: Site) -> None:
    query = "query { assetNodes { assetKey { path } partitionKeys } }"

    def shown() -> Any:
        nodes = {"/".join(one["assetKey"]["path"]): one for one in closed_site.graphql(query)["assetNodes"]}
        wiki = nodes.get("channel_sync/wiki")
        return wiki is not None and {"c00001", "c00002"} <= set(wiki["partitionKeys"])

    assert until(shown, 60)


def test_a_schedule_is_live_at_its_next_tick(client: httpx.Client, scheduled_at: datetime) -> None:
    schedules = {one["channel_id"]: one for one in client.get("/api/sync/schedules").json()["schedules"]}
    assert schedules["C00001"]["schedule"] == "0 */4 * * *"
    assert (schedules["C00005"]["schedule"], schedules["C00005"]["enabled"]) == ("* * * * *", True)

    def ticked() -> Any:
        found = client.get("/api/sync/history", params={"channel_id": "C00005", "limit": 1}).json()["history"]
        return [e for e in found if e["started_at"] >= scheduled_at.isoformat()[:19] and e["status"] == "completed"]

    assert until(ticked, 135)
    off = client.put("/api/sync/schedules", json={"channel_id": "C00005", "enabled": False}).json()
    assert (off["schedule"], off["enabled"], off["next_sync"]) == ("* * * * *", False, None)
