"""`kill -9` of streams at every stage and at random: nothing is lost, torn, turned round or told as something else."""

from collections.abc import Iterator

import pytest

from tests.acceptance.histories import Histories
from tests.servers import redis_process

KILLS = 12


@pytest.fixture(scope="module")
def own_redis() -> Iterator[int]:
    """A server that nobody else empties."""
    with redis_process() as port:
        yield port


@pytest.fixture(params=[False, True], ids=["from the log", "with a snapshot before"])
def histories(
    request: pytest.FixtureRequest,
    source_dsn: str,
    target_dsn: str,
    database_url: str,
    own_redis: int,
) -> Iterator[Histories]:
    histories = Histories(source_dsn, target_dsn, database_url, own_redis, seed=1, snapshot=request.param)
    yield histories
    histories.close()


@pytest.mark.long
def test_a_history_survives_runs_that_are_killed(histories: Histories) -> None:
    """PostgreSQL has everything exactly once; Redis at least once, in order, what comes again under its own id.

    What was confirmed to the source is at no time beyond what is stored.
    """
    for _ in range(KILLS):
        histories.round()
    histories.finish()
    histories.check()
