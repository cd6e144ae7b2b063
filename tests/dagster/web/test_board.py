"""The board: what its rows say, what it lets nobody do, and that it is fast."""

import time
from collections.abc import Iterator

import pytest

from supersync_core.clock import utcnow
from supersync_core.domain.access import Role
from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind
from supersync_core.ledger.database import Ledger
from supersync_core.services.pipeline_types import amend_pipeline_type
from supersync_core.services.pipelines import register_pipeline
from tests.acceptance.console import until
from tests.copies import copy_pipeline
from tests.dagster.api.table_sync.apis import take_away
from tests.dagster.web.observed import flag, report, reported_run
from tests.dagster.web.pages import Pages, fill, is_a_file_of_ours, parse, running_pages

HOSTILE = '"><script>alert(1)</script><a href=javascript:alert(1)>'


@pytest.fixture(scope="module")
def filled(shared_ledger: Ledger) -> Iterator[Pages]:
    """Pages that are only read."""
    with running_pages(shared_ledger) as pages:
        fill(pages)
        yield pages


def row(pages: Pages, key: str, path: str = "/supersync") -> str:
    """The text of a row."""
    html = pages.get(path).text
    start = html.index(f'id="row-{key}"')
    return " ".join(" ".join(parse(html[start - 4 : html.index("</tr>", start)]).texts).split())


def test_a_board_without_pipelines_says_what_to_do(pages: Pages) -> None:
    html = pages.get("/supersync").text
    assert "No pipelines yet" in html
    assert "kind: table_sync" in html


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("customers", "Failed"),
        ("customers", 'column "price" of the source is now text'),
        ("customers", "Stale"),
        ("orders", "Fresh"),
        ("orders", "184,220"),
        ("orders", "12.0 s"),
        ("invoices", "Paused"),
        ("query_history_sync", "Running"),
        ("query_history_sync", "copy · 48,213 rows"),
        ("archive_of_everything_with_a_rather_long_name", "Never ran"),
    ],
)
def test_a_row_says_how_its_pipeline_stands(filled: Pages, key: str, words: str) -> None:
    assert words in row(filled, key)


def test_a_time_is_relative_with_the_whole_of_it_beside(filled: Pages) -> None:
    times = [attrs for tag, attrs in parse(filled.get("/supersync").text).tags if tag == "time"]
    assert times
    assert all(attrs["datetime"].endswith("Z") and attrs["title"].endswith(" UTC") for attrs in times)  # type: ignore[union-attr]


def test_the_filter_hides_what_does_not_match(filled: Pages) -> None:
    html = filled.get("/supersync", params={"q": "REDSHIFT", "state": "running"}).text
    rows = [attrs for tag, attrs in parse(html).tags if tag == "tr" and "data-tiles" in attrs]
    assert [attrs["id"] for attrs in rows if "hidden" not in attrs] == ["row-query_history_sync"]


def test_tiles_count_pipelines(filled: Pages) -> None:
    texts = " ".join(" ".join(parse(filled.get("/supersync").text).texts).split())
    assert "6 All 1 Running 1 Failed 1 Stale 0 Unusual 1 Paused 3 Succeeded" in texts


def test_the_banner_says_that_the_daemon_is_dead(pages: Pages) -> None:
    pages.launcher.alive = False
    pages.context.wellbeing.get()
    assert "no sign of life" in pages.get("/supersync").text


def test_names_are_text_whatever_they_hold(pages: Pages) -> None:
    pages.declare(HOSTILE, title=HOSTILE, group=HOSTILE, owners=(HOSTILE,), tags={HOSTILE: HOSTILE})
    pages.ran(HOSTILE, error=HOSTILE)
    key = pages.context.board.snapshot().standings[0].key
    for path in ("/supersync", f"/supersync/pipelines/{key}", f"/supersync?q={HOSTILE}", f"/supersync?state={HOSTILE}"):
        html = pages.get(path).text
        scripts = [attrs for tag, attrs in parse(html).tags if tag == "script"]
        assert all(is_a_file_of_ours(attrs) for attrs in scripts)
        assert "<script>" not in html
        links = [attrs.get("href") or "" for tag, attrs in parse(html).tags if tag == "a"]
        assert not [link for link in links if link.startswith("javascript:")]


def test_links_to_dagster_lead_below_its_prefix(ledger: Ledger) -> None:
    with running_pages(ledger, ui_path="/dagster") as pages:
        pages.declare("orders")
        links = [
            attrs.get("href") for tag, attrs in parse(pages.get("/supersync/pipelines/orders").text).tags if tag == "a"
        ]
    assert "../../dagster/assets/orders" in links
    assert "../../dagster/guess/sync__orders" in links


def test_the_board_with_a_slash_is_the_board(pages: Pages) -> None:
    assert pages.get("/supersync/", follow_redirects=True).url.path == "/supersync"


def test_a_viewer_sees_no_buttons(pages: Pages) -> None:
    pages.declare("orders")
    viewer, operator = pages.token(Role.VIEWER), pages.token(Role.OPERATOR)
    seen = {}
    for name, token in (("viewer", viewer), ("operator", operator)):
        pages.headers = {"authorization": f"Bearer {token}"}
        seen[name] = 'name="action"' in pages.get("/supersync").text
    assert seen == {"viewer": False, "operator": True}


def test_a_read_only_server_shows_no_buttons(pages: Pages) -> None:
    pages.declare("orders")
    pages.launcher.read_only = True
    html = pages.get("/supersync").text
    assert "read-only" in html
    assert 'name="action"' not in html


def test_what_others_run_has_no_buttons(pages: Pages) -> None:
    pages.declare("theirs", kind=PipelineKind.EXTERNAL, spec={}, cadence=None)
    assert 'name="action"' not in pages.get("/supersync").text


@pytest.mark.parametrize(
    ("runs", "state"),
    [
        pytest.param([(60, True, True), (30, False, True)], "Failed", id="the last report counts"),
        pytest.param([(60, True, True), (30, None, False)], "Running", id="it runs again"),
        pytest.param(
            [(9000, None, False), (30, True, True)], "Succeeded", id="an older one that never ended is forgotten"
        ),
    ],
)
def test_what_others_run_is_as_they_have_last_reported(
    pages: Pages, runs: list[tuple[float, bool | None, bool]], state: str
) -> None:
    theirs = report(pages, "theirs")
    for ago, succeeded, ended in runs:
        reported_run(pages, theirs, ago=ago, seconds=1, succeeded=succeeded, ended=ended)
    shown = row(pages, "theirs")
    assert state in shown
    assert "run by others" in shown


def test_a_run_of_others_below_one_of_another_pipeline_counts(pages: Pages) -> None:
    parent = reported_run(pages, report(pages, "parent"))
    reported_run(pages, report(pages, "part"), parent_id=parent, inserts=4711)
    assert "4,711" in row(pages, "part")


def test_an_unusual_run_is_marked_until_its_flag_is_taken_back(pages: Pages) -> None:
    run = reported_run(pages, report(pages, "theirs"))
    flag(pages, run, {"inserts": True}, {})
    assert "Unusual" in row(pages, "theirs")
    flag(pages, run, {"inserts": False}, {})
    pages.context.board.forget()
    pages.get("/supersync")
    until(lambda: "Unusual" not in row(pages, "theirs"))


def test_freshness_is_that_of_the_newest_change_and_may_be_the_types(pages: Pages) -> None:
    theirs = report(pages, "theirs")
    with pages.ledger.begin() as session:
        hours = {"freshness_number": 2, "freshness_datepart": "hour"}
        amend_pipeline_type(session, hours, name="extraction", at=utcnow())
    assert "no data yet" in row(pages, "theirs")
    reported_run(pages, theirs, ago=3 * 3600, inserts=1)
    reported_run(pages, theirs, inserts=0)
    until(lambda: "Stale" in row(pages, "theirs"))
    reported_run(pages, theirs, soft_deletes=1)
    until(lambda: "Fresh" in row(pages, "theirs"))


def test_a_stranger_is_led_to_the_login_and_back(pages: Pages) -> None:
    pages.token(Role.VIEWER)
    answer = pages.get("/supersync?q=x", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/supersync/login?next=%2Fsupersync%3Fq%3Dx")
    html = pages.get("/supersync/login?next=/supersync%3Fq%3Dx&failed=token").text
    assert 'name="next" value="/supersync?q=x"' in html
    assert "has been revoked or has expired" in html


def test_a_login_leads_to_the_board_with_a_name_and_a_way_out(pages: Pages) -> None:
    token = pages.token(Role.OPERATOR)
    with pages.client() as client:
        client.post("/supersync/login", data={"token": token, "next": "/supersync"}, headers={"origin": pages.url})
        html = client.get("/supersync").text
    assert "operator, operator" in html
    assert 'action="./supersync/logout"' in html


def test_a_ledger_that_is_away_is_said_on_a_page(pages: Pages, server_url: str) -> None:
    pages.get("/supersync")
    take_away(pages.ledger, server_url)
    time.sleep(1)  # what was read before is shown for so long
    answer = pages.get("/supersync", headers={"accept": "text/html"})
    assert answer.status_code == 503
    assert "Not available" in answer.text
    assert int(answer.headers["retry-after"]) > 0


def test_a_thousand_rows_take_less_than_half_a_second(pages: Pages) -> None:
    with pages.ledger.begin() as session:
        one = register_pipeline(session, PipelineDeclaration("pipeline_0", PipelineKind.TABLE_SYNC), at=utcnow())
        copy_pipeline(session, one, *(f"pipeline_{number}" for number in range(1, 1000)))
    html = pages.get("/supersync").text
    assert html.count("<tr id=") == 1000
    # Of the processor, for other tests want it too.
    begun = time.process_time()
    pages.get("/supersync")
    assert time.process_time() - begun < 0.5
