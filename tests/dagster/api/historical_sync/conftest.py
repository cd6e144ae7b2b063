"""The dialect over a real ledger, files of calls and a target."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from supersync_core.ledger.database import Ledger
from tests.dagster.api.historical_sync.apis import Api, running_api


@pytest.fixture
def api(ledger: Ledger, target_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The API over an empty ledger, with authentication on."""
    with running_api(ledger, target_dsn, tmp_path, monkeypatch) as api:
        yield api
