"""What the buttons do, with scripts and without."""

import pytest

from supersync_core.domain.access import Role
from supersync_core.domain.execution import ExecutionState, Trigger
from supersync_core.domain.pipeline import DesiredState, PipelineKind
from supersync_core.services.audit import AuditFilter, list_audit
from supersync_core.services.executions import open_execution
from supersync_core.services.pipelines import get_pipeline
from tests.dagster.web.pages import Pages


@pytest.fixture(autouse=True)
def orders(pages: Pages) -> None:
    pages.declare("orders", title="Orders")


def state(pages: Pages) -> DesiredState:
    with pages.ledger.begin() as session:
        return get_pipeline(session, "orders").desired_state


def actions(pages: Pages) -> list[tuple[str, str, int | None]]:
    """The audit, the newest first."""
    with pages.ledger.begin() as session:
        return [(one.action, one.target, one.result) for one in list_audit(session, AuditFilter(), 50)[0]]


def test_run_now_queues_a_run_and_shows_it(pages: Pages) -> None:
    answer = pages.act("orders", "trigger")
    assert answer.status_code == 200
    assert [key for key, _ in pages.launcher.launched] == ["orders"]
    assert 'hx-target="#row-orders"' in answer.text
    assert "Queued" in answer.text
    assert "Orders: a run is queued" in answer.text


def test_without_scripts_a_button_leads_back_to_its_page(pages: Pages) -> None:
    board = pages.act("orders", "pause", script=False)
    assert (board.status_code, board.headers["location"]) == (303, "../../../supersync#row-orders")
    page = pages.act("orders", "resume", script=False, page="pipeline")
    assert (page.status_code, page.headers["location"]) == (303, "../orders")


def test_pause_and_resume_turn_the_switch(pages: Pages) -> None:
    assert "Paused" in pages.act("orders", "pause").text
    assert state(pages) is DesiredState.PAUSED
    assert "Paused" not in pages.act("orders", "resume").text.partition("toast")[0]
    assert state(pages) is DesiredState.RUNNING
    assert pages.launcher.switched == [("orders", False), ("orders", True)]


def test_cancel_ends_what_waits(pages: Pages) -> None:
    pages.act("orders", "trigger")
    assert "Cancelled" in pages.act("orders", "cancel").text
    assert pages.context.board.snapshot().standings[0].live is None


def test_cancel_tells_what_runs_to_end(pages: Pages) -> None:
    pages.started("orders")
    assert "Cancelling" in pages.act("orders", "cancel").text


def test_the_pipelines_own_page_gets_its_head(pages: Pages) -> None:
    answer = pages.act("orders", "trigger", page="pipeline")
    assert 'hx-target="#head"' in answer.text
    assert 'action="../../supersync/pipelines/orders/actions"' in answer.text


@pytest.mark.parametrize(
    ("key", "action", "status", "words"),
    [
        pytest.param("orders", "cancel", 409, "nothing to cancel", id="nothing runs"),
        pytest.param("nobody", "trigger", 404, "there is no pipeline", id="unknown"),
        pytest.param("orders", "destroy", 422, "trigger", id="no such action"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_message(pages: Pages, key: str, action: str, status: int, words: str) -> None:
    answer = pages.act(key, action)
    assert answer.status_code == status
    assert words in answer.text
    assert 'hx-target="#toasts"' in answer.text
    assert 'role="alert"' in answer.text


def test_what_cannot_be_done_is_a_page_without_scripts(pages: Pages) -> None:
    answer = pages.act("orders", "cancel", script=False)
    assert answer.status_code == 409
    assert "<h1>Not now</h1>" in answer.text


def test_a_second_run_at_a_time_is_refused(pages: Pages) -> None:
    with pages.ledger.begin() as session:
        at = pages.context.clock()
        open_execution(session, get_pipeline(session, "orders"), trigger=Trigger.SCHEDULE, at=at)
    answer = pages.act("orders", "trigger")
    assert answer.status_code == 409
    assert f"orders is {ExecutionState.QUEUED.value} already" in answer.text


def test_a_dead_daemon_is_said_and_nothing_is_queued(pages: Pages) -> None:
    pages.launcher.alive = False
    answer = pages.act("orders", "trigger")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "nothing was queued" in answer.text
    assert pages.launcher.launched == []


def test_a_server_that_is_read_only_refuses(pages: Pages) -> None:
    pages.launcher.read_only = True
    assert pages.act("orders", "trigger").status_code == 403


def test_what_others_run_cannot_be_run_from_here(pages: Pages) -> None:
    pages.declare("theirs", kind=PipelineKind.EXTERNAL, spec={}, cadence=None)
    assert pages.act("theirs", "trigger").status_code == 404


def test_a_viewer_is_refused(pages: Pages) -> None:
    pages.headers = {"authorization": f"Bearer {pages.token(Role.VIEWER)}"}
    answer = pages.act("orders", "trigger")
    assert answer.status_code == 403
    assert "needs the role operator" in answer.text


def test_each_change_leaves_one_entry_in_the_audit(pages: Pages) -> None:
    for action in ("pause", "resume", "trigger", "cancel"):
        pages.act("orders", action)
    done = [(f"sync.{action}", "orders", 200) for action in ("cancel", "trigger", "resume", "pause")]
    assert actions(pages) == done


def test_a_form_of_a_session_carries_what_shows_that_it_is_ours(pages: Pages) -> None:
    token = pages.token(Role.OPERATOR)
    with pages.client() as client:
        own = {"origin": pages.url}
        client.post("/supersync/login", data={"token": token}, headers=own)
        csrf = client.get("/supersync").text.partition('name="csrf_token" value="')[2].partition('"')[0]
        address = "/supersync/pipelines/orders/actions"
        refused = client.post(address, data={"action": "pause"}, headers=own)
        done = client.post(address, data={"action": "pause", "csrf_token": csrf}, headers=own)
    assert (refused.status_code, done.status_code) == (403, 303)
