"""What a file looks like: Parquet, or lines of JSON. Pieces are made when events come, files when they are complete."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from supersync_core.connectors.changes import Refused, SinkContext
from supersync_core.connectors.messages import halving
from supersync_core.connectors.s3.change_config import ChangeSinkConfig
from supersync_core.connectors.s3.columns import UNFIT, ArrowColumns
from supersync_core.connectors.s3.spool import Spool
from supersync_core.domain.change import Change, SourceTable
from supersync_core.domain.envelopes import Native
from supersync_core.errors import BadData

GROUP_BYTES = 32 << 20
"""A row group of Parquet holds so much before compression: that is what is in memory at once."""
_SUFFIXES = {"gzip": ".gz", "zstd": ".zst", "none": ""}


class Format(Protocol):
    """How the files of one table are written."""

    extension: str

    def piece(self, changes: Sequence[Change]) -> bytes:
        """Events for a spool. Raises BadData when one of them cannot be written."""

    def write(self, spool: Spool, out: Any) -> None:
        """A complete file from a spool. Raises OSError."""


class Parquet:
    """Flat columns; see `columns.py`."""

    extension = "parquet"

    def __init__(self, config: ChangeSinkConfig, context: SinkContext, table: SourceTable) -> None:
        """The columns are those of the table."""
        self._columns = ArrowColumns(table, context.connector)
        self._compression = config.compression

    def piece(self, changes: Sequence[Change]) -> bytes:
        """A record batch."""
        try:
            return bytes(self._columns.batch(changes).serialize())
        except UNFIT as error:
            raise BadData(f"the event does not fit into columns: {error}") from error

    def write(self, spool: Spool, out: Any) -> None:
        """Row groups of many batches."""
        schema = self._columns.schema
        with pq.ParquetWriter(out, schema, compression=self._compression) as writer:
            for group in _groups(spool.pieces()):
                batches = [pa.ipc.read_record_batch(pa.py_buffer(piece), schema) for piece in group]
                writer.write_table(pa.Table.from_batches(batches, schema))


class Lines:
    """An event per line, in the native form."""

    def __init__(self, config: ChangeSinkConfig, context: SinkContext, table: SourceTable) -> None:
        """The same for every table."""
        self._render = Native(
            pipeline=context.pipeline, tenant=context.tenant, connector=context.connector, version=context.version
        )
        self._codec = None if config.compression == "none" else pa.Codec(config.compression)
        self.extension = f"jsonl{_SUFFIXES[config.compression]}"

    def piece(self, changes: Sequence[Change]) -> bytes:
        """Lines."""
        try:
            return b"".join(self._render(change) + b"\n" for change in changes)
        except (TypeError, ValueError) as error:
            raise BadData(f"the event cannot be written as JSON: {error}") from error

    def write(self, spool: Spool, out: Any) -> None:
        """All lines, compressed piece by piece: both formats may be put one behind the other."""
        for piece in spool.pieces():
            out.write(self._codec.compress(piece, asbytes=True) if self._codec else piece)


def pieces(form: Format, changes: Sequence[Change]) -> tuple[list[tuple[bytes, int]], list[Refused]]:
    """Pieces with the number of their events, and the events that cannot be written."""
    made: list[tuple[bytes, int]] = []
    refused = halving(changes, lambda part: made.append((form.piece(part), len(part))))
    return made, refused


def _groups(every: Iterator[bytes]) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    for piece in every:
        group.append(piece)
        if sum(map(len, group)) >= GROUP_BYTES:
            yield group
            group = []
    if group:
        yield group
