"""Pages with pipelines in each state, ours and of others. They are written once; each test has a copy of its own."""

from collections.abc import Callable, Iterator

import pytest

from supersync_core.ledger.database import open_ledger
from tests.dagster.web.observed import fill_observed, tick
from tests.dagster.web.pages import Pages, fill, running_pages


@pytest.fixture(scope="session")
def filled(lasting_database: Callable[[], str]) -> str:
    """The name of the database to copy."""
    ledger = open_ledger(lasting_database())
    with running_pages(ledger) as pages:
        fill(pages)
        fill_observed(pages)
    ledger.dispose()  # while somebody is connected it cannot be copied
    return str(ledger.engine.url.database)


@pytest.fixture
def pages(filled: str, new_database: Callable[[str], str]) -> Iterator[Pages]:
    """A copy, with its pages."""
    ledger = open_ledger(new_database(filled))
    with running_pages(ledger) as pages:
        tick(pages)
        yield pages
    ledger.dispose()
