"""The embedded PostgreSQL: the first process that needs it starts it, the last one that leaves stops it.

Everything rests on `flock`, which the kernel releases when a process dies however it dies, so nothing is ever stale:

* `start.lock`, exclusive: one process at a time creates, starts, joins, leaves or stops.
* `users.lock`, shared: held by every process that uses the server. Who gets it exclusively is alone.
* `server.lock`: held by the server's own processes, see `ledger.server`.
"""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from supersync_core.ledger.server import Server

logger = logging.getLogger(__name__)


@contextmanager
def embedded_server(data_dir: Path) -> Iterator[str]:
    """Join the server in `data_dir`, starting it first if need be; yield its URL; stop it when nobody else is left.

    Child processes take the URL from us and are no users of their own. Raises ConfigError without the wheel,
    AccessDenied when `data_dir` is somebody else's, Unavailable when the server does not start.
    """
    home = data_dir.expanduser().resolve()
    home.mkdir(parents=True, exist_ok=True)
    server = Server(home)
    with _open(home / "users.lock") as users:
        try:
            with _exclusive(home / "start.lock"):
                fcntl.flock(users, fcntl.LOCK_SH)
                server.ensure_running()
                url = server.url
            yield url
        finally:
            with _exclusive(home / "start.lock"):
                _leave(server, users)


def _leave(server: Server, users: int) -> None:
    fcntl.flock(users, fcntl.LOCK_UN)
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        logger.debug("others still use the server in %s", server.data)
    else:
        server.stop()


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with _open(path) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextmanager
def _open(path: Path) -> Iterator[int]:
    # Not inheritable (PEP 446), so a child that outlives us does not hold our locks.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
