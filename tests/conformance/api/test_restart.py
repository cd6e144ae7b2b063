"""What outlives a restart of every process, and how the processes end with listeners."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from httpx_sse import connect_sse
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.acceptance.console import until
from tests.conformance.api.site import SYNC, Site

LISTENERS = 20


def counters(site: Site) -> dict[tuple[str, ...], float]:
    """Every counter and bucket of the metrics."""
    with site.client() as client:
        families = list(parse_text(client.get("/metrics").text))
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families
        if family.type in ("counter", "histogram")
        for sample in family.samples
    }


@contextmanager
def listeners(site: Site) -> Iterator[list[threading.Thread]]:
    """Threads that listen until their stream ends."""
    begun = threading.Semaphore(0)

    def listen() -> None:
        try:
            with httpx.Client(timeout=60) as client, connect_sse(client, "GET", f"{site.url}{SYNC}/stream") as source:
                for number, _ in enumerate(source.iter_sse()):
                    if number == 0:
                        begun.release()
        except httpx.TransportError:
            return

    threads = [threading.Thread(target=listen, daemon=True) for _ in range(LISTENERS)]
    for thread in threads:
        thread.start()
    assert all(begun.acquire(timeout=30) for _ in threads)
    yield threads


def test_counters_outlive_a_restart_and_streams_do_not_hold_it_up(site: Site) -> None:
    site.run("query_history_sync")
    before = counters(site)
    with listeners(site) as threads:
        seconds = site.stop()
    until(lambda: not any(thread.is_alive() for thread in threads), 10)
    site.start()
    after = counters(site)
    assert before[("supersync_sync_runs_total", "query_history_sync", "success")] >= 1
    assert {name for name, value in before.items() if after[name] < value} == set()
    # Five seconds on a machine that has time; it may be busy with other tests.
    assert seconds < 10
