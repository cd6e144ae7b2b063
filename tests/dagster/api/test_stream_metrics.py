"""Numbers of CDC pipelines at /metrics, as Prometheus reads them."""

from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from supersync_core.ledger.database import Ledger
from tests.core.services.cdc.streams import Stream
from tests.core.services.conftest import eventually
from tests.dagster.api.table_sync.apis import Api, running_api

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def api(ledger: Ledger) -> Iterator[Api]:
    with running_api(ledger) as api:
        yield api


def samples(api: Api) -> dict[tuple[str, ...], float]:
    """Every sample of CDC pipelines by its name and the values of its labels, in the order of these."""
    return {
        (found.name, *(value for _, value in sorted(found.labels.items()))): found.value
        for family in parse_text(httpx.get(f"{api.url}/metrics").text)
        for found in family.samples
        if found.name.startswith("supersync_cdc_")
    }


def test_every_series_of_a_pipeline_is_there_at_zero_from_the_start(api: Api, ledger: Ledger) -> None:
    Stream(ledger).create()
    found = samples(api)
    names = ("events_total", "bytes_total", "refused_events_total", "dead_letters", "lag_seconds", "retained_bytes")
    for name in (*names, "batch_size_count"):
        assert found[f"supersync_cdc_{name}", "orders-cdc"] == 0
    for name in ("sink_failing", "sink_latency_seconds_count", "sink_latency_seconds_sum"):
        assert found[f"supersync_cdc_{name}", "orders-cdc", "list"] == 0
    assert found[("supersync_cdc_retained_warning_bytes",)] == 5 << 30


def test_they_count_what_has_come(api: Api, ledger: Ledger) -> None:
    stream = Stream(ledger)
    stream.create()
    stream.insert(1, 2, 3)
    with stream.running():
        assert eventually(lambda: stream.rows == [1, 2, 3])
    found = samples(api)
    assert found["supersync_cdc_events_total", "orders-cdc"] == 3
    assert found["supersync_cdc_batch_size_bucket", "1.0", "orders-cdc"] == 0
    assert found["supersync_cdc_batch_size_bucket", "10.0", "orders-cdc"] == 1
    assert found["supersync_cdc_sink_latency_seconds_bucket", "+Inf", "orders-cdc", "list"] == 1


def test_they_are_openmetrics_too(api: Api, ledger: Ledger) -> None:
    Stream(ledger).create()
    answer = httpx.get(f"{api.url}/metrics", headers={"Accept": OPENMETRICS})
    families = {family.name for family in parse_openmetrics(answer.text)}
    assert {"supersync_cdc_events", "supersync_cdc_sink_latency_seconds", "supersync_cdc_lag_seconds"} <= families
