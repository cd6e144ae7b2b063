"""The dialect over a real ledger."""

from collections.abc import Iterator

import pytest

from supersync_core.ledger.database import Ledger
from tests.dagster.api.watcher.apis import Api, running_api


@pytest.fixture
def api(ledger: Ledger) -> Iterator[Api]:
    """The API over an empty ledger."""
    with running_api(ledger) as api:
        yield api
