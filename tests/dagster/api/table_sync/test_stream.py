"""The stream of the status, as clients listen to it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager

import httpx
import pytest
from httpx_sse import EventSource, ServerSentEvent, aconnect_sse, connect_sse

from tests.dagster.api.table_sync.apis import SYNC, Api

LISTENERS = 200


@contextmanager
def listening(api: Api) -> Iterator[EventSource]:
    with httpx.Client(timeout=20) as client, connect_sse(client, "GET", api.url + SYNC + "/stream") as source:
        yield source


def test_the_first_event_comes_at_once_and_is_the_status(api: Api) -> None:
    api.declare("a")
    with listening(api) as source:
        begun = time.monotonic()
        event = next(source.iter_sse())
    assert time.monotonic() - begun < 2
    assert (event.event, json.loads(event.data)) == ("sync_update", api.get("/status").json())


def test_its_headers_keep_proxies_from_holding_it_back(api: Api) -> None:
    with listening(api) as source:
        headers = source.response.headers
        assert headers["content-type"].startswith("text/event-stream")
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")


def test_a_client_is_told_to_come_back_after_five_seconds(api: Api) -> None:
    with listening(api) as source:
        assert next(source.iter_sse()).retry == 5000


def test_a_change_comes_within_a_second(api: Api) -> None:
    api.declare("a")
    with listening(api) as source:
        events = source.iter_sse()
        next(events)
        begun = time.monotonic()
        api.ran("a")
        event = next(events)
    assert json.loads(event.data)["jobs"][0]["last_run"] == "2026-11-22T12:00:01.000Z"
    # Two seconds on a busy machine: the promise is one.
    assert time.monotonic() - begun < 2


def test_without_a_change_an_event_comes_every_five_seconds(api: Api) -> None:
    with listening(api) as source:
        events = source.iter_sse()
        first, begun = next(events), time.monotonic()
        second = next(events)
    assert 4 < time.monotonic() - begun < 7
    assert int(second.id) == int(first.id) + 1


@pytest.mark.timeout(120)
def test_two_hundred_streams_cost_one_query_per_look(api: Api) -> None:
    api.declare("a")

    async def listen() -> tuple[list[ServerSentEvent], int, float]:
        async with AsyncExitStack() as stack:
            limits = httpx.Limits(max_connections=None)
            client = await stack.enter_async_context(httpx.AsyncClient(timeout=60, limits=limits))
            streams: list[AsyncIterator[ServerSentEvent]] = []
            for _ in range(LISTENERS):
                source = await stack.enter_async_context(aconnect_sse(client, "GET", api.url + SYNC + "/stream"))
                streams.append(source.aiter_sse())
            await asyncio.gather(*(anext(stream) for stream in streams))
            before, begun = len(api.statements), time.monotonic()
            events: list[ServerSentEvent] = []
            while len(api.statements) == before:  # on a slow machine the next ones may have come already
                events = await asyncio.gather(*(anext(stream) for stream in streams))
            return events, len(api.statements) - before, time.monotonic() - begun

    events, queries, seconds = asyncio.run(listen())
    assert len({event.data for event in events}) == 1
    assert 1 <= queries <= seconds / 0.8 + 2


def test_nobody_looks_when_nobody_listens(api: Api) -> None:
    with listening(api) as source:
        next(source.iter_sse())
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        before = len(api.statements)
        time.sleep(2)
        if len(api.statements) == before:
            return
    pytest.fail("it looks on")
