"""One running `supersync dev` for all tests of the API, open to all, and one that asks for tokens.

Both cost processor time as long as they run: so they end with this package, and the tests of each go to one worker.
"""

from collections.abc import Iterator

import httpx
import pytest

from tests.acceptance.browser import browser, page
from tests.conformance.api.site import TOKENS, Site, served

__all__ = ["browser", "page"]  # fixtures


@pytest.fixture(scope="package")
def site(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """`supersync dev` with the document's jobs; see `site.py` for its configuration."""
    with served(server_url, tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(scope="package")
def closed_site(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The same with authentication on; its own client is an admin. `TOKENS` has one for each role."""
    entries = ",".join(f"{role}:{role}:{token}" for role, token in TOKENS.items())
    variables = {"SUPERSYNC_TOKENS": entries}
    directory = tmp_path_factory.mktemp("closed_site")
    with served(server_url, directory, variables=variables, token=TOKENS["admin"]) as site:
        yield site


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    """A client of the site."""
    with site.client() as client:
        yield client
