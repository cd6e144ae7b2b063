"""The board of freshness and timeliness, and its buttons."""

import httpx
import pytest

from supersync_core.domain.access import Role
from supersync_core.services.audit import AuditFilter, list_audit
from supersync_core.services.freshness_board import freshness_board
from supersync_core.services.pipeline_types import list_pipeline_types
from tests.dagster.web.observed import fill_observed, late, report, reported_run
from tests.dagster.web.pages import Pages, fill, parse

PATH = "/supersync/freshness"
HOURLY = {"freshness_number": 1, "freshness_datepart": "hour"}


@pytest.fixture
def orders(pages: Pages) -> int:
    """A pipeline whose data is stale, and whose run was late."""
    timely = {"timeliness_number": 1, "timeliness_datepart": "minute"}
    found = report(pages, "orders", **HOURLY, **timely)
    late(pages, found, reported_run(pages, found, ago=3 * 3600, seconds=90, inserts=1))
    return found


def text(pages: Pages, query: str = "") -> str:
    return " ".join(" ".join(parse(pages.get(PATH + query).text).texts).split())


def mute(pages: Pages, *, script: bool = True, **fields: object) -> httpx.Response:
    headers = {"origin": pages.url} | ({"hx-request": "true"} if script else {}) | pages.headers
    wish = {"whose": "pipeline", "id": 1, "check": "freshness", "switch": "on"} | fields
    data = {"mute": "{whose}-{id}-{check}-{switch}".format(**wish)}
    return httpx.post(f"{pages.url}{PATH}/mutes", data=data, headers=headers, timeout=30)


def muted(pages: Pages) -> list[tuple[bool, bool]]:
    with pages.ledger.begin() as session:
        return [
            (one.freshness.muted, one.timeliness.muted) for one in freshness_board(session, at=pages.context.clock())
        ]


def test_it_says_what_is_expected_and_what_is_so(pages: Pages, orders: int) -> None:
    shown = text(pages)
    assert "Stale within 1 hour" in shown
    assert "Late within 1 minute" in shown
    assert "1 late in 7 days" in shown
    assert f'href="../supersync/pipelines/orders?run={1}#run-{1}"' in pages.get(PATH).text


def test_tiles_and_text_filter(pages: Pages) -> None:
    fill(pages)
    fill_observed(pages)
    assert "10 All 2 Stale 1 Late 1 Muted 2 No data yet 2 Nothing expected" in text(pages)
    html = pages.get(PATH, params={"q": "API", "state": "stale"}).text
    rows = [attrs for tag, attrs in parse(html).tags if tag == "tr" and "data-tiles" in attrs]
    assert [attrs["data-search"] for attrs in rows if "hidden" not in attrs] == ["price list price list api load"]


def test_one_click_mutes_and_the_next_one_lifts_the_mute(pages: Pages, orders: int) -> None:
    answer = mute(pages, id=orders)
    assert f'hx-target="#fresh-{orders}"' in answer.text
    assert "orders: freshness is muted" in answer.text
    assert f'value="pipeline-{orders}-freshness-off"' in answer.text
    assert muted(pages) == [(True, False)]
    mute(pages, id=orders, check="timeliness")
    assert muted(pages) == [(True, True)]
    mute(pages, id=orders, switch="off")
    assert muted(pages) == [(False, True)]


def test_a_mute_is_on_the_board_at_once(pages: Pages, orders: int) -> None:
    assert "1 Stale" in " ".join(" ".join(parse(pages.get("/supersync").text).texts).split())
    mute(pages, id=orders)
    assert pages.context.board.snapshot().standings[0].muted


def test_all_of_a_type_are_muted_together(pages: Pages, orders: int) -> None:
    with pages.ledger.begin() as session:
        type_id = list_pipeline_types(session)[0].id
    answer = mute(pages, whose="type", id=type_id)
    assert 'hx-target="#rows"' in answer.text
    assert "by its type" in text(pages)
    assert muted(pages) == [(False, False)]


def test_without_scripts_a_click_leads_back(pages: Pages, orders: int) -> None:
    answer = mute(pages, script=False, id=orders)
    assert (answer.status_code, answer.headers["location"]) == (303, "../freshness")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param({"id": 4711}, 404, id="no such pipeline"),
        pytest.param({"id": 4711, "whose": "type"}, 404, id="no such type"),
        pytest.param({"id": 10**19 - 1}, 404, id="no number of a pipeline"),
        pytest.param({"id": 10**30}, 422, id="no number at all"),
        pytest.param({"id": "x"}, 422, id="no number"),
        pytest.param({"id": 1, "check": "drift"}, 422, id="no such check"),
    ],
)
def test_what_cannot_be_muted_is_said(pages: Pages, orders: int, fields: dict[str, object], status: int) -> None:
    assert mute(pages, **fields).status_code == status
    assert muted(pages) == [(False, False)]


def test_a_viewer_sees_and_is_refused(pages: Pages, orders: int) -> None:
    pages.headers = {"authorization": f"Bearer {pages.token(Role.VIEWER)}"}
    assert "Stale" in text(pages)
    assert "/mutes" not in pages.get(PATH).text
    assert mute(pages, id=orders).status_code == 403


def test_a_mute_is_in_the_audit(pages: Pages, orders: int) -> None:
    mute(pages, id=orders)
    mute(pages, id=orders, switch="off", check="timeliness")
    with pages.ledger.begin() as session:
        done = [(one.action, one.target, one.result) for one in list_audit(session, AuditFilter(), 9)[0]]
    assert done == [("timeliness.unmute", "orders", 200), ("freshness.mute", "orders", 200)]
