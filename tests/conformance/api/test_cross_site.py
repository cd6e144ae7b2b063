"""What a page of a stranger, or a link, can make somebody's browser ask for, changes nothing: a running server's state
is the same before and after, with authentication off and on, and the same requests from our own page do change it."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from sqlalchemy import create_engine, text
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from supersync_dagster.api.openlineage import START as RUN_EVENT
from tests.acceptance.console import until
from tests.conformance.api.site import DOCUMENTED, TOKENS, Site

JOB = "table_stats_sync"
EVIL = "http://evil.example"
SELECTOR = {"repositoryName": "__repository__", "repositoryLocationName": "supersync"}

LAUNCH = """mutation Launch { launchRun(executionParams: {selector: {repositoryName: "__repository__",
 repositoryLocationName: "supersync", jobName: "sync__table_stats_sync"}}) { __typename } }"""
REPORT = """mutation { reportRunlessAssetEvents(eventParams: {eventType: ASSET_MATERIALIZATION,
 assetKey: {path: ["forged"]}}) { __typename } }"""
WIPE = """mutation { wipeAssets(assetPartitionRanges: [{assetKey: {path: ["forged"]}}]) { __typename } }"""


@dataclass(frozen=True)
class Target:
    """Something that changes the state."""

    name: str
    method: str
    path: str
    body: Any = None

    def __str__(self) -> str:
        return self.name


TARGETS = [
    Target("trigger", "POST", "/api/v1/sync/trigger", {"job_id": JOB}),
    Target("trigger all", "POST", "/api/v1/sync/trigger", {}),
    Target("resume", "POST", f"/api/v1/sync/jobs/{JOB}/resume"),
    Target("purge", "DELETE", "/api/v1/sync/history?older_than_days=0"),
    Target("report a pipeline", "POST", "/pipeline", {"name": "forged", "pipeline_type_name": "forged"}),
    Target("change a pipeline", "PATCH", "/pipeline", {"id": 1, "mute_freshness_check": True}),
    Target("start", "POST", "/start_pipeline_execution", {"pipeline_id": 1}),
    Target("end", "POST", "/end_pipeline_execution", {"id": 1, "end_date": "2024-01-01"}),
    Target("address", "POST", "/address", {"name": "f", "address_type_name": "f", "address_type_group_name": "f"}),
    Target("lineage", "POST", "/address_lineage", {"pipeline_id": 1, "source_addresses": [], "target_addresses": []}),
    Target("rule", "POST", "/anomaly_detection_rule", {"pipeline_id": 1, "metric_field": "inserts"}),
    Target("ask for a check", "POST", "/freshness"),
    Target("clean up", "POST", "/log_cleanup", {"retention_days": 90}),
    Target("delete", "DELETE", "/pipeline/1"),
    Target("resolve", "POST", "/api/v1/incidents/1/resolve", {}),
    Target("button", "POST", f"/supersync/pipelines/{JOB}/actions", {"action": "trigger"}),
    Target("launch", "POST", "/graphql", {"query": LAUNCH}),
    Target("report by GraphQL", "POST", "/graphql", {"query": REPORT}),
    Target("report", "POST", "/report_asset_materialization/forged", {}),
    Target("check", "POST", "/report_asset_check/forged?check_name=a&passed=true", {}),
    Target("observation", "POST", "/report_asset_observation/forged", {}),
    Target("lineage", "POST", "/api/v1/lineage", RUN_EVENT),
    Target("start an import", "POST", "/functions/v1/start-historical-sync", {"date_from": "2025-01-01"}),
    Target("cancel an import", "POST", "/cancel-historical-sync"),
]

Vector = tuple[str, dict[str, str], str]
"""Name, headers, and how the body is written."""
VECTORS: list[Vector] = [
    ("a form of a browser that says nothing", {}, "form"),
    ("a form with files", {}, "multipart"),
    ("plain text", {"Content-Type": "text/plain"}, "json"),
    ("plain text that mentions JSON", {"Content-Type": "text/plain;application/json"}, "json"),
    ("a form of a stranger", {"Origin": EVIL}, "form"),
    ("JSON of a stranger", {"Origin": EVIL, "Content-Type": "application/json"}, "json"),
    ("a sandboxed page", {"Origin": "null", "Content-Type": "application/json"}, "json"),
    ("a page on another port", {"Origin": "http://127.0.0.1:1", "Content-Type": "application/json"}, "json"),
    ("fetch metadata", {"Sec-Fetch-Site": "cross-site", "Content-Type": "application/json"}, "json"),
    ("a neighbour", {"Sec-Fetch-Site": "same-site", "Content-Type": "application/json"}, "json"),
    ("no body of a stranger", {"Origin": EVIL}, "none"),
    ("a name that points here", {"Host": "evil.example", "Content-Type": "application/json"}, "json"),
    ("its own page there", {"Host": "evil.example", "Origin": EVIL, "Content-Type": "application/json"}, "json"),
]


@contextmanager
def quiet(site: Site) -> Iterator[None]:
    """No schedule ticks and nothing runs: then the state changes only when somebody changes it."""
    with site.client() as client:
        for job in DOCUMENTED:
            assert client.post(f"/api/v1/sync/jobs/{job}/pause").status_code == 200
    for job in DOCUMENTED:
        site.rest(job)
    # Dagster closes its run a moment after the ledger has closed the execution.
    until(lambda: all(status in ENDED for _, status in state(site)["runs"]), 30)
    yield
    with site.client() as client:
        for job in DOCUMENTED:
            client.post(f"/api/v1/sync/jobs/{job}/resume")


ENDED = ("SUCCESS", "FAILURE", "CANCELED")
STATE = {
    "executions": "select id, state, cancel_requested from supersync.executions order by id",
    "pipelines": "select id, desired_state, mute_freshness, updated_at from supersync.pipelines order by id",
    "addresses": "select id, name, updated_at from supersync.addresses order by id",
    "schedules": "select pipeline_id, enabled, cron, every_s from supersync.schedules order by pipeline_id",
    "reported": "select (select count(*) from supersync.addresses), (select count(*) from supersync.pipeline_types),"
    " (select count(*) from supersync.lineage_edges where reported)",
    "imports": "select id, status from supersync.historical_sync_jobs order by id",
    "rules": "select id, active from supersync.check_rules order by id",
    "requests": "select id from supersync.check_requests order by id",
    "incidents": "select id, state from supersync.incidents order by id",
    "tokens": "select id, revoked_at from supersync.tokens order by id",
    "switches": "select selector_id, status from instigators order by selector_id",
    "runs": "select run_id, status from runs order by run_id",
    "assets": "select asset_key, last_materialization_timestamp, wipe_timestamp from asset_keys order by asset_key",
    "checks": "select id, asset_key from asset_check_executions order by id",
    "events": "select dagster_event_type, asset_key, count(*) from event_logs where asset_key is not null"
    " group by 1, 2 order by 1, 2",
}


def state(site: Site) -> dict[str, list[Any]]:
    """All that somebody may change, from the ledger's and Dagster's tables."""
    engine = create_engine(site.database_url)
    with engine.connect() as connection:
        found = {name: [tuple(row) for row in connection.execute(text(sql))] for name, sql in STATE.items()}
    engine.dispose()
    return found


def ask(client: httpx.Client, target: Target, vector: Vector) -> int:
    """Send the request as it stands; the status of the answer."""
    _, headers, kind = vector
    body: dict[str, Any] = {}
    if target.body is not None and kind != "none" and target.method != "DELETE":
        fields = {name: str(value) for name, value in target.body.items()} or {"a": "b"}
        body = {
            "json": {"content": json.dumps(target.body)},
            "form": {"data": fields},
            "multipart": {"files": {name: (None, value) for name, value in fields.items()}},
        }[kind]
    return client.request(target.method, target.path, headers=headers, **body).status_code


def changes_nothing(site: Site, client: httpx.Client) -> None:
    """Send everything; the state stays."""
    before = state(site)
    answered = {
        (str(target), vector[0]): ask(client, target, vector)
        for target in TARGETS
        for vector in VECTORS
        # Without a body and without a word of where it comes from, it is no page's: a browser would say so.
        if target.body is not None or vector[1]
    }
    assert {what: status for what, status in answered.items() if status not in (400, 401, 403, 415, 421)} == {}
    assert state(site) == before


@pytest.fixture(scope="module")
def quiet_site(site: Site) -> Iterator[Site]:
    """With authentication off."""
    with quiet(site):
        yield site


@pytest.fixture(scope="module")
def quiet_closed_site(closed_site: Site) -> Iterator[Site]:
    """With authentication on."""
    with quiet(closed_site):
        yield closed_site


@pytest.fixture(
    params=[
        pytest.param("quiet_site", marks=pytest.mark.xdist_group("site"), id="open"),
        pytest.param("quiet_closed_site", marks=pytest.mark.xdist_group("closed_site"), id="closed"),
    ]
)
def either(request: pytest.FixtureRequest) -> Site:
    """The one, and the other."""
    site: Site = request.getfixturevalue(request.param)
    return site


@contextmanager
def browser(site: Site) -> Iterator[httpx.Client]:
    """Somebody's browser, who has logged in as an admin where one can."""
    with site.client(headers={}, follow_redirects=False) as client:
        login = {"token": TOKENS["admin"], "next": "/supersync"}
        status = client.post("/supersync/login", data=login, headers={"Origin": site.url}).status_code
        assert status == (303 if site.headers else 401)
        yield client


def test_strangers_change_nothing_where_nobody_needs_a_token(quiet_site: Site) -> None:
    with quiet_site.client() as client:
        changes_nothing(quiet_site, client)


def test_strangers_change_nothing_through_the_browser_of_an_admin(quiet_closed_site: Site) -> None:
    with browser(quiet_closed_site) as client:
        changes_nothing(quiet_closed_site, client)


def test_strangers_change_nothing_with_the_token_of_an_admin(quiet_closed_site: Site) -> None:
    with quiet_closed_site.client() as client:
        changes_nothing(quiet_closed_site, client)


LINKS = [
    *(f"/graphql?{urlencode({'query': query})}" for query in (LAUNCH, REPORT, WIPE)),
    f"/graphql?{urlencode([('query', '{version}'), ('query', LAUNCH)])}",
    f"/graphql?{urlencode({'query': 'query A {version} ' + LAUNCH, 'operationName': 'Launch'})}",
    f"/graphql/?{urlencode({'query': LAUNCH})}",
    f"/graph%71l?{urlencode({'query': LAUNCH})}",
    "/report_asset_materialization/forged",
    f"/api/v1/sync/jobs/{JOB}/resume",
    "/api/v1/sync/trigger?job_id=" + JOB,
    f"/supersync/pipelines/{JOB}/actions?action=trigger",
    "/supersync/logout",
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_link_changes_nothing(either: Site, method: str) -> None:
    before = state(either)
    with either.client() as client:
        for path in LINKS:
            client.request(method, path)
            client.request(method, path, headers={"X-HTTP-Method-Override": "POST"})
    assert state(either) == before


START = {"type": "start", "id": "1", "payload": {"query": LAUNCH}}
SOCKETS: list[Any] = [
    pytest.param({"Origin": EVIL}, id="a stranger"),
    pytest.param({"Origin": "null"}, id="a sandboxed page"),
    pytest.param({"Host": "evil.example"}, id="a name that points here"),
    pytest.param({}, id="a program"),
    pytest.param({"Origin": "own"}, id="our own page"),
]


@pytest.mark.parametrize("headers", SOCKETS)
def test_a_websocket_changes_nothing(either: Site, headers: dict[str, str]) -> None:
    before = state(either)
    sent = {name: either.url if value == "own" else value for name, value in headers.items()}
    refused = asyncio.run(_start_over_websocket(either, {**either.headers, **sent}))
    assert refused
    assert state(either) == before


async def _start_over_websocket(site: Site, headers: dict[str, str]) -> bool:
    address = f"ws://{urlsplit(site.url).netloc}/graphql"
    origin = headers.pop("Origin", None)
    host = headers.pop("Host", None)
    port = urlsplit(site.url).port
    uri = address if host is None else f"ws://{host}:{port}/graphql"
    where: dict[str, Any] = {} if host is None else {"host": "127.0.0.1", "port": port}
    subprotocols: Any = ["graphql-ws"]
    try:
        async with connect(
            uri, origin=origin, additional_headers=headers, subprotocols=subprotocols, proxy=None, **where
        ) as socket:
            await socket.send(json.dumps({"type": "connection_init"}))
            await socket.recv()
            await socket.send(json.dumps(START))
            await socket.recv()
    except (InvalidStatus, ConnectionClosed):
        return True
    return False


def test_our_own_page_and_programs_do_change_the_state(either: Site) -> None:
    before = state(either)
    own = {"Origin": either.url, "Content-Type": "application/json"}
    named = {target.name: target for target in TARGETS}
    with browser(either) as client:
        for name in ("report", "report by GraphQL", "resume", "rule", "change a pipeline"):
            assert ask(client, named[name], ("own", own, "json")) in (200, 201)
    after = state(either)
    assert {name for name in STATE if after[name] != before[name]} >= {"assets", "events", "pipelines", "rules"}
