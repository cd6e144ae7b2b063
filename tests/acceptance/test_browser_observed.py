"""The pages of observability in a real browser: lineage by mouse and keyboard, mutes, incidents live, the menu."""

import os
import time
from urllib.parse import quote

import pytest

from supersync_core.domain.incident import IncidentKind
from supersync_core.domain.pipeline import dagster_key
from supersync_core.services.freshness_board import freshness_board
from tests.acceptance.browser import CHROMIUM, Page
from tests.acceptance.filled import pages
from tests.dagster.web.observed import draw_network, incident
from tests.dagster.web.pages import Pages

if CHROMIUM is None and not os.environ.get("CI"):
    pytest.skip("there is no chromium: run `make services`", allow_module_level=True)

__all__ = ["pages"]  # a fixture

DRAWN = "document.getElementById('graph')?.lineage"
ABOUT = "document.getElementById('about').innerText"


def lineage(pages: Pages, page: Page, address: str, depth: int = 2) -> None:
    page.open(f"{pages.url}/supersync/lineage?address={quote(address)}&depth={depth}")
    page.wait(DRAWN)


def point(page: Page, element: str, kind: str = "mouseMoved") -> None:
    """Put the mouse on what a script finds in the drawing."""
    where = f"(({DRAWN}), (one) => one.isNode() ? one.renderedPosition() : one.renderedMidpoint())"
    x, y = page.run(
        f"((at) => {{ const box = document.getElementById('graph').getBoundingClientRect();"
        f" return [box.x + at.x, box.y + at.y]; }})({where}({DRAWN}.{element}))"
    )
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    if kind == "click":
        for one in ("mousePressed", "mouseReleased"):
            page.call("Input.dispatchMouseEvent", type=one, x=x, y=y, button="left", clickCount=1)


NAMED = "nodes().filter((node) => node.data('name') === {name!r})"


def test_a_line_shows_its_pipeline_to_the_mouse(pages: Pages, page: Page) -> None:
    lineage(pages, page, "lake.raw.stock")
    point(page, "edges().filter((edge) => edge.data('title') === 'orders')[0]")
    assert page.wait(f"{ABOUT}.startsWith('orders')")
    assert page.run("document.querySelector('#about a').getAttribute('href')") == "../supersync/pipelines/orders"
    assert page.run(f"{DRAWN}.edges('.named').length") == 1


def test_a_click_puts_an_address_in_the_middle(pages: Pages, page: Page) -> None:
    lineage(pages, page, "lake.raw.stock")
    point(page, NAMED.format(name="lake.mart.value"), "click")
    assert page.wait("new URLSearchParams(location.search).get('address') === 'lake.mart.value'")
    page.wait(DRAWN)
    assert page.run(f"{DRAWN}.nodes('[?center]').data('name')") == "lake.mart.value"


def test_the_keyboard_goes_from_address_to_address(pages: Pages, page: Page) -> None:
    lineage(pages, page, "lake.raw.stock")
    page.run("document.querySelector('form.filter button').focus()")
    page.key("Tab")
    assert page.run("document.activeElement.id") == "graph"
    assert page.wait(f"{ABOUT}.startsWith('lake.raw.stock')")
    page.key("ArrowRight")
    assert page.wait(f"{ABOUT}.startsWith('lake.mart.value')")
    page.key("ArrowLeft")
    page.key("ArrowLeft")
    assert page.wait(f"{ABOUT}.startsWith('shop.public')")
    page.key("Enter")
    assert page.wait("new URLSearchParams(location.search).get('address').startsWith('shop.public')")


def test_addresses_are_found_while_one_types(pages: Pages, page: Page) -> None:
    page.open(f"{pages.url}/supersync/lineage")
    page.run("document.querySelector('[name=address]').focus()")
    page.call("Input.insertText", text="EXPORTS")
    found = "[...document.querySelectorAll('#found a')].map((a) => a.innerText).join()"
    assert page.wait(f"{found} === 'bucket.exports.stock,bucket.exports.value'")


def test_three_hundred_addresses_are_drawn_and_answer_the_mouse(pages: Pages, page: Page) -> None:
    name = draw_network(pages)
    begun = time.monotonic()
    lineage(pages, page, name, depth=10)
    assert time.monotonic() - begun < 20
    assert page.run(f"{DRAWN}.nodes().length") == 301
    places = "[...nodes].map((n) => `${Math.round(n.position('x'))} ${Math.round(n.position('y'))}`)"
    assert page.run(f"((nodes) => new Set({places}).size)({DRAWN}.nodes())") == 301, "none lies on another"
    page.click("#zoom [value=fit]")
    assert page.run(
        f"(({DRAWN}), {DRAWN}.nodes().every((n) => n.renderedPosition('y') > 0 && n.renderedPosition('x') > 0))"
    )
    point(page, NAMED.format(name="lake.layer_3.table_7"))
    assert page.wait(f"{ABOUT}.startsWith('lake.layer_3.table_7')")
    took = page.run(
        f"((cy) => {{ const begun = performance.now(); cy.nodes().slice(0, 20).forEach((n) => {{ n.emit('mouseover');"
        f" n.emit('mouseout'); }}); return (performance.now() - begun) / 20; }})({DRAWN})"
    )
    assert took < 250, "milliseconds to light up all that belongs to an address"
    assert (page.problems, page.foreign(pages.url)) == ([], [])


def test_a_mute_is_set_by_keyboard_and_keeps_its_focus(pages: Pages, page: Page) -> None:
    with pages.ledger.begin() as session:
        orders = next(one.id for one in freshness_board(session, at=pages.context.clock()) if one.name == "orders")
    page.open(f"{pages.url}/supersync/freshness")
    page.run(f"document.getElementById('mute-pipeline-freshness-{orders}').focus()")
    page.key("Enter")
    assert page.wait(f"document.querySelector('#fresh-{orders} .muted')")
    assert page.run("document.activeElement.innerText") == "Unmute"
    assert page.wait("document.getElementById('tile-muted').innerText.startsWith('2')")


def test_an_incident_comes_and_goes_by_itself(pages: Pages, page: Page) -> None:
    page.open(f"{pages.url}/supersync/incidents")
    new = incident(pages, IncidentKind.DRIFT, "orders")
    assert page.wait(f"document.getElementById('incident-{new}')")
    assert page.wait("document.getElementById('open-incidents').innerText.includes('3')")
    page.click(f"#first-{new}")
    assert page.wait(f"!document.getElementById('incident-{new}')")
    assert page.wait("document.getElementById('open-incidents').innerText.includes('2')")


def test_what_one_types_stays_while_an_incident_changes(pages: Pages, page: Page) -> None:
    new = incident(pages, IncidentKind.DRIFT, "orders")
    page.open(f"{pages.url}/supersync/incidents/{new}")
    page.run("document.querySelector('[name=reason]').focus()")
    page.call("Input.insertText", text="somebody dropped a column")
    with pages.ledger.begin() as session:
        session.connection().exec_driver_sql("UPDATE supersync.incidents SET findings = 7, last_found_at = now()")
    assert page.wait("document.getElementById('details').innerText.includes('7')")
    assert page.run("document.querySelector('[name=reason]').value") == "somebody dropped a column"
    page.click("#resolve")
    assert page.wait("document.querySelector('#details .resolved')")
    assert page.wait("document.getElementById('details').innerText.includes('somebody dropped a column')")
    assert not page.run("document.querySelector('.care')")


def test_on_a_phone_the_menu_opens_and_closes_by_keyboard(pages: Pages, page: Page) -> None:
    page.look(width=360, height=740)
    page.open(f"{pages.url}/supersync")
    shown = "getComputedStyle(document.getElementById('menu')).display !== 'none'"
    assert not page.run(shown)
    page.run("document.querySelector('.menu').focus()")
    page.key("Enter")
    assert page.wait(shown)
    page.key("Tab")
    assert page.run("document.activeElement.innerText") == "Board"
    page.key("Escape")
    assert page.wait(f"!({shown})")


def test_a_run_that_is_fine_loses_its_dot_in_the_chart(pages: Pages, page: Page) -> None:
    page.open(f"{pages.url}/supersync/pipelines/{dagster_key('warehouse stock')}")
    labels = "[...document.querySelectorAll('#chart-rows .u-label')].map((label) => label.textContent).join()"
    assert page.wait(f"{labels} === 'at,usual,at least,in the middle,read,written,unusual'")
    page.click("[id$='-total_rows']")
    assert page.wait(f"{labels} === 'at,usual,at least,in the middle,read,written'")
    assert page.run("document.querySelectorAll('.uplot').length") == 3
    assert page.wait("document.getElementById('toasts').innerText.includes('is fine')")
    assert page.wait("document.querySelector('#head .odd')?.title === 'inserts'")
    assert (page.problems, page.foreign(pages.url)) == ([], [])


def test_an_alert_is_sent_again_and_seen_on_its_way(pages: Pages, page: Page) -> None:
    new = incident(pages, IncidentKind.DRIFT, "orders")
    page.open(f"{pages.url}/supersync/incidents/{new}")
    assert page.run("document.querySelectorAll('#details .children .failed').length") == 1
    page.click("#details li:has(.failed) button")
    assert page.wait("document.querySelector('#details .children .queued')")
    assert page.wait("document.getElementById('toasts').innerText.includes('on its way to team')")
