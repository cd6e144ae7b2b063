"""The pipelines as they were at the last good load, for the time when the ledger does not answer."""

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

from pydantic import TypeAdapter, ValidationError

from supersync_dagster.translator import PipelineData

_PIPELINES = TypeAdapter(tuple[PipelineData, ...])


def write_snapshot(path: Path, pipelines: Sequence[PipelineData]) -> None:
    """Replace the file at `path` as a whole, so that no reader ever sees a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file:
        file.write(_PIPELINES.dump_json(tuple(pipelines), indent=2))
    os.replace(file.name, path)


def read_snapshot(path: Path) -> tuple[PipelineData, ...] | None:
    """The pipelines of the last good load; None where there is none, or one that another version has written."""
    try:
        return _PIPELINES.validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
