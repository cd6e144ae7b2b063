"""`/api/channels`, `/api/facts`, `/api/graph`, `/api/wiki`: what syncs have made."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from supersync_core.ledger.database import Ledger
from tests.core.services.channel_sync.conftest import NOON, said
from tests.dagster.api.channel_sync.apis import Api, running_api

SAID = (
    "We decided to move the BillingService to PostgreSQL before March.",
    "The BillingService depends on PostgreSQL for everything that must survive.",
    "The SearchIndex was rebuilt on Sunday and is twice as fast as before.",
    "The BillingService wrote <script>alert(1)</script> into the AuditLog twice.",
)


def sync(api: Api) -> None:
    """Let there be a channel of four messages, and sync it."""
    authors = ("Ada", "Grace", "Ada", "Linus")
    api.chat.messages += [said(n, text, author_name=authors[n]) for n, text in enumerate(SAID)]
    assert api.sync()["status"] == "completed"


@pytest.fixture(scope="module")
def synced(shared_ledger: Ledger) -> Iterator[Api]:
    """A channel of four messages, synced; it is only read."""
    with running_api(shared_ledger) as api:
        sync(api)
        yield api


def texts(api: Api, **parameters: Any) -> list[int]:
    """Which of `SAID` are found, the one said last first."""
    return [SAID.index(one["text"]) for one in api.get("/api/facts", **parameters)["facts"]]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        pytest.param({}, [3, 2, 1, 0], id="all"),
        pytest.param({"q": "deciding"}, [0], id="a word in another form"),
        pytest.param({"q": '"billingservice depends"'}, [1], id="a phrase"),
        pytest.param({"q": "billingservice -march"}, [3, 1], id="without a word"),
        pytest.param({"q": "march or sunday"}, [2, 0], id="one or the other"),
        pytest.param({"q": "'; DROP TABLE facts; --"}, [], id="no SQL"),
        pytest.param({"author": "Ada"}, [2, 0], id="by author"),
        pytest.param({"entity": "postgresql"}, [1, 0], id="by entity"),
        pytest.param({"channel_id": "C9"}, [], id="of another channel"),
        pytest.param({"since": (NOON + timedelta(minutes=2)).isoformat()}, [3, 2], id="since"),
        pytest.param({"until": (NOON + timedelta(minutes=1)).isoformat()}, [1, 0], id="until"),
    ],
)
def test_facts_are_found(synced: Api, parameters: dict[str, str], expected: list[int]) -> None:
    assert texts(synced, **parameters) == expected


def test_a_fact_names_the_message_that_says_it(synced: Api) -> None:
    fact = synced.get("/api/facts", q="sunday")["facts"][0]
    assert (fact["author"], fact["channel_id"]) == ("Ada", "C1")
    assert fact["source"]["message_id"] == "m2"
    assert fact["source"]["permalink"] == "https://chat.example/C1/m2"


def test_pages_of_facts_have_each_once(synced: Api) -> None:
    found, cursor = list[str](), None
    while True:
        page = synced.get("/api/facts", limit=1, **({"cursor": cursor} if cursor else {}))
        found += [one["text"] for one in page["facts"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == list(reversed(SAID))


def test_the_graph_is_what_is_around_an_entity(synced: Api) -> None:
    graph = synced.get("/api/graph", entity="postgresql")
    (centre,) = graph["centre"]
    names = {one["id"]: one["name"] for one in graph["entities"]}
    assert names[centre] == "PostgreSQL"
    assert "BillingService" in names.values()
    assert "SearchIndex" not in names.values()
    ends = {frozenset((names[one["source"]], names[one["target"]])) for one in graph["relationships"]}
    assert frozenset(("PostgreSQL", "BillingService")) in ends
    assert all(one["fact_ids"] for one in graph["relationships"])


def test_a_page_has_markdown_html_and_citations(synced: Api) -> None:
    listed = synced.get("/api/wiki", channel_id="C1")["pages"]
    assert "general.overview" in [one["slug"] for one in listed]
    page = synced.get("/api/wiki/general.entity.billingservice")
    assert page["title"] == "BillingService"
    assert {one["message_id"] for one in page["citations"]} == {"m0", "m1", "m3"}
    assert "[^1]" in page["markdown"] and 'href="#fn1"' in page["html"]
    assert "<script>" not in page["html"] and "&lt;script&gt;alert(1)&lt;/script&gt;" in page["html"]
    assert page["parent"] == "general.overview"
    assert page["slug"] in synced.get("/api/wiki/general.overview")["children"]


def test_pages_are_found_by_words(synced: Api) -> None:
    found = [one["slug"] for one in synced.get("/api/wiki", q="depends everything")["pages"]]
    assert "general.entity.billingservice" in found
    assert synced.get("/api/wiki", q="nonsense")["pages"] == []


def test_only_pages_that_changed_get_a_version(api: Api) -> None:
    sync(api)
    before = {one["slug"]: one["version"] for one in api.get("/api/wiki")["pages"]}
    api.chat.messages.append(said(9, "The BillingService is now owned by the platform team for good."))
    api.sync()
    after = {one["slug"]: one["version"] for one in api.get("/api/wiki")["pages"]}
    assert after["general.entity.billingservice"] == 2
    old = api.get("/api/wiki/general.entity.billingservice", version=1)
    assert "platform team" not in old["markdown"]
    assert "platform team" in api.get("/api/wiki/general.entity.billingservice")["markdown"]
    api.sync(force=True)
    assert {one["slug"]: one["version"] for one in api.get("/api/wiki")["pages"]} == after
    assert before["general.overview"] == 1


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        pytest.param("/api/wiki/nothing", 404, "PAGE_NOT_FOUND", id="page"),
        pytest.param("/api/wiki/general.overview?version=99", 404, "PAGE_NOT_FOUND", id="version"),
        pytest.param("/api/graph?entity=nobody", 404, "ENTITY_NOT_FOUND", id="entity"),
        pytest.param("/api/facts?cursor=x", 422, "VALIDATION_ERROR", id="cursor"),
        pytest.param("/api/facts?unknown=1", 422, "VALIDATION_ERROR", id="unknown parameter"),
        pytest.param("/api/facts?since=soon", 422, "VALIDATION_ERROR", id="time"),
        pytest.param("/api/facts?q=%00", 422, "VALIDATION_ERROR", id="NUL"),
        pytest.param("/api/graph?depth=9", 422, "VALIDATION_ERROR", id="depth"),
    ],
)
def test_what_is_not_there_is_the_error_document(synced: Api, path: str, status: int, code: str) -> None:
    answer = synced.client.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text


def test_channels_say_how_they_stand(synced: Api) -> None:
    (channel,) = synced.get("/api/channels")["channels"]
    assert (channel["channel_id"], channel["name"], channel["last_status"]) == ("C1", "general", "completed")
    assert (channel["messages"], channel["facts"], channel["wiki"]) == (4, 4, "general.overview")
