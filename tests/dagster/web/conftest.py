"""The pages over an empty ledger."""

from collections.abc import Iterator

import pytest

from supersync_core.ledger.database import Ledger
from tests.dagster.web.pages import Pages, running_pages


@pytest.fixture
def pages(ledger: Ledger) -> Iterator[Pages]:
    with running_pages(ledger) as pages:
        yield pages
