"""Connections to the databases of tests, used one after the other: a new one costs more than most of what is asked."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import lru_cache
from typing import Any

import psycopg2
from sqlalchemy import QueuePool, event

from supersync_core.ledger.database import replace_lost_connections


@contextmanager
def transaction(dsn: str) -> Iterator[Any]:
    """A cursor in a transaction of its own, whose session is as good as new. Any thread may have one."""
    with closing(_pool(dsn).connect()) as connection:
        with closing(connection.cursor()) as cursor:
            yield cursor
        connection.commit()


@lru_cache(maxsize=16)
def _pool(dsn: str) -> QueuePool:
    pool = QueuePool(lambda: psycopg2.connect(dsn), reset_on_return=None)
    event.listen(pool, "reset", lambda connection, *_: connection.reset())
    replace_lost_connections(pool)
    return pool
