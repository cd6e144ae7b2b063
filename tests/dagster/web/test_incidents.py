"""Incidents: what somebody has to take care of, and the buttons to do so."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from supersync_core.clock import utcnow
from supersync_core.domain.access import Role
from supersync_core.domain.check import CheckKind
from supersync_core.domain.incident import IncidentKind, IncidentState, Level
from supersync_core.ledger.check_tables import CheckResult, Delivery
from supersync_core.services.audit import AuditFilter, list_audit
from supersync_core.services.incidents import read_incident
from tests.dagster.web.observed import fill_incidents, incident, report, reported_run
from tests.dagster.web.pages import Pages, parse
from tests.dagster.web.test_stream import listening, stream_of, wanted

PATH = "/supersync/incidents"


@pytest.fixture(autouse=True)
def orders(pages: Pages) -> int:
    return report(pages, "orders")


def text(pages: Pages, path: str = PATH) -> str:
    return " ".join(" ".join(parse(pages.get(path).text).texts).split())


def act(pages: Pages, incident_id: int, action: str, *, script: bool = True, **fields: str) -> httpx.Response:
    headers = {"origin": pages.url} | ({"hx-request": "true"} if script else {}) | pages.headers
    data = {"action": action, **fields}
    return httpx.post(f"{pages.url}{PATH}/{incident_id}/actions", data=data, headers=headers, timeout=30)


def now(pages: Pages, incident_id: int) -> Any:
    with pages.ledger.begin() as session:
        return read_incident(session, incident_id, at=pages.context.clock())


def test_without_incidents_nobody_needs_to_do_anything(pages: Pages) -> None:
    assert "Nobody needs to take care of anything." in text(pages)


def test_each_state_has_a_list(pages: Pages) -> None:
    for name in ("warehouse stock", "price list", "slow export"):
        report(pages, name)
    fill_incidents(pages)
    assert "1 Open 1 Acknowledged 1 Muted 1 Resolved" in text(pages)
    assert "anomaly of warehouse stock" in text(pages)
    assert "by ada" in text(pages, f"{PATH}?state=acknowledged")
    assert "until in 1 d" in text(pages, f"{PATH}?state=muted")
    assert "failure of orders" in text(pages, f"{PATH}?state=resolved")


def test_a_mute_that_has_run_out_is_open(pages: Pages) -> None:
    incident(pages, IncidentKind.ANOMALY, "orders", IncidentState.MUTED, muted_until=utcnow() - timedelta(seconds=1))
    assert "1 Open 0 Acknowledged 0 Muted" in text(pages)


def test_it_is_filtered_by_kind_level_and_pipeline(pages: Pages) -> None:
    report(pages, "others")
    incident(pages, IncidentKind.ANOMALY, "orders", title="one")
    incident(pages, IncidentKind.FAILURE, "orders", level=Level.CRITICAL, title="two")
    incident(pages, IncidentKind.ANOMALY, "others", level=Level.INFO, title="three")
    shown = {
        query: [title for title in ("one", "two", "three") if title in text(pages, f"{PATH}?{query}").split()]
        for query in ("kind=anomaly", "level=warning", "level=critical", "pipeline=others", "pipeline=nobody")
    }
    assert shown == {
        "kind=anomaly": ["one", "three"],
        "level=warning": ["one", "two"],
        "level=critical": ["two"],
        "pipeline=others": ["three"],
        "pipeline=nobody": [],
    }


def test_older_ones_are_on_another_page(pages: Pages) -> None:
    for number in range(51):
        report(pages, f"p{number}")
        incident(pages, IncidentKind.ANOMALY, f"p{number}", title=f"number-{number}-")
    html = pages.get(PATH).text
    assert "number-50-" in html
    assert "number-0-" not in html
    older = next(attrs["href"] or "" for tag, attrs in parse(html).tags if attrs.get("rel") == "next")
    assert "number-0-" in pages.get("/" + older.lstrip("./")).text


@pytest.mark.parametrize("query", ["?state=lost", "?kind=x", "?level=x", "?before=0", "?before=x"])
def test_what_cannot_be_asked_for_is_refused(pages: Pages, query: str) -> None:
    assert pages.get(PATH + query).status_code == 422


@pytest.mark.parametrize("path", ["/4711", f"/{10**30}", "/4711/details"])
def test_an_unknown_incident_is_a_page_that_leads_back(pages: Pages, path: str) -> None:
    answer = pages.get(PATH + path)
    assert answer.status_code == 404
    assert "/supersync" in answer.text


def test_its_page_shows_findings_alerts_and_deliveries(pages: Pages, orders: int) -> None:
    run = reported_run(pages, orders)
    with pages.ledger.begin() as session:
        found = {"execution_id": run, "passed": False, "details": {"minutes": 17, "limit": {"minutes": 10}}}
        session.add(
            CheckResult(pipeline_id=orders, kind=CheckKind.TIMELINESS, checked_at=pages.context.clock(), **found)
        )
    one = incident(pages, IncidentKind.TIMELINESS, "orders", details={"z_score": 4.25})
    shown = text(pages, f"{PATH}/{one}")
    assert "z score 4.25" in shown
    assert "limit minutes 10 minutes 17" in shown
    assert f'href="../../supersync/pipelines/orders?run={run}#run-{run}"' in pages.get(f"{PATH}/{one}").text
    assert "orders is not as it should be." in shown
    assert "hook: Delivered 1 h ago" in shown
    assert "team: Given up" in shown
    assert "the receiver answers 503" in shown


def test_a_failure_shows_the_runs_that_failed(pages: Pages) -> None:
    pages.declare("ours")
    pages.ran("ours", error="the source is away")
    pages.ran("ours", ago=30, error="the source is still away")
    shown = text(pages, f"{PATH}/1")
    assert "the source is away" in shown
    assert "the source is still away" in shown


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ("acknowledge", IncidentState.ACKNOWLEDGED),
        ("mute", IncidentState.MUTED),
        ("resolve", IncidentState.RESOLVED),
    ],
)
def test_a_button_changes_the_state_with_a_reason(pages: Pages, action: str, state: IncidentState) -> None:
    one = incident(pages, IncidentKind.ANOMALY, "orders")
    answer = act(pages, one, action, reason=" the vendor knows ")
    assert answer.status_code == 200
    assert 'hx-target="#details"' in answer.text
    entry = now(pages, one)
    assert (entry.state, entry.incident.reason) == (state, "the vendor knows")
    assert entry.incident.changed_by


def test_a_muted_one_can_be_opened_again(pages: Pages) -> None:
    one = incident(pages, IncidentKind.ANOMALY, "orders")
    act(pages, one, "mute")
    assert "is open again" in act(pages, one, "unmute", page="list").text
    assert now(pages, one).state is IncidentState.OPEN


@pytest.mark.parametrize(
    ("fields", "hours"),
    [
        pytest.param({"hours": "8"}, 8, id="so many hours"),
        pytest.param({"hours": "0"}, None, id="for good"),
        pytest.param({"hours": "8", "until": "{later:%Y-%m-%dT%H:%M}"}, 48, id="until a time in UTC"),
        pytest.param({"until": "{later:%Y-%m-%dT%H:%M}+05:00"}, 43, id="until a time of a zone"),
    ],
)
def test_a_mute_ends_when_it_is_said(pages: Pages, fields: dict[str, str], hours: int | None) -> None:
    one = incident(pages, IncidentKind.ANOMALY, "orders")
    begun = utcnow()
    later = begun + timedelta(hours=48)
    assert act(pages, one, "mute", **{k: v.format(later=later) for k, v in fields.items()}).status_code == 200
    until = now(pages, one).incident.muted_until
    assert (until is None) == (hours is None)
    assert until is None or abs(until - begun - timedelta(hours=hours or 0)) < timedelta(minutes=2)


@pytest.mark.parametrize(
    ("action", "fields", "status"),
    [
        pytest.param("mute", {"until": "2020-01-01T00:00"}, 422, id="over already"),
        pytest.param("mute", {"until": "tomorrow"}, 422, id="no time"),
        pytest.param("mute", {"hours": "-1"}, 422, id="backwards"),
        pytest.param("unmute", {}, 409, id="not muted"),
        pytest.param("delete", {}, 422, id="no such action"),
        pytest.param("acknowledge", {"reason": "x" * 2001}, 422, id="too long a reason"),
        pytest.param("acknowledge", {"reason": "x\0"}, 422, id="not text"),
    ],
)
def test_what_cannot_be_done_changes_nothing(pages: Pages, action: str, fields: dict[str, str], status: int) -> None:
    one = incident(pages, IncidentKind.ANOMALY, "orders")
    answer = act(pages, one, action, **fields)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert now(pages, one).state is IncidentState.OPEN


def delivery(pages: Pages, channel: str) -> Delivery:
    with pages.ledger.begin() as session:
        return session.scalars(select(Delivery).where(Delivery.channel == channel)).one()


def resend(pages: Pages, incident_id: int, delivery_id: int, *, script: bool = True) -> httpx.Response:
    headers = {"origin": pages.url} | ({"hx-request": "true"} if script else {}) | pages.headers
    return httpx.post(f"{pages.url}{PATH}/{incident_id}/deliveries/{delivery_id}", headers=headers, timeout=30)


@pytest.mark.parametrize("channel", ["hook", "team"])
def test_an_alert_is_sent_again(pages: Pages, channel: str) -> None:
    one = incident(pages, IncidentKind.ANOMALY, "orders")
    answer = resend(pages, one, delivery(pages, channel).id)
    assert answer.status_code == 200
    assert f"It is on its way to {channel}" in answer.text
    assert "On its way" in answer.text
    now = delivery(pages, channel)
    assert (now.delivered_at, now.given_up_at) == (None, None)
    with pages.ledger.begin() as session:
        assert [entry.action for entry in list_audit(session, AuditFilter(), 9)[0]] == ["alert.resend"]


def test_an_alert_of_another_incident_is_not_sent_from_here(pages: Pages) -> None:
    one = incident(pages, IncidentKind.ANOMALY, "orders")
    given_up = delivery(pages, "team")
    assert resend(pages, one + 1, given_up.id).status_code == 404
    assert resend(pages, one, 4711).status_code == 404
    assert delivery(pages, "team").given_up_at is not None


def test_without_scripts_sending_again_leads_back(pages: Pages) -> None:
    one = incident(pages, IncidentKind.ANOMALY, "orders")
    answer = resend(pages, one, delivery(pages, "hook").id, script=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"../../{one}#alerts")


def test_a_viewer_sends_nothing_again(pages: Pages) -> None:
    one = incident(pages, IncidentKind.ANOMALY, "orders")
    pages.headers = {"authorization": f"Bearer {pages.token(Role.VIEWER)}"}
    assert resend(pages, one, delivery(pages, "hook").id).status_code == 403
    assert "/deliveries/" not in pages.get(f"{PATH}/{one}").text


def test_what_is_resolved_stays_so(pages: Pages) -> None:
    one = incident(pages, IncidentKind.ANOMALY, "orders", IncidentState.RESOLVED)
    assert act(pages, one, "acknowledge").status_code == 409
    assert 'name="action"' not in pages.get(f"{PATH}/{one}").text


def test_an_unknown_incident_cannot_be_changed(pages: Pages) -> None:
    assert act(pages, 4711, "resolve").status_code == 404


def test_without_scripts_a_button_leads_back_to_its_page(pages: Pages) -> None:
    one = incident(pages, IncidentKind.ANOMALY, "orders")
    answer = act(pages, one, "acknowledge", script=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"../{one}")
    answer = act(pages, one, "resolve", script=False, page="list")
    assert (answer.status_code, answer.headers["location"]) == (303, "../../incidents")


def test_a_viewer_sees_and_is_refused(pages: Pages) -> None:
    one = incident(pages, IncidentKind.ANOMALY, "orders")
    pages.headers = {"authorization": f"Bearer {pages.token(Role.VIEWER)}"}
    assert "anomaly of orders" in text(pages)
    assert 'name="action"' not in pages.get(f"{PATH}/{one}").text + pages.get(PATH).text
    assert act(pages, one, "resolve").status_code == 403


def test_each_change_is_in_the_audit(pages: Pages) -> None:
    one = incident(pages, IncidentKind.ANOMALY, "orders")
    for action in ("acknowledge", "mute", "unmute", "resolve"):
        act(pages, one, action)
    with pages.ledger.begin() as session:
        done = [(entry.action, entry.target) for entry in list_audit(session, AuditFilter(), 9)[0]][::-1]
    assert done == [(f"incident.{action}", str(one)) for action in ("acknowledge", "mute", "unmute", "resolve")]


def test_every_page_says_how_many_are_open(pages: Pages) -> None:
    incident(pages, IncidentKind.ANOMALY, "orders")
    for path in ("/supersync", "/supersync/lineage", "/supersync/pipelines/orders", "/api/docs"):
        assert "Incidents 1 open incidents" in text(pages, path), path


def test_pages_hear_of_a_new_one(pages: Pages) -> None:
    with listening(pages, stream_of(pages, PATH)) as heard:
        incident(pages, IncidentKind.ANOMALY, "orders")
        assert wanted(heard, "incidents-changed")
    with listening(pages, stream_of(pages, "/supersync")) as heard:
        assert 'hx-target="#open-incidents"' in wanted(heard, "1<span").data


def test_the_page_of_one_hears_that_it_was_taken_care_of(pages: Pages) -> None:
    one = incident(pages, IncidentKind.ANOMALY, "orders")
    with listening(pages, stream_of(pages, f"{PATH}/{one}")) as heard:
        act(pages, one, "acknowledge")
        assert wanted(heard, "incidents-changed")
        resend(pages, one, delivery(pages, "hook").id)
        assert wanted(heard, "incidents-changed")
