"""Each stage is seen while somebody polls, and a cancel ends a sync at any of them within two seconds."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from supersync_core.ledger import chats, facts, wiki
from tests.acceptance.console import until
from tests.core.services.channel_sync.conftest import said
from tests.dagster.api.channel_sync.apis import Api

REPORTED = "The deploy of the BillingService takes forty minutes on Fridays."
LONG_S = 60

STAGES = [
    pytest.param("fetching_messages", chats, "put_messages", id="messages"),
    pytest.param("extracting_facts", facts, "replace_facts", id="facts"),
    pytest.param("building_graph", facts, "graph_facts", id="graph"),
    pytest.param("generating_wiki", wiki, "put_pages", id="wiki"),
]


def held(call: Callable[..., Any]) -> Callable[..., Any]:
    """The call, and a statement after it that takes a minute."""

    def wrapped(session: Session, *given: Any, **named: Any) -> Any:
        done = call(session, *given, **named)
        session.execute(text(f"SELECT pg_sleep({LONG_S})"))
        return done

    return wrapped


@pytest.mark.parametrize(("stage", "module", "name"), STAGES)
def test_a_stage_is_seen_and_a_cancel_ends_it(
    api: Api, monkeypatch: pytest.MonkeyPatch, stage: str, module: Any, name: str
) -> None:
    api.chat.messages += [said(number, REPORTED) for number in range(20)]
    monkeypatch.setattr(module, name, held(getattr(module, name)))
    job = api.start()
    seen = until(lambda: api.status()["current_stage"] == stage and api.status(), 20)
    assert (seen["status"], seen["job_id"]) == ("running", job)
    begun = time.monotonic()
    answer = api.post("/api/sync/cancel", job_id=job)
    took = time.monotonic() - begun
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert until(lambda: api.status()["status"] == "cancelled", 2)
    assert took < 2.5
    monkeypatch.undo()
    done = api.sync()
    assert done["status"] == "completed"
    assert sum(one["facts_extracted"] for one in api.get("/api/sync/history", channel_id="C1")["history"]) == 20


def test_a_platform_that_does_not_answer_holds_up_no_cancel(api: Api) -> None:
    api.chat.messages += [said(number, REPORTED) for number in range(3)]
    api.chat.silent_s = LONG_S
    job = api.start()
    until(lambda: api.status()["current_stage"] == "fetching_messages", 20)
    begun = time.monotonic()
    assert api.post("/api/sync/cancel", job_id=job).json()["status"] == "cancelled"
    assert until(lambda: api.status()["status"] == "cancelled", 2)
    assert time.monotonic() - begun < 2.5


def test_progress_never_falls_and_ends_whole(api: Api) -> None:
    api.chat.messages += [said(number, REPORTED) for number in range(2_600)]
    api.start()
    seen = []
    while not seen or seen[-1]["status"] in ("queued", "running"):
        seen.append(api.status())
    counts = [one["progress"]["processed_messages"] for one in seen]
    assert counts == sorted(counts)
    for one in seen:
        now = one["progress"]
        assert now["percentage"] == (200 * now["processed_messages"] + 2600) // (2 * 2600)
    assert (seen[-1]["status"], counts[-1]) == ("completed", 2_600)


def test_an_end_is_foretold_from_the_pace(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.chat.messages += [said(number, REPORTED) for number in range(20)]
    monkeypatch.setattr(facts, "replace_facts", held(facts.replace_facts))
    job = api.start()
    seen = until(lambda: api.status()["current_stage"] == "extracting_facts" and api.status(), 20)
    assert seen["estimated_completion"] >= seen["started_at"]
    api.post("/api/sync/cancel", job_id=job)
