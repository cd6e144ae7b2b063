"""Incidents over HTTP: listed, read with all that belongs to them, acknowledged, muted and resolved."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from supersync_core.domain.incident import Finding, IncidentKind, Level
from supersync_core.ledger.check_tables import Alert, Delivery
from supersync_core.services.incidents import report_finding
from tests.dagster.api.watcher.apis import NOON, Api

PATH = "/api/v1/incidents"


def found(api: Api, subject: str = "freshness:1", kind: str = "freshness", level: str = "warning", **given: Any) -> int:
    """Something was found; the incident's id."""
    finding = Finding(IncidentKind(kind), subject, Level(level), f"{subject} is wrong", "since noon", **given)
    with api.ledger.begin() as session:
        return report_finding(session, finding, at=api.now)


def test_an_incident_is_listed_and_read(api: Api) -> None:
    pipeline = api.pipeline()
    id_ = found(api, pipeline_id=pipeline, details={"hours": 3})
    shown = {
        "id": id_,
        "kind": "freshness",
        "subject": "freshness:1",
        "state": "open",
        "level": "warning",
        "title": "freshness:1 is wrong",
        "pipeline_id": pipeline,
        "pipeline": "orders",
        "findings": 1,
        "details": {"hours": 3},
        "reason": None,
        "changed_by": None,
        "muted_until": None,
        "opened_at": "2026-11-22T12:00:00Z",
        "last_found_at": "2026-11-22T12:00:00Z",
        "resolved_at": None,
    }
    assert api.get(PATH) == {"incidents": [shown], "next_cursor": None}
    about = api.get(f"{PATH}/{id_}")
    (alert,) = about.pop("alerts")
    assert about == {**shown, "found": []}
    assert (alert["title"], alert["message"], alert["deliveries"]) == ("freshness:1 is wrong", "since noon", [])


@pytest.mark.parametrize(
    ("action", "body", "state"),
    [("acknowledge", None, "acknowledged"), ("mute", {}, "muted"), ("resolve", {"reason": "done"}, "resolved")],
)
def test_its_state_is_changed_and_by_whom_is_kept(api: Api, action: str, body: Any, state: str) -> None:
    id_ = found(api)
    answer = api.client.post(f"{PATH}/{id_}/{action}", json=body)
    assert answer.status_code == 200, answer.text
    reason = (body or {}).get("reason")
    assert (answer.json()["state"], answer.json()["changed_by"], answer.json()["reason"]) == (state, "local", reason)
    entry = api.get("/api/v1/audit", limit=1)["audit"][0]
    assert (entry["action"], entry["target"], entry["result"]) == (f"incident.{action}", str(id_), 200)


def test_a_mute_ends_by_itself_or_when_somebody_ends_it(api: Api) -> None:
    id_ = found(api)
    until = NOON + timedelta(hours=1)
    muted = api.client.post(f"{PATH}/{id_}/mute", json={"until": until.isoformat()}).json()
    assert (muted["state"], muted["muted_until"]) == ("muted", "2026-11-22T13:00:00Z")
    api.now = until
    again = api.get(f"{PATH}/{id_}")
    assert (again["state"], again["muted_until"]) == ("open", None)
    api.client.post(f"{PATH}/{id_}/mute")
    assert api.client.post(f"{PATH}/{id_}/unmute").json()["state"] == "open"


@pytest.mark.parametrize(
    ("action", "body", "status"),
    [
        ("unmute", {}, 409),
        ("mute", {"until": "2026-11-22T11:00:00Z"}, 422),
        ("mute", {"until": "2026-11-22T13:00:00"}, 422),
        ("mute", {"until": "soon"}, 422),
        ("resolve", {"reason": "x" * 2001}, 422),
        ("resolve", {"reason": "\0"}, 422),
        ("resolve", [], 422),
    ],
)
def test_what_cannot_be_is_refused(api: Api, action: str, body: Any, status: int) -> None:
    answer = api.client.post(f"{PATH}/{found(api)}/{action}", json=body)
    assert answer.status_code == status
    assert api.get(PATH)["incidents"][0]["state"] == "open"


@pytest.mark.parametrize("action", ["acknowledge", "mute", "unmute", "resolve"])
def test_what_is_resolved_stays_and_what_is_unknown_is_404(api: Api, action: str) -> None:
    id_ = found(api)
    api.client.post(f"{PATH}/{id_}/resolve")
    assert api.client.post(f"{PATH}/{id_}/{action}").status_code == 409
    for unknown in (0, -1, 7, 2**63, 10**30):
        assert api.client.post(f"{PATH}/{unknown}/{action}").status_code == 404
        assert api.client.get(f"{PATH}/{unknown}").status_code == 404


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({}, 4),
        ({"state": "open"}, 3),
        ({"state": ["open", "resolved"]}, 4),
        ({"kind": ["queue", "failure"]}, 2),
        ({"level": "warning"}, 3),
        ({"level": "critical"}, 1),
        ({"pipeline_id": 1}, 1),
        ({"pipeline_id": 7}, 0),
    ],
)
def test_incidents_are_listed_as_they_are_asked_for(api: Api, asked: dict[str, Any], count: int) -> None:
    found(api, pipeline_id=api.pipeline())
    found(api, "queue", "queue", "critical")
    found(api, "failure:1", "failure", "info")
    api.client.post(f"{PATH}/{found(api, 'late')}/resolve")
    page = api.get(PATH, **asked)["incidents"]
    assert len(page) == count
    assert [one["id"] for one in page] == sorted((one["id"] for one in page), reverse=True)


def test_pages_give_every_incident_once(api: Api) -> None:
    ids = [found(api, f"subject {number}") for number in range(5)]
    seen, cursor = list[int](), None
    while True:
        page = api.get(PATH, limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [one["id"] for one in page["incidents"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ids[::-1]


def delivery(api: Api, **given: Any) -> int:
    """An alert on its way to a channel; the delivery's id."""
    incident = found(api)
    with api.ledger.begin() as session:
        alert = session.scalars(select(Alert).where(Alert.incident_id == incident)).one()
        times = {"waiting_since": NOON, "next_try_at": NOON + timedelta(minutes=1)}
        made = Delivery(alert_id=alert.id, channel="ops", **{**times, **given})
        session.add(made)
        session.flush()
        return made.id


def test_a_delivery_is_listed_and_sent_again(api: Api) -> None:
    id_ = delivery(api, tries=3, given_up_at=NOON, error="refused")
    (shown,) = api.get("/api/v1/deliveries")["deliveries"]
    assert (shown["id"], shown["channel"], shown["state"], shown["tries"]) == (id_, "ops", "given_up", 3)
    assert (shown["error"], shown["next_try_at"]) == ("refused", None)
    assert api.get(f"{PATH}/1")["alerts"][0]["deliveries"] == [shown]
    again = api.client.post(f"/api/v1/deliveries/{id_}/resend")
    assert again.status_code == 200
    assert (again.json()["state"], again.json()["tries"], again.json()["error"]) == ("waiting", 0, None)
    assert again.json()["next_try_at"] == "2026-11-22T12:00:00Z"
    assert api.get("/api/v1/audit", limit=1)["audit"][0]["action"] == "delivery.resend"


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"state": "delivered"}, 1),
        ({"state": "waiting"}, 0),
        ({"channel": "ops"}, 1),
        ({"channel": "a\0"}, 0),
        ({"alert_id": 2}, 0),
    ],
)
def test_deliveries_are_listed_as_they_are_asked_for(api: Api, asked: dict[str, Any], count: int) -> None:
    delivery(api, delivered_at=NOON)
    assert len(api.get("/api/v1/deliveries", **asked)["deliveries"]) == count


@pytest.mark.parametrize("id_", [0, -1, 7, 2**63, 10**30])
def test_what_was_never_to_be_delivered_is_not_sent_again(api: Api, id_: int) -> None:
    assert api.client.post(f"/api/v1/deliveries/{id_}/resend").status_code == 404
