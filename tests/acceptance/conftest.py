"""Fixtures of the tests that run commands."""

from pathlib import Path

import pytest

from tests.acceptance.browser import browser, page
from tests.acceptance.console import execute
from tests.acceptance.filled import filled
from tests.acceptance.project import Project

__all__ = ["browser", "filled", "page"]  # fixtures


@pytest.fixture
def project(tmp_path: Path, source_dsn: str, target_dsn: str, database_url: str) -> Project:
    execute(source_dsn, "create table orders (id int primary key, n int)")
    execute(source_dsn, "insert into orders select n, n from generate_series(1, 1500) n")
    return Project(tmp_path, source_dsn, target_dsn, database_url)
