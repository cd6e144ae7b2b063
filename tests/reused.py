"""Databases of one kind that tests use one after the other, as if each were new."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from sqlalchemy import text

OTHERS = text(
    "SELECT coalesce(bool_or(state <> 'idle'), false), count(pg_terminate_backend(pid, 2000)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'"
)
"""Ends all other connections; whether one of them is at work."""


class Reused(ABC):
    """Those of one worker, by their URLs. Where it is not certain that one is as new, it is dropped."""

    def __init__(self, make: Callable[[], str], drop: Callable[[str], None]) -> None:
        """`make`: a new database's URL; `drop`: away with one."""
        self._make, self._drop = make, drop
        self._idle: list[str] = []
        self._all: set[str] = set()

    def take(self) -> str:
        """The URL of one that is as if it were new."""
        if self._idle:
            return self._idle.pop()
        url = self._make()
        self._all.add(url)
        self._connect(url)
        return url

    def give_back(self, url: str) -> None:
        """Empty it for the next test, or drop it."""
        if self._empty(url):
            self._idle.append(url)
        else:
            self._away(url)

    def close(self) -> None:
        """Drop all."""
        for url in list(self._all):
            self._away(url)

    def _away(self, url: str) -> None:
        self._all.remove(url)
        self._disconnect(url)
        self._drop(url)

    @abstractmethod
    def _connect(self, url: str) -> None:
        """Connect to a new one."""

    @abstractmethod
    def _empty(self, url: str) -> bool:
        """Whether it is as it was when it was new."""

    @abstractmethod
    def _disconnect(self, url: str) -> None:
        """Let it go."""
