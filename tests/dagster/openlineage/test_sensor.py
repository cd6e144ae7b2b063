"""The sensor: there where it is configured, it sends the events of real runs, and our own intake takes them."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest
import yaml

from supersync_core.clock import utcnow
from supersync_core.ledger.database import Ledger, open_ledger
from supersync_core.ledger.tables import Execution
from supersync_dagster.openlineage.sensor import OPENLINEAGE
from tests.conftest import TEMPLATE
from tests.core.services.openlineage.events import edges, pipeline
from tests.dagster.api.openlineage.conftest import Intake, opened
from tests.dagster.conftest import Project
from tests.dagster.openlineage.receiver import Receiver, untold

__all__ = ["opened"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with receiver.listening():
        yield receiver


def configure(project: Project, url: str) -> None:
    """Let the project send its events there."""
    file = project.folder / "supersync.yaml"
    data = yaml.safe_load(file.read_text())
    transport = {"type": "http", "url": url, "auth": {"type": "api_key", "apiKey": "a-token-of-an-operator"}}
    file.write_text(yaml.safe_dump({**data, "openlineage": {"namespace": "prod", "transport": transport}}))


def tick(project: Project, cursor: str | None, **options: Any) -> tuple[str, str]:
    """What the sensor says, and its cursor."""
    definition = project.build().resolve_sensor_def(OPENLINEAGE)
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(
            instance=instance, cursor=cursor, resources={"supersync": project.resource}, **options
        ) as context,
    ):
        data = definition.evaluate_tick(context)
    return data.skip_message or "", data.cursor or ""


def an_hour_ago() -> str:
    return json.dumps({"since": (utcnow() - timedelta(hours=1)).isoformat(), "begun": []})


def test_there_is_a_sensor_only_where_it_is_configured(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not project.build().get_repository_def().has_sensor_def(OPENLINEAGE)
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:1")
    assert project.build().get_repository_def().has_sensor_def(OPENLINEAGE)
    monkeypatch.delenv("OPENLINEAGE_URL")
    configure(project, "http://127.0.0.1:1")
    assert project.build().get_repository_def().has_sensor_def(OPENLINEAGE)


def test_a_real_run_is_told_of_with_a_token(project: Project, receiver: Receiver) -> None:
    configure(project, receiver.url)
    assert project.run().success
    said, _ = tick(project, an_hour_ago())
    assert said == "told of the ends of 1 runs"
    assert [(event["eventType"], event["job"]["namespace"]) for event in receiver.events] == [
        ("START", "prod"),
        ("COMPLETE", "prod"),
    ]
    statistics = receiver.events[1]["outputs"][0]["outputFacets"]["outputStatistics"]
    assert statistics["rowCount"] == 1000
    assert {headers["Authorization"] for headers in receiver.headers} == {"Bearer a-token-of-an-operator"}


def test_what_ran_before_the_first_tick_is_not_told(project: Project, receiver: Receiver) -> None:
    configure(project, receiver.url)
    assert project.run().success
    _, cursor = tick(project, None)
    assert project.run().success
    assert tick(project, cursor)[0] == "told of the ends of 1 runs"


def test_a_receiver_that_is_away_is_told_of_everything_later(project: Project) -> None:
    receiver = Receiver()
    with receiver.listening():
        pass
    configure(project, receiver.url)
    cursor = an_hour_ago()
    for _ in range(2):
        assert project.run().success
        said, cursor = tick(project, cursor)
        assert "more later" in said
    with receiver.listening():
        said, cursor = tick(project, cursor)
    assert said == "told of the ends of 2 runs"
    assert [kind for kind, _ in receiver.heard] == ["START", "COMPLETE"] * 2


def test_a_client_that_is_not_installed_is_named_and_nothing_is_lost(
    project: Project, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(project, receiver.url)
    assert project.run().success

    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    with monkeypatch.context() as patch:
        patch.setattr("supersync_dagster.openlineage.client.import_module", missing)
        said, cursor = tick(project, an_hour_ago())
    assert "pip install 'supersync[openlineage]'" in said
    assert tick(project, cursor)[0] == "told of the ends of 1 runs"


def test_a_tick_that_somebody_tests_sends_nothing(
    project: Project, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(project, receiver.url)
    assert project.run().success
    monkeypatch.setattr("supersync_dagster.openlineage.sensor.is_preview", lambda context: True)
    tick(project, an_hour_ago())
    assert receiver.events == []
    assert untold(project.resource.ledger()) == 1


@pytest.fixture
def elsewhere(new_database: Callable[[str], str]) -> Iterator[Ledger]:
    """The ledger of another supersync."""
    ledger = open_ledger(new_database(TEMPLATE))
    yield ledger
    ledger.dispose()


def test_another_supersync_takes_what_this_one_sends(
    project: Project, elsewhere: Ledger, opened: Callable[..., Intake]
) -> None:
    intake = opened(behind=elsewhere, auth="token", tokens="sender:operator:a-token-of-an-operator")
    configure(project, intake.url)
    assert project.run().success
    with project.target() as cursor:
        cursor.execute("DROP TABLE orders CASCADE; CREATE VIEW orders AS SELECT 1 AS id")
    assert not project.run(raise_on_error=False).success
    assert tick(project, an_hour_ago())[0] == "told of the ends of 2 runs"
    with project.resource.ledger().begin() as session:
        ours = session.query(Execution).order_by(Execution.id).all()
    with elsewhere.begin() as session:
        assert pipeline(session, "prod/orders").kind == "external"
        assert len(edges(session)) == 1
        theirs = session.query(Execution).order_by(Execution.id).all()
    for mine, other in zip(ours, theirs, strict=True):
        assert (other.public_id, other.state, other.managed) == (mine.public_id, mine.state, False)
        assert (other.started_at, other.ended_at) == (mine.started_at, mine.ended_at)
    done, failed = theirs
    assert (done.rows_inserted, done.bytes) == (1000, ours[0].bytes)
    assert "This operation is not supported for views" in str(failed.error)


def test_this_supersync_refuses_its_own_events(project: Project, opened: Callable[..., Intake]) -> None:
    ledger = project.resource.ledger()
    intake = opened(behind=ledger, auth="token", tokens="sender:operator:a-token-of-an-operator")
    configure(project, intake.url)
    assert project.run().success
    assert tick(project, an_hour_ago())[0] == "told of the ends of 1 runs"
    with ledger.begin() as session:
        assert session.query(Execution).count() == 1
