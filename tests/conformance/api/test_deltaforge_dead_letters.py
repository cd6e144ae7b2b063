"""Dead letters of the DeltaForge document, over HTTP, against `supersync dev`: PostgreSQL to Redis."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.console import until
from tests.conformance.api.cdc import Cdc
from tests.conformance.api.site import Site


@pytest.fixture
def other(site: Site, redis_port: int) -> Iterator[Cdc]:
    """A pipeline that the test creates itself."""
    cdc = Cdc(site, redis_port)
    yield cdc
    cdc.delete()


def test_dead_letters_are_kept_looked_at_acknowledged_and_purged(other: Cdc) -> None:
    other.create(sinks=[{"type": "redis", "config": other.sink(stream="${after.region}")}])
    other.streams()
    other.insert(1, region=other.name)
    for id_ in (2, 3, 4):
        other.insert(id_, region=None)
    other.insert(5, region=other.name)
    assert until(lambda: other.arrived() == [1, 5])
    letters = until(lambda: len(found := other.get("journal/dlq")) == 3 and found)
    assert [one["event"]["after"]["id"] for one in letters] == [2, 3, 4]
    first = letters[0]
    assert {"seq", "timestamp", "pipeline", "event", "meta"} <= set(first)
    assert (first["meta"]["sink_id"], first["meta"]["error_kind"]) == ("events", "routing")
    assert other.get("journal/dlq", limit=1) == [first]
    assert other.get("journal/dlq", sink_id="another") == []
    assert other.get("journal/dlq", error_kind="serialization") == []
    assert other.get("journal/dlq/count") == {"count": 3}
    assert other.get()["ops"]["dlq_entries"] == 3
    assert other.post("journal/dlq/ack", {"up_to_seq": first["seq"]}).json() == {"acked": 1}
    assert other.client.delete(f"/pipelines/{other.name}/journal/dlq").json() == {"purged": 2}
    assert other.get("journal/dlq/count") == {"count": 0}


def test_dead_letters_are_delivered_again_once_the_reason_is_mended(other: Cdc) -> None:
    other.create(sinks=[{"type": "redis", "config": other.sink(stream="${after.region}")}])
    other.streams()
    other.insert(1, 2, region=None)
    letters = until(lambda: len(found := other.get("journal/dlq")) == 2 and found)
    patch = {"spec": {"sinks": [{"config": {"stream": other.name}}]}}
    assert other.client.patch(f"/pipelines/{other.name}", json=patch).status_code == 200
    answer = other.post("journal/dlq/replay", {"up_to_seq": letters[-1]["seq"]})
    assert answer.json() == {"requested": 2, "skipped": 0}
    assert until(lambda: other.arrived() == [1, 2], 60)
    until(lambda: other.get("journal/dlq/count") == {"count": 0})
    events: Any = other.redis.xrange(other.name)
    assert [fields[b"event_id"].decode() for _, fields in events] == [one["event_id"] for one in letters]


@pytest.mark.parametrize("path", ["journal/dlq/ack", "journal/dlq/replay"])
@pytest.mark.parametrize("body", [{}, {"up_to_seq": -1}, {"up_to_seq": "all"}, {"up_to_seq": 2**64}, [], None])
def test_a_wish_about_dead_letters_says_up_to_where(other: Cdc, path: str, body: Any) -> None:
    answer = other.post(path, body)
    assert answer.status_code == 400 and set(answer.json()) == {"code", "message"}
