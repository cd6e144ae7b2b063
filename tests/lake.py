"""A change sink of files in a directory and a look at them, for the tests of it."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from supersync_core.connectors.changes import LaggingSink
from supersync_core.connectors.s3 import build_change_sink
from supersync_core.connectors.s3.change_config import ChangeSinkConfig
from supersync_core.domain.change import SourceColumn, SourceTable, Unit
from tests.changes import CONTEXT

NOON_MS = 1_700_000_000_000  # 2023-11-14T22:13:20Z
DAY = "table=orders/year=2023/month=11/day=14"


def table(name: str, *columns: tuple[str, str]) -> SourceTable:
    return SourceTable("shop", "public", name, tuple(SourceColumn(n, kind, True) for n, kind in columns))


@pytest.fixture
def make_sink(tmp_path: Path) -> Iterator[Any]:
    """Open sinks that are closed after the test."""
    made: list[LaggingSink] = []

    def make(**config: Any) -> LaggingSink:
        config = {"id": "s", "bucket": str(tmp_path / "lake"), "local": True, **config}
        sink = build_change_sink(ChangeSinkConfig(**config), CONTEXT)
        assert isinstance(sink, LaggingSink)
        sink.open([])
        made.append(sink)
        return sink

    yield make
    for sink in made:
        sink.close()


def write(sink: LaggingSink, unit: Unit) -> list[Any]:
    return list(sink.write(unit.changes, unit.position))


def files(directory: Path) -> list[Path]:
    return sorted(path for path in (directory / "lake").rglob("*") if path.is_file())


def rows(directory: Path) -> list[dict[str, Any]]:
    return [row for path in files(directory) for row in parquet.ParquetFile(path).read().to_pylist()]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def directory_of(path: Path) -> str:
    return path.parent.parts[-4]
