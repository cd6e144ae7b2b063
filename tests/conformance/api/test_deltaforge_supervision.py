"""A stream whose process is killed, in a running site: it is started again."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.console import rows, until
from tests.conformance.api.cdc import Cdc
from tests.conformance.api.site import Site

LIVE = """
    SELECT e.id, e.lease_owner FROM supersync.executions e JOIN supersync.pipelines p ON p.id = e.pipeline_id
    WHERE p.name = '{name}' AND e.parent_id IS NULL AND e.state = 'running' AND e.lease_owner IS NOT NULL
"""


@pytest.fixture
def cdc(site: Site, redis_port: int) -> Iterator[Cdc]:
    """A pipeline that streams."""
    cdc = Cdc(site, redis_port)
    cdc.create().raise_for_status()
    cdc.streams()
    yield cdc
    cdc.delete()


def live(cdc: Cdc) -> tuple[int, int]:
    """The execution that goes on, and the process that does it."""
    found: Any = until(lambda: rows(cdc.site.database_url.replace("+psycopg2", ""), LIVE.format(name=cdc.name)))
    ((number, owner),) = found
    return number, int(owner.split(":")[1])


def test_a_run_that_is_killed_is_replaced_and_goes_on_where_it_was(cdc: Cdc) -> None:
    cdc.insert(1)
    until(lambda: cdc.arrived() == [1])
    first, process = live(cdc)
    os.kill(process, signal.SIGKILL)
    cdc.insert(2)
    until(lambda: cdc.arrived()[-1] == 2, 60)  # fifteen seconds on a machine that does nothing else
    assert sorted(set(cdc.arrived())) == [1, 2]
    assert live(cdc)[0] != first
