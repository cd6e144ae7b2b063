"""The list of all pipelines: rendered once for each change, and never older than the question."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from supersync_core.ledger.database import Ledger
from tests.dagster.api.watcher.apis import Api, running_api


def rendered(api: Api) -> int:
    """How often the columns of all pipelines were read since the last call."""
    count = sum("pipelines.next_watermark" in one for one in api.statements)
    api.statements.clear()
    return count


def test_it_is_rendered_once_however_many_ask(api: Api) -> None:
    for number in range(30):
        api.pipeline(f"pipeline {number}")
    rendered(api)
    with ThreadPoolExecutor(8) as pool:
        bodies = set(pool.map(lambda _: api.client.get("/pipeline").content, range(40)))
    assert len(bodies) == 1
    assert rendered(api) == 1
    assert [one["name"] for one in api.get("/pipeline")] == [f"pipeline {number}" for number in range(30)]


def test_every_kind_of_change_is_seen_at_once(api: Api, ledger: Ledger) -> None:
    pipeline = api.pipeline(next_watermark="W")

    def shown() -> str:
        return str(api.get("/pipeline"))

    seen = [shown()]
    execution = api.started(pipeline)
    changes = (
        lambda: api.ended(execution, inserts=1),
        lambda: api.patch("/pipeline", id=pipeline, mute_freshness_check=True),
        lambda: api.pipeline(next_watermark="X"),
        lambda: api.pipeline("another"),
        lambda: api.client.delete(f"/pipeline/{pipeline}"),
    )
    for change in changes:
        change()
        seen.append(shown())
    with ledger.begin() as session:
        session.execute(text("UPDATE supersync.pipelines SET watermark = 'by another process'"))
    seen.append(shown())
    assert len(set(seen)) == len(changes) + 2


def test_what_one_server_has_written_another_shows(ledger: Ledger) -> None:
    with running_api(ledger) as one, running_api(ledger) as other:
        for number in range(20):
            one.pipeline(f"p{number}")
            assert len(other.get("/pipeline")) == number + 1


def test_a_change_that_is_not_committed_is_not_shown(api: Api, ledger: Ledger) -> None:
    api.pipeline(next_watermark="W")
    before = api.get("/pipeline")
    with ledger.begin() as session:
        session.execute(text("UPDATE supersync.pipelines SET next_watermark = 'X'"))
        assert api.get("/pipeline") == before
    assert api.get("/pipeline")[0]["next_watermark"] == "X"
