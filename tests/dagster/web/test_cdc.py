"""The pages of a CDC pipeline: how it streams, its dead letters, its schemas."""

import json
from typing import Any

import httpx
import pytest

from supersync_core.clock import utcnow
from supersync_core.domain.access import Role
from supersync_core.domain.pipeline import DesiredState, dagster_key
from supersync_core.ledger.database import Ledger
from supersync_core.services.cdc.dead_letters import count, peek
from supersync_core.services.cdc.pipelines import get_cdc_pipeline, set_cdc_state
from supersync_core.services.executions import live_execution
from tests.core.services.cdc.streams import Stream
from tests.dagster.web.pages import Pages, parse
from tests.dagster.web.streaming import fill_stream

KEY = dagster_key("orders-cdc")
PAGE = f"/supersync/pipelines/{KEY}"


@pytest.fixture
def stream(pages: Pages, ledger: Ledger) -> Stream:
    return fill_stream(ledger)


def text(pages: Pages, path: str = PAGE) -> str:
    answer = pages.get(path)
    assert answer.status_code == 200, answer.text
    return " ".join(" ".join(parse(answer.text).texts).split())


def act(pages: Pages, path: str, script: bool = True, **fields: Any) -> httpx.Response:
    headers = {"origin": pages.url} | ({"hx-request": "true"} if script else {}) | pages.headers
    return httpx.post(f"{pages.url}{PAGE}{path}", data=fields, headers=headers, timeout=30)


def wanted(stream: Stream) -> DesiredState:
    state: DesiredState = stream.ask(lambda s: get_cdc_pipeline(s, "orders-cdc").desired_state)
    return state


def left(stream: Stream) -> int:
    return int(stream.ask(lambda s: count(s, get_cdc_pipeline(s, "orders-cdc"))))


def test_it_shows_how_the_stream_goes(pages: Pages, stream: Stream) -> None:
    shown = text(pages)
    assert "Stream" in shown and "Stopped" in shown
    assert "Events 6" in shown and "Dead letters 2" in shown
    assert "more than 5 GB" in shown or "more than 5.0 GB" in shown or "5.4 GB" in shown, shown
    assert "list memory" in shown and "place 3" in shown


def test_the_stream_alone_is_asked_for_again_and_again(pages: Pages, stream: Stream) -> None:
    page, part = parse(pages.get(PAGE).text), parse(pages.get(f"{PAGE}/stream").text)
    (section,) = [attrs for _, attrs in page.tags if attrs.get("id") == "stream"]
    assert (section["hx-get"], section["hx-trigger"]) == (f"../../supersync/pipelines/{KEY}/stream", "every 3s")
    assert [attrs["id"] for _, attrs in part.tags if "id" in attrs][0] == "stream"


def test_throughput_has_a_chart(pages: Pages, stream: Stream) -> None:
    tags = parse(pages.get(PAGE).text).tags
    charts = json.loads(next(attrs["data-charts"] or "" for _, attrs in tags if "data-charts" in attrs))
    assert "throughput" in [one["name"] for one in charts["charts"]]


def test_no_secret_is_shown_not_even_a_sealed_one(pages: Pages, ledger: Ledger, stream: Stream) -> None:
    with ledger.begin() as session:
        pipeline = get_cdc_pipeline(session, "orders-cdc")
        spec = dict(pipeline.spec)
        spec["spec"] = {**spec["spec"], "source": {"type": "memory", "config": {"id": "a", "x": "secret:v1:gAAAA"}}}
        pipeline.spec = spec
    assert "gAAAA" not in pages.get(PAGE).text


@pytest.mark.parametrize(
    ("action", "state"),
    [("pause", DesiredState.PAUSED), ("resume", DesiredState.RUNNING), ("stop", DesiredState.STOPPED)],
)
def test_buttons_say_what_is_wanted(pages: Pages, stream: Stream, action: str, state: DesiredState) -> None:
    before = DesiredState.STOPPED if action == "resume" else DesiredState.RUNNING
    stream.ask(lambda s: set_cdc_state(s, "orders-cdc", before, at=utcnow()))
    assert pages.act(KEY, action, page="pipeline").status_code == 200
    assert wanted(stream) is state


def test_resume_starts_a_run_at_once(pages: Pages, stream: Stream) -> None:
    pages.act(KEY, "resume", page="pipeline")
    assert stream.ask(lambda s: live_execution(s, get_cdc_pipeline(s, "orders-cdc"))) is not None
    assert [key for key, _ in pages.launcher.launched] == [KEY]


@pytest.mark.parametrize("action", ["trigger", "cancel"])
def test_it_has_no_other_buttons(pages: Pages, stream: Stream, action: str) -> None:
    assert f'value="{action}"' not in pages.get(PAGE).text
    assert pages.act(KEY, action).status_code == 409


def test_a_table_sync_cannot_be_stopped(pages: Pages) -> None:
    pages.declare("orders")
    assert pages.act("orders", "stop").status_code == 409


def test_dead_letters_are_shown_with_reason_and_event(pages: Pages, stream: Stream) -> None:
    shown = text(pages, f"{PAGE}/dead-letters")
    assert "2 in all" in shown and "Routing" in shown and "refused by the script" in shown
    assert '"amount": "1.50"' in shown


def test_dead_letters_can_be_filtered_and_come_in_pages(pages: Pages, stream: Stream) -> None:
    assert "There is none like that" in text(pages, f"{PAGE}/dead-letters?kind=serialization")
    assert "There is none like that" in text(pages, f"{PAGE}/dead-letters?sink=other%00")
    first, second = stream.ask(lambda s: peek(s, get_cdc_pipeline(s, "orders-cdc"), limit=9))
    page = pages.get(f"{PAGE}/dead-letters?after={first.seq}").text
    assert f"letter-{second.seq}" in page and f"letter-{first.seq}" not in page


def test_dead_letters_are_acknowledged_up_to_a_number(pages: Pages, stream: Stream) -> None:
    first, _ = stream.ask(lambda s: peek(s, get_cdc_pipeline(s, "orders-cdc"), limit=9))
    answer = act(pages, "/dead-letters/actions", action="acknowledge", up_to_seq=first.seq)
    assert answer.status_code == 200 and "1 dead letters are acknowledged" in answer.text
    assert left(stream) == 1


def test_dead_letters_wait_to_be_delivered_again(pages: Pages, stream: Stream) -> None:
    answer = act(pages, "/dead-letters/actions", script=False, action="replay", up_to_seq=2**40)
    assert answer.status_code == 303
    assert text(pages, f"{PAGE}/dead-letters").count("To be delivered again") == 2


def test_only_an_admin_purges(pages: Pages, stream: Stream) -> None:
    for role, status, remain in ((Role.OPERATOR, 403, 2), (Role.ADMIN, 200, 0)):
        pages.headers = {"authorization": f"Bearer {pages.token(role)}"}
        assert act(pages, "/dead-letters/actions", action="purge").status_code == status
        assert left(stream) == remain


def test_a_viewer_changes_nothing(pages: Pages, stream: Stream) -> None:
    pages.headers = {"authorization": f"Bearer {pages.token(Role.VIEWER)}"}
    assert act(pages, "/dead-letters/actions", action="acknowledge", up_to_seq=2**40).status_code == 403
    assert 'value="replay"' not in pages.get(f"{PAGE}/dead-letters").text
    assert left(stream) == 2


def test_schemas_show_their_versions_with_what_has_changed(pages: Pages, stream: Stream) -> None:
    page = pages.get(f"{PAGE}/schemas").text
    assert "<ins>numeric(10,2) not null default 0</ins>" in page
    assert "public.orders" in page and "Present" in page


def test_schemas_show_drift_and_what_was_sensed(pages: Pages, stream: Stream) -> None:
    shown = text(pages, f"{PAGE}/schemas")
    assert "2 of 4 events" in shown
    assert "numeric(10,2) boolean" in shown and "NOT NULL NULL" in shown
    assert "orders:doc" in shown and "city string at times at times" in shown


@pytest.mark.parametrize("path", ["/stream", "/dead-letters", "/schemas"])
def test_other_pipelines_have_no_such_pages(pages: Pages, path: str) -> None:
    pages.declare("orders")
    assert pages.get(f"/supersync/pipelines/orders{path}").status_code == 404
    assert pages.get(f"/supersync/pipelines/nobody{path}").status_code == 404


def test_diagnostics_show_which_logs_are_kept(pages: Pages, stream: Stream) -> None:
    shown = text(pages, "/supersync/diagnostics")
    assert "Logs that sources keep" in shown and "orders-cdc 6.4 GB" in shown
