"""The directory of one run of the tests: in memory where there is plenty, for a run writes tens of gigabytes."""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from multiprocessing.util import Finalize
from pathlib import Path

import psutil  # type: ignore[import-untyped]

MEMORY = Path("/dev/shm")  # noqa: S108  # tmpfs on every Linux; in a container often a small one
PREFIX = "supersync-tests-"
NEEDED = 4 << 30
"""Bytes that must be free; a run takes one gigabyte of them at most."""


class Scratch:
    """A new directory that no other run touches, and in it that of the temporary files of all our processes.

    As root the servers run as another account, and pytest shuts its usual directory to others whenever a run starts.
    """

    def __init__(self) -> None:
        """Make it, and remove it at the end of this process. What is left in memory of runs that were killed goes."""
        self._usual = tempfile.gettempdir()
        _sweep()
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=MEMORY if _in_memory() else None))
        self._lock = (self.path / "run.lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        temporary = self.path / "tmp"
        temporary.mkdir()
        # Other accounts may pass through the one, and write into the other, as where such files usually are.
        self.path.chmod(0o711)
        temporary.chmod(0o1777)
        os.environ["TMPDIR"], tempfile.tempdir = str(temporary), None
        # Else each new HTTP client reads the certificates of the whole world, for 20 ms. No test speaks to the world.
        os.environ.pop("SSL_CERT_FILE", None)
        os.environ["SSL_CERT_DIR"] = str(temporary)
        # After multiprocessing has removed what it has there itself, with a priority of -100.
        self._end = Finalize(None, self._remove, exitpriority=-200)

    def keep(self) -> Path:
        """Let it stay, but not in memory; where that is."""
        if MEMORY not in self.path.parents:
            self._end.cancel()
            return self.path
        kept = Path(self._usual, self.path.name)
        with suppress(shutil.Error):  # of a server that is still about to end files may go meanwhile
            shutil.copytree(self.path, kept, symlinks=True, ignore=_not_worth_keeping)
        return kept

    def _remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def _in_memory() -> bool:
    with suppress(OSError):
        free = min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available)
        return free > NEEDED and os.access(MEMORY, os.W_OK)
    return False


def _sweep() -> None:
    """A server whose directory goes ends by itself."""
    for left in MEMORY.glob(f"{PREFIX}*"):
        with suppress(OSError), (left / "run.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)


def _not_worth_keeping(directory: str, names: list[str]) -> set[str]:
    # Tables and logs of changes; sockets cannot be copied.
    files = {name for name in names if Path(directory, name).is_socket()}
    return files | {"base", "pg_wal", "tmp"}.intersection(names)
