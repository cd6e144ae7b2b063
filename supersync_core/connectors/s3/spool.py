"""Files that grow on this machine until they are complete. They have no name: whoever dies leaves none behind."""

import os
import struct
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from supersync_core.domain.change import Position

_LENGTH = struct.Struct(">Q")


class Spool:
    """Pieces of one file to come. `since`: the position up to which everything was taken when it was begun."""

    def __init__(self, directory: Path | None, since: Position | None) -> None:
        """Empty. Raises OSError."""
        self.since = since
        self.events = 0
        self.bytes = 0
        self.begun = self.touched = time.monotonic()
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="supersync-", dir=directory, buffering=0)  # noqa: SIM115

    def append(self, piece: bytes, events: int) -> None:
        """Write a piece as a whole. Raises OSError: then nothing has changed."""
        before = self.bytes
        try:
            for part in (_LENGTH.pack(len(piece)), piece):
                self._write(part)
        except OSError:
            self.cut(before, self.events)
            raise
        self.events += events
        self.touched = time.monotonic()

    def cut(self, size: int, events: int) -> None:
        """Go back to where it had so many bytes and events."""
        os.ftruncate(self._file.fileno(), size)
        self._file.seek(size)
        self.bytes, self.events = size, events

    def pieces(self) -> Iterator[bytes]:
        """All pieces in order."""
        place = 0
        while place < self.bytes:
            (length,) = _LENGTH.unpack(os.pread(self._file.fileno(), _LENGTH.size, place))
            place += _LENGTH.size
            yield self._read(place, length)
            place += length

    def close(self) -> None:
        """Let it go, and the disk with it."""
        self._file.close()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.write(self._file.fileno(), view)
            self.bytes += written
            view = view[written:]

    def _read(self, place: int, length: int) -> bytes:
        parts = []
        while length:
            part = os.pread(self._file.fileno(), length, place)
            parts.append(part)
            place, length = place + len(part), length - len(part)
        return b"".join(parts)
