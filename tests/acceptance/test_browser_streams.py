"""The pages of a CDC pipeline in a real browser: light and dark, wide and narrow, by mouse and keyboard."""

import os
from collections.abc import Iterator

import pytest

from supersync_core.domain.pipeline import DesiredState, dagster_key
from supersync_core.ledger.database import Ledger
from supersync_core.services.cdc.dead_letters import count
from supersync_core.services.cdc.pipelines import get_cdc_pipeline
from tests.acceptance.browser import CHROMIUM, Page
from tests.acceptance.console import until
from tests.core.services.cdc.streams import Stream
from tests.dagster.web.pages import Pages, running_pages
from tests.dagster.web.streaming import fill_stream

if CHROMIUM is None and not os.environ.get("CI"):
    pytest.skip("there is no chromium: run `make services`", allow_module_level=True)

KEY = dagster_key("orders-cdc")
OPEN_ALL = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"


@pytest.fixture
def pages(ledger: Ledger) -> Iterator[Pages]:
    with running_pages(ledger) as pages:
        yield pages


@pytest.fixture
def stream(pages: Pages, ledger: Ledger) -> Stream:
    return fill_stream(ledger)


def wanted(stream: Stream) -> DesiredState:
    state: DesiredState = stream.ask(lambda s: get_cdc_pipeline(s, "orders-cdc").desired_state)
    return state


def test_they_are_for_everybody_in_every_window(pages: Pages, page: Page, stream: Stream) -> None:
    wrong = []
    for dark in (False, True):
        for width in (1280, 360):
            page.look(dark=dark, width=width)
            for path in ("", "/dead-letters", "/schemas"):
                page.open(f"{pages.url}/supersync/pipelines/{KEY}{path}")
                page.run(OPEN_ALL)
                wide = page.run("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                found = page.axe()
                wrong += [(path, dark, width, wide, found)] if wide > 0 or found else []
    assert wrong == []
    assert (page.problems, page.foreign(pages.url)) == ([], [])


def test_buttons_work_by_mouse_and_by_keyboard_and_the_page_follows(pages: Pages, page: Page, stream: Stream) -> None:
    page.open(f"{pages.url}/supersync/pipelines/{KEY}")
    page.click(f"#run-{KEY}")
    assert until(lambda: wanted(stream) is DesiredState.RUNNING)
    assert page.wait("document.querySelector('#stream .badge').innerText === 'Running'")
    assert page.wait(f"document.getElementById('run-{KEY}').value === 'pause'")
    page.run(f"document.getElementById('switch-{KEY}').focus()")
    page.key("Enter")
    assert until(lambda: wanted(stream) is DesiredState.STOPPED)
    assert page.wait("document.querySelector('#stream .badge').innerText === 'Stopped'")
    assert page.problems == []


def test_dead_letters_are_asked_for_and_taken_out(pages: Pages, page: Page, stream: Stream) -> None:
    page.open(f"{pages.url}/supersync/pipelines/{KEY}/dead-letters")
    page.click("#replay")
    assert page.wait("document.querySelectorAll('#letters .queued').length === 2")
    assert page.wait("document.querySelector('.toast').innerText.includes('2 dead letters will be delivered again')")
    page.click("#acknowledge")
    assert page.wait("document.getElementById('letters').innerText.includes('There is none.')")
    assert stream.ask(lambda s: count(s, get_cdc_pipeline(s, "orders-cdc"))) == 0
    assert page.problems == []
