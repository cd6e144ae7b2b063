"""A pipe between the thread that reads a source and the thread that writes a sink: bounded memory, counted bytes."""

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from supersync_core.errors import AbortError, SupersyncError

PIPE_BYTES = 1 << 20
"""Linux lets everybody have pipes of one MiB (/proc/sys/fs/pipe-max-size); elsewhere the default stays."""
BUFFER_BYTES = 1 << 16
"""Small enough that a slow source is seen to move, large enough that a fast one is not slowed."""


class Pump:
    """Runs `fill` in a thread and hands out what it writes. The end of `fill` is the end of the file only if it went
    well: otherwise `read` raises, so that half a source never looks like a whole one."""  # noqa: D205

    def __init__(self, fill: Callable[[BinaryIO], None]) -> None:
        """Start filling."""
        self.bytes = 0
        self.error: BaseException | None = None
        self._read_end, write_end = os.pipe()
        with contextlib.suppress(OSError, AttributeError):
            fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._thread = threading.Thread(target=self._run, args=(fill, write_end), name="pump", daemon=True)
        self._thread.start()

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; b"" at the end. Raises what `fill` raised."""
        chunk = os.read(self._read_end, size if size > 0 else PIPE_BYTES)
        self.bytes += len(chunk)
        if not chunk:
            self._thread.join()
            if self.error is not None:
                raise self.error
        return chunk

    def close(self) -> None:
        """Break the pipe, so that a `fill` that still writes ends, and wait for it."""
        os.close(self._read_end)
        self._thread.join()

    def _run(self, fill: Callable[[BinaryIO], None], write_end: int) -> None:
        try:
            with os.fdopen(write_end, "wb", BUFFER_BYTES) as out:
                fill(out)
        except BaseException as error:  # carried to the reading thread, whatever it is
            self.error = error


@contextlib.contextmanager
def pumping(fill: Callable[[BinaryIO], None], stop: Callable[[], None]) -> Iterator[tuple[Pump, BinaryIO]]:
    """A pump for the time of a `with` block; the same object serves as file to read from.

    When the block raises, `stop` shall make `fill` end. A failure of `fill` takes precedence over the one that it
    caused in the block.
    """
    pump = Pump(fill)
    try:
        yield pump, cast(BinaryIO, pump)
    except BaseException:
        failed_first = pump.error
        stop()
        pump.close()
        if isinstance(failed_first, SupersyncError):
            raise failed_first from None
        raise
    pump.close()
    if pump.error is not None:
        raise AbortError("the sink stopped before the source had ended") from pump.error
