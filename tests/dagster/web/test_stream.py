"""What changes comes to the pages by itself."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Queue
from socket import SHUT_RDWR
from threading import Thread

import httpx
from httpx_sse import EventSource, ServerSentEvent, connect_sse

from supersync_core.domain.execution import Progress
from tests.dagster.web.pages import Pages, parse

WITHIN_S = 15


@contextmanager
def listening(pages: Pages, path: str, **headers: str) -> Iterator["Queue[ServerSentEvent]"]:
    """Events as they come."""
    heard: Queue[ServerSentEvent] = Queue()

    def listen(source: EventSource) -> None:
        with suppress(httpx.HTTPError):  # it ends by being cut
            for event in source.iter_sse():
                heard.put(event)

    with httpx.Client(timeout=30) as client, connect_sse(client, "GET", pages.url + path, headers=headers) as source:
        thread = Thread(target=listen, args=[source])
        thread.start()
        yield heard
        source.response.extensions["network_stream"].get_extra_info("socket").shutdown(SHUT_RDWR)
        thread.join()


def stream_of(pages: Pages, path: str) -> str:
    """The address of the stream that a page listens to."""
    tags = parse(pages.get(path).text).tags
    address = next(attrs["hx-sse:connect"] or "" for _, attrs in tags if "hx-sse:connect" in attrs)
    return "/" + address.lstrip("./")


def wanted(heard: "Queue[ServerSentEvent]", words: str) -> ServerSentEvent:
    """The first event with these words."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        event = heard.get(timeout=max(0.1, deadline - time.monotonic()))
        if words in event.data or words == event.event:
            return event


def test_a_row_that_changes_is_sent_alone(pages: Pages) -> None:
    pages.declare("orders")
    pages.declare("customers")
    with listening(pages, stream_of(pages, "/supersync")) as heard:
        pages.started("orders", progress=Progress("copy", 4711))
        event = wanted(heard, "4,711 rows")
    assert 'hx-target="#row-orders"' in event.data
    assert "row-customers" not in event.data
    assert 'hx-target="#tiles"' in event.data


def test_a_new_pipeline_brings_the_whole_board(pages: Pages) -> None:
    pages.declare("orders")
    with listening(pages, stream_of(pages, "/supersync")) as heard:
        pages.declare("customers")
        event = wanted(heard, "row-customers")
    assert 'hx-target="#board"' in event.data


def test_a_listener_who_comes_back_gets_what_it_missed(pages: Pages) -> None:
    pages.declare("orders")
    address = stream_of(pages, "/supersync")
    with listening(pages, address) as heard:
        pages.started("orders")
        seen = wanted(heard, "Running")
    pages.act("orders", "cancel")
    with listening(pages, address, **{"Last-Event-ID": seen.id}) as heard:
        assert "row-orders" in wanted(heard, "Cancelling").data


def test_the_banner_tells_of_a_daemon_that_has_died(pages: Pages) -> None:
    pages.context.wellbeing.get()
    with listening(pages, stream_of(pages, "/supersync")) as heard:
        pages.launcher.alive = False
        assert 'hx-target="#health"' in wanted(heard, "no sign of life").data


def test_the_page_of_a_pipeline_hears_that_its_run_has_ended(pages: Pages) -> None:
    pages.declare("orders")
    with listening(pages, stream_of(pages, "/supersync/pipelines/orders")) as heard:
        pages.ran("orders", ago=0)
        assert 'hx-target="#head"' in wanted(heard, "Succeeded").data
        assert wanted(heard, "run-ended").data == "orders"


def test_the_page_of_a_pipeline_hears_nothing_of_others(pages: Pages) -> None:
    pages.declare("orders")
    pages.declare("customers")
    with listening(pages, stream_of(pages, "/supersync/pipelines/orders")) as heard:
        pages.started("customers")
        pages.started("orders", progress=Progress("copy", 99))
        assert "customers" not in wanted(heard, "99 rows").data
