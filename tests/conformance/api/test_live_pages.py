"""The pages of a whole supersync, with Dagster, in a real browser: what runs and what is switched is seen live."""

import os

import pytest

from tests.acceptance.browser import CHROMIUM, Page
from tests.conformance.api.site import Site

if CHROMIUM is None and not os.environ.get("CI"):
    pytest.skip("there is no chromium: run `make services`", allow_module_level=True)


def test_a_triggered_run_is_seen_live_to_its_end(site: Site, page: Page) -> None:
    page.open(f"{site.url}/supersync")
    page.wait("document.querySelector('#run-table_stats_sync')")
    page.click("#run-table_stats_sync")
    page.wait("document.querySelector('#row-table_stats_sync :is(.queued, .running)')")
    page.wait("document.querySelector('#row-table_stats_sync .succeeded')", 90)
    page.open(f"{site.url}/supersync/pipelines/table_stats_sync")
    assert page.wait("document.querySelector('#past .succeeded')")
    assert page.wait("document.querySelectorAll('.uplot').length === 2")
    assert (page.problems, page.foreign(site.url)) == ([], [])


def test_pause_and_resume_are_seen_by_the_api(site: Site, page: Page) -> None:
    page.open(f"{site.url}/supersync/pipelines/query_history_sync")
    page.click("#switch-query_history_sync")
    page.wait("document.querySelector('#head .paused')")
    assert _job(site, "query_history_sync")["status"] == "paused"
    page.click("#switch-query_history_sync")
    page.wait("!document.querySelector('#head .paused')")
    assert _job(site, "query_history_sync")["status"] == "active"


def test_an_event_source_receives_sync_updates(site: Site, page: Page) -> None:
    listen = """new Promise((resolve) => {
        const source = new EventSource('/api/v1/sync/stream');
        source.addEventListener('sync_update', (event) => { source.close(); resolve(JSON.parse(event.data)); });
    })"""
    page.open(f"{site.url}/supersync")
    assert "table_stats_sync" in [job["job_id"] for job in page.run(listen)["jobs"]]


def _job(site: Site, name: str) -> dict[str, object]:
    jobs: list[dict[str, object]] = site.get("/api/v1/sync/status")["jobs"]
    return next(job for job in jobs if job["job_id"] == name)
