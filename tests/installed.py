"""What the tests need and `make services` installs."""

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test; in CI, fail it."""
    reason = f"{what} is not installed: run `make services`"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
