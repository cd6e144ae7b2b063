"""The pages in a real browser: live, by keyboard, without a request that leaves, in light, dark and on a phone."""

import os

import pytest

from supersync_core.domain.pipeline import dagster_key
from tests.acceptance.browser import CHROMIUM, Page
from tests.acceptance.filled import pages
from tests.dagster.web.imports import PAGE as IMPORTS
from tests.dagster.web.imports import fill_import
from tests.dagster.web.pages import Pages

if CHROMIUM is None and not os.environ.get("CI"):
    pytest.skip("there is no chromium: run `make services`", allow_module_level=True)

__all__ = ["pages"]  # a fixture

LOOKS = [
    pytest.param({"dark": False, "width": 1280}, id="light"),
    pytest.param({"dark": True, "width": 1280}, id="dark"),
    pytest.param({"dark": False, "width": 360, "height": 740}, id="phone"),
]
PATHS = {
    "board": "/supersync",
    "pipeline": "/supersync/pipelines/query_history_sync",
    "failed": "/supersync/pipelines/customers",
    "theirs": f"/supersync/pipelines/{dagster_key('warehouse stock')}",
    "imports": IMPORTS,
    "reporting": "/supersync/reporting?days=14",
    "lineage": "/supersync/lineage?address=lake.raw.stock",
    "addresses": "/supersync/lineage",
    "freshness": "/supersync/freshness",
    "incidents": "/supersync/incidents",
    "muted": "/supersync/incidents?state=muted",
    "incident": "/supersync/incidents/2",
    "diagnostics": "/supersync/diagnostics",
    "missing": "/supersync/pipelines/nobody",
    "login": "/supersync/login",
    "docs": "/api/docs",
}
READY = {
    "docs": "document.querySelector('.opblock')",
    "pipeline": "document.querySelectorAll('.uplot').length === 2",
    "theirs": "document.querySelectorAll('.uplot').length === 3",
    "reporting": "document.querySelectorAll('.uplot').length === 4",
    "lineage": "document.getElementById('graph').lineage",
}


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_within_its_frame_its_policy_and_the_reach_of_everybody(
    pages: Pages, page: Page, look: dict[str, int]
) -> None:
    fill_import(pages)
    page.look(**look)
    found: dict[str, object] = {}
    for name, path in PATHS.items():
        page.open(pages.url + path)
        page.wait(READY.get(name, "true"))
        page.shot(f"{name}-{look}")
        wide = page.run("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0 or (wrong := page.axe()):
            found[name] = wide or wrong
    expected = [one for one in page.problems if "404" not in one]
    assert (found, expected, page.foreign(pages.url)) == ({}, [], [])


def test_updates_come_over_a_slow_line_too(pages: Pages, page: Page) -> None:
    with page.holding("*/hx-sse.min.js"):
        page.call("Page.navigate", url=f"{pages.url}/supersync")
        page.wait("window.htmx && document.readyState === 'interactive'")
        page.run("new Promise((resolve) => setTimeout(resolve, 100))")
    assert page.wait("document.getElementById('main')._htmx?.sse")


def test_the_board_is_filtered_while_one_types(pages: Pages, page: Page) -> None:
    page.open(f"{pages.url}/supersync")
    page.run("document.querySelector('[name=q]').focus()")
    page.call("Input.insertText", text="ReDsHiFt")
    shown = "[...document.querySelectorAll('#rows > tr:not([hidden])')].map((row) => row.id).join()"
    assert page.wait(f"{shown} === 'row-query_history_sync,row-table_stats_sync'")
    page.click("#tile-running")
    assert page.wait(f"{shown} === 'row-query_history_sync'")
    assert page.run("location.search") == "?q=ReDsHiFt&state=running"


def test_a_button_is_pressed_by_keyboard_and_keeps_its_focus(pages: Pages, page: Page) -> None:
    page.open(f"{pages.url}/supersync")
    page.run("document.getElementById('switch-orders').focus()")
    page.key("Enter")
    page.wait("document.querySelector('#row-orders .paused')")
    assert page.run("document.activeElement.id + document.activeElement.value") == "switch-ordersresume"
    assert page.wait("document.querySelector('#toasts')?.textContent.includes('orders is paused')")


def test_what_runs_blinks_without_an_animation_unless_one_prefers_that_nothing_moves(pages: Pages, page: Page) -> None:
    page.open(f"{pages.url}/supersync")
    dot = "getComputedStyle(document.querySelector('.badge.running'), '::before').opacity"
    assert page.wait("document.body.matches('.beat')")
    assert page.run(dot) == "1"
    page.call("Emulation.setEmulatedMedia", features=[])
    assert page.wait(f"{dot} === '0.3'")
    assert page.run("document.getAnimations().length") == 0


def test_what_fails_is_said_and_the_row_stays_true(pages: Pages, page: Page) -> None:
    pages.launcher.alive = False
    page.open(f"{pages.url}/supersync")
    page.click("#run-orders")
    assert page.wait("document.querySelector('.toast.bad')?.textContent.includes('nothing was queued')")
    assert not page.run("document.querySelector('#row-orders .queued')")
