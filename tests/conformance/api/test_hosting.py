"""One port for Dagster's UI and the API, as processes: what was asked for runs, whoever dies; and all end in time."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import func, update

from supersync_core.clock import utcnow
from supersync_core.domain.execution import Trigger
from supersync_core.errors import Conflict
from supersync_core.ledger.database import open_ledger
from supersync_core.ledger.tables import Execution
from supersync_core.services.executions import open_execution
from supersync_core.services.launches import OVERDUE
from supersync_core.services.pipelines import get_pipeline
from tests.acceptance.console import SUPERSYNC, environment, until
from tests.conformance.api.site import READY, Site

pytestmark = pytest.mark.timeout(400)

STATS = "table_stats_sync"
START_S = 120
SELECTOR = {
    "repositoryLocationName": "supersync",
    "repositoryName": "__repository__",
    "scheduleName": "sync__table_stats_sync__schedule",
}
STATE = (
    "query ($s: ScheduleSelector!) {"
    " scheduleOrError(scheduleSelector: $s) { ... on Schedule { id scheduleState { id selectorId status } } } }"
)
START = "mutation ($s: ScheduleSelector!) { startSchedule(scheduleSelector: $s) { __typename } }"
STOP = "mutation ($id: String!) { stopRunningSchedule(id: $id) { __typename } }"
TERMINATE = "mutation ($id: String!) { terminateRun(runId: $id) { __typename } }"
RUNS = (
    'query ($id: String!) { runsOrError(filter: {tags: [{key: "supersync/execution", value: $id}]}) {'
    " ... on Runs { results { id status } } } }"
)

DRY_RUN = (
    "mutation ($s: ScheduleSelector!, $t: Float) { scheduleDryRun(selectorData: $s, timestamp: $t) {"
    " ... on DryRunInstigationTick { evaluationResult { runRequests { runKey } skipReason error { message } } } } }"
)


@dataclass
class Webserver:
    """One more webserver over the site's code server and daemon."""

    site: Site
    process: "subprocess.Popen[bytes]"

    def stop(self) -> float:
        """Send SIGTERM; the seconds until its end."""
        began = monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        return monotonic() - began


@contextmanager
def webserver(site: Site, *options: str) -> Iterator[Webserver]:
    """`supersync webserver`, ready."""
    home = site.directory / "data" / "dagster"
    variables = {**site.settings, "DAGSTER_HOME": str(home)}
    command = [str(SUPERSYNC), "webserver", "--port", "0", "--workspace", str(home / "workspace.yaml"), *options]
    out = site.directory / "webserver.out"
    with out.open("wb") as file:
        process = subprocess.Popen(command, cwd=site.directory, env=environment(variables), stdout=file)
    try:
        found = until(lambda: READY.search(out.read_text()) or process.poll() is not None, START_S)
        assert isinstance(found, re.Match), process.returncode
        yield Webserver(replace(site, url=found[1]), process)
    finally:
        process.kill()
        process.wait()


def runs_of(site: Site, log_id: int) -> list[dict[str, Any]]:
    """Dagster's runs for an entry of the history."""
    found: list[dict[str, Any]] = site.graphql(RUNS, id=str(log_id))["runsOrError"]["results"]
    return found


def switch(site: Site) -> dict[str, str]:
    """The switch of the schedule as Dagster's UI shows it."""
    state: dict[str, str] = site.graphql(STATE, s=SELECTOR)["scheduleOrError"]["scheduleState"]
    return state


def job(site: Site) -> dict[str, Any]:
    """The job in the status of the API."""
    jobs: list[dict[str, Any]] = site.get("/api/v1/sync/status")["jobs"]
    return next(job for job in jobs if job["job_id"] == STATS)


def test_the_ui_graphql_and_the_api_answer_on_one_port(site: Site) -> None:
    with site.client() as client:
        assert "__NEXT_DATA__" in client.get("/assets").text
        assert client.get("/api/v1/sync/status").json()["status"] == "running"
        assert client.get("/api/nope").status_code == 404
        assert client.delete("/api/v1/sync/status").status_code == 405
        assert client.post("/api/v1/sync/trigger", json={"job_id": 7}).status_code == 422
    assert site.graphql("{ version }")["version"].startswith("1.13")


def test_a_trigger_is_one_run_of_dagster(site: Site) -> None:
    site.rest(STATS)
    entry = site.run(STATS)
    assert entry["status"] == "success"
    # Dagster closes its run a moment after the ledger has closed the execution.
    until(lambda: [run["status"] for run in runs_of(site, entry["log_id"])] == ["SUCCESS"], 30)


def test_what_was_queued_by_somebody_who_died_runs(site: Site) -> None:
    ledger = open_ledger(site.database_url)

    def queued() -> int | None:
        # Its schedule may tick at any moment: then that run has to end first.
        with suppress(Conflict), ledger.begin() as session:
            pipeline = get_pipeline(session, "query_history_sync")
            return open_execution(session, pipeline, trigger=Trigger.MANUAL, at=utcnow() - OVERDUE).id
        return None

    log_id = until(queued, 90)
    ledger.dispose()
    assert site.ended(log_id)["status"] == "success"
    assert len(runs_of(site, log_id)) == 1


def test_a_pause_is_shown_by_the_switch_in_dagster(site: Site) -> None:
    with site.client() as client:
        client.post(f"/api/v1/sync/jobs/{STATS}/pause")
        assert (switch(site)["status"], job(site)["next_run"]) == ("STOPPED", None)
        client.post(f"/api/v1/sync/jobs/{STATS}/resume")
    assert switch(site)["status"] == "RUNNING"


def test_the_switch_in_dagster_is_shown_by_the_api(site: Site) -> None:
    stopped = switch(site)
    site.graphql(STOP, id=stopped["id"])
    until(lambda: (job(site)["status"], job(site)["next_run"]) == ("paused", None), 15)
    site.graphql(START, s=SELECTOR)
    until(lambda: job(site)["status"] == "active" and job(site)["next_run"], 15)


def test_a_tick_that_is_tested_in_dagsters_ui_queues_nothing(site: Site) -> None:
    site.rest(STATS)
    known = site.get("/api/v1/sync/history", job_id=STATS)["total"]
    tick = site.graphql(DRY_RUN, s=SELECTOR, t=utcnow().timestamp())["scheduleDryRun"]["evaluationResult"]
    assert (len(tick["runRequests"]), tick["error"]) == (1, None)
    assert site.get("/api/v1/sync/history", job_id=STATS)["total"] == known


def test_a_run_that_is_cancelled_in_dagster_while_it_waits_is_cancelled_in_the_history(site: Site) -> None:
    site.rest("slow")
    log_id = site.trigger("slow")
    # Dagster ends no run that it has not queued yet.
    (run,) = until(lambda: [one for one in runs_of(site, log_id) if one["status"] != "NOT_STARTED"], 30)
    # Nor one whose process is just being started: it says so, and one asks again.
    until(lambda: site.graphql(TERMINATE, id=run["id"])["terminateRun"]["__typename"] == "TerminateRunSuccess", 30)
    assert site.ended(log_id)["status"] == "cancelled"


def test_open_streams_do_not_hold_the_shutdown(site: Site) -> None:
    with webserver(site) as server, ExitStack() as streams, server.site.client() as client:
        for _ in range(20):
            stream = streams.enter_context(client.stream("GET", "/api/v1/sync/stream"))
            assert next(stream.iter_lines())
        assert server.stop() < 5
    assert server.process.returncode == 128 + signal.SIGTERM


def test_a_read_only_server_below_a_prefix_shows_and_changes_nothing(site: Site) -> None:
    with webserver(site, "--path-prefix", "/dagster", "--read-only") as server, server.site.client() as client:
        assert "__NEXT_DATA__" in client.get("/dagster/runs").text
        assert client.get("/api/v1/sync/status").status_code == 200
        assert client.post("/api/v1/sync/trigger", json={"job_id": STATS}).status_code == 403


def test_a_trigger_outlives_the_death_of_its_webserver(site: Site) -> None:
    site.rest(STATS)
    with webserver(site) as server:
        log_id = server.site.trigger(STATS)
        server.process.kill()
    # It may have died while it launched: then its claim must run out first, and that time passes here.
    ledger = open_ledger(site.database_url)
    with ledger.begin() as session:
        claimed = update(Execution).where(Execution.id == log_id, Execution.launch_claimed_until.is_not(None))
        session.execute(claimed.values(launch_claimed_until=func.now()))
    ledger.dispose()
    assert site.ended(log_id)["status"] == "success"
