"""The pages about channels in a real browser: what people have written in a chat does nothing there."""

import os
from collections.abc import Iterator

import pytest

from supersync_core.ledger.database import Ledger
from tests.acceptance.browser import CHROMIUM, Page
from tests.dagster.web.chats import fill_chats
from tests.dagster.web.pages import Pages, running_pages

if CHROMIUM is None and not os.environ.get("CI"):
    pytest.skip("there is no chromium: run `make services`", allow_module_level=True)

LOOKS = [
    pytest.param({"dark": False, "width": 1280}, id="light"),
    pytest.param({"dark": True, "width": 1280}, id="dark"),
    pytest.param({"dark": False, "width": 360, "height": 740}, id="phone"),
]
PATHS = {
    "channels": "/supersync/channels",
    "channel": "/supersync/channels/C2",
    "wiki": "/supersync/wiki",
    "overview": "/supersync/wiki/general.overview",
    "decisions": "/supersync/wiki/general.entity.postgresql",
    "graph": "/supersync/graph?entity=PostgreSQL",
    "everything": "/supersync/graph",
}


@pytest.fixture
def pages(ledger: Ledger) -> Iterator[Pages]:
    with running_pages(ledger) as pages:
        fill_chats(pages)
        yield pages


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_within_its_frame_its_policy_and_the_reach_of_everybody(
    pages: Pages, page: Page, look: dict[str, int]
) -> None:
    page.look(**look)
    found: dict[str, object] = {}
    for name, path in PATHS.items():
        page.open(pages.url + path)
        page.shot(f"{name}-{look}")
        wide = page.run("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0 or (wrong := page.axe()):
            found[name] = wide or wrong
        assert not page.run("window.pwned || document.querySelector('.wiki script, .wiki img, .wiki [onerror]')")
    assert (found, page.problems, page.foreign(pages.url)) == ({}, [], [])


def test_a_citation_leads_to_its_note_and_from_there_to_the_message(pages: Pages, page: Page) -> None:
    page.open(f"{pages.url}/supersync/wiki/general.entity.kafka")
    page.click(".footnote-ref a")
    assert page.wait("document.querySelector('.footnotes li:target')")
    link = page.run("document.querySelector('.footnotes li:target a[href^=http]')?.href")
    assert link.startswith("https://chat.example/C1/m")


def test_a_link_of_a_page_leads_to_the_page_that_it_names(pages: Pages, page: Page) -> None:
    page.open(f"{pages.url}/supersync/wiki/general.overview")
    page.click(".wiki a[href='general.people']")
    assert page.wait("location.pathname.endsWith('/supersync/wiki/general.people') && document.querySelector('.wiki')")


def test_a_channel_shows_how_far_its_sync_is_while_one_looks(pages: Pages, page: Page) -> None:
    from supersync_core.domain.channel_sync import ChannelProgress, ChannelStage
    from supersync_core.ledger.channel_jobs import note_progress

    page.open(f"{pages.url}/supersync/channels/C2")
    here = "document.querySelector('.stages .here')?.textContent.replace(/\\s+/g, ' ').trim()"
    assert page.run(here) == "Facts 600 of 1,500"
    running = int(page.run("document.querySelector('[name=job]').value"))
    with pages.ledger.begin() as session:
        note_progress(session, running, ChannelProgress(ChannelStage.EXTRACT, 1500, 1500, 2, 700, 0, 900, 1500))
    assert page.wait(f"{here} === 'Facts 900 of 1,500'")
