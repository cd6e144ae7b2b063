"""The pages about channels: what the buttons do, and what strangers have written."""

import httpx
import pytest

from supersync_core.domain.access import Role
from supersync_core.ledger.database import Ledger
from tests.dagster.web.chats import fill_chats
from tests.dagster.web.pages import Pages, parse, running_pages


def act(pages: Pages, **fields: str) -> httpx.Response:
    """What a button of a channel's page does."""
    headers = {"origin": pages.url, **pages.headers}
    return httpx.post(f"{pages.url}/supersync/channels", data=fields, headers=headers, timeout=30)


def test_a_button_starts_a_sync_and_another_cancels_it(ledger: Ledger) -> None:
    with running_pages(ledger) as pages:
        fill_chats(pages)
        answer = act(pages, channel_id="C1", action="start")
        assert (answer.status_code, answer.headers["location"]) == (303, "channels/C1")
        ((key, execution_id),) = pages.launcher.launched
        assert key == "c1"
        assert act(pages, channel_id="C1", action="cancel", job=str(execution_id)).status_code == 303
        badges = [value for tag, value in parse(pages.get("/supersync/channels/C1").text).tags if tag == "span"]
        assert {"class": "badge cancelled"} in badges


def test_a_viewer_sees_channels_and_starts_nothing(ledger: Ledger) -> None:
    with running_pages(ledger) as pages:
        fill_chats(pages)
        pages.headers = {"Authorization": f"Bearer {pages.token(Role.VIEWER)}"}
        assert act(pages, channel_id="C1", action="start").status_code == 403
        shown = pages.get("/supersync/channels/C1")
        assert shown.status_code == 200
        assert "Sync now" not in shown.text


@pytest.mark.parametrize(
    "path",
    [
        "/supersync/wiki/general.entity.postgresql",
        "/supersync/wiki/general.people",
        "/supersync/graph?entity=PostgreSQL",
    ],
)
def test_what_strangers_have_written_is_text(ledger: Ledger, path: str) -> None:
    with running_pages(ledger) as pages:
        fill_chats(pages)
        found = parse(pages.get(path).text)
    assert all("onerror" not in attributes for _, attributes in found.tags)
    assert not any("javascript:" in str(value) for _, attributes in found.tags for value in attributes.values())
    assert not any(tag == "b" for tag, _ in found.tags)


@pytest.mark.parametrize(
    "path", ["/supersync/channels/nobody", "/supersync/wiki/nothing", "/supersync/wiki/general.overview?version=9"]
)
def test_what_is_not_there_is_a_page_that_says_so(ledger: Ledger, path: str) -> None:
    with running_pages(ledger) as pages:
        fill_chats(pages)
        assert pages.get(path).status_code == 404
