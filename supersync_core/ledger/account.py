"""Who runs the embedded server: PostgreSQL refuses root, so as root an account without rights does."""

import errno
import logging
import os
import pwd
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supersync_core.errors import AccessDenied

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Account:
    """A system account. `switch`: whether we must change to it, because we are root and it is not."""

    uid: int
    gid: int
    switch: bool

    @property
    def process_options(self) -> Mapping[str, Any]:
        """Arguments of `subprocess.run` that make the process run as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switch else {}

    def own(self, directory: Path) -> Path:
        """Make `directory` if need be, as this account's alone. Raises AccessDenied when it is somebody else's."""
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
        if self.switch and found.st_uid == os.geteuid() and stat.S_ISDIR(found.st_mode):
            with no_such_right():
                os.chown(directory, self.uid, self.gid)
        elif found.st_uid != self.uid or not stat.S_ISDIR(found.st_mode):
            raise AccessDenied(f"{directory} belongs to user {_user_name(found.st_uid)}: run supersync as that user")
        directory.chmod(0o700)
        return directory

    def let_through(self, path: Path) -> None:
        """Make every directory above `path` traversable for this account, by `o+x` where it is not yet."""
        for directory in path.parents if self.switch else ():
            found = directory.stat()
            if not found.st_mode & self._bit(found, stat.S_IXUSR):
                logger.warning("letting other accounts through %s (o+x): PostgreSQL does not run as root", directory)
                directory.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXOTH)

    def let_read(self, tree: Path) -> None:
        """Make every file below `tree` readable for this account: a strict umask may have kept it for root."""
        for path in [tree, *tree.rglob("*")] if self.switch else ():
            found = path.stat()
            wanted = stat.S_IROTH | (stat.S_IXOTH if found.st_mode & stat.S_IXUSR else 0)
            if not found.st_mode & self._bit(found, stat.S_IRUSR):
                path.chmod(stat.S_IMODE(found.st_mode) | wanted)

    def _bit(self, found: os.stat_result, user_bit: int) -> int:
        """The bit of a mode that decides for this account: the owner's, the group's or everybody's."""
        if found.st_uid == self.uid:
            return user_bit
        return user_bit >> 3 if found.st_gid == self.gid else user_bit >> 6


@contextmanager
def no_such_right() -> Iterator[None]:
    """Say what to do where root may not become anybody else, as in a container that takes these rights away."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EINVAL):
            raise
        raise AccessDenied(
            "PostgreSQL refuses to run as root, and here root cannot become another user: run supersync as an ordinary"
            " user, or set SUPERSYNC_DATABASE_URL"
        ) from error


def account_for(data: Path) -> Account:
    """The owner of `data` if it is there, else ourselves, and as root `postgres` or `nobody`.

    Raises AccessDenied when `data` belongs to somebody whom we cannot become.
    """
    if os.geteuid() != 0:
        if data.exists() and data.stat().st_uid != os.geteuid():
            raise AccessDenied(f"{data} belongs to user {_user_name(data.stat().st_uid)}: run supersync as that user")
        return Account(os.geteuid(), os.getegid(), switch=False)
    if data.exists() and data.stat().st_uid != 0:
        return Account(data.stat().st_uid, data.stat().st_gid, switch=True)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, switch=True)
    raise AccessDenied("PostgreSQL refuses to run as root, and there is neither a user postgres nor a user nobody")


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
