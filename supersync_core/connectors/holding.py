"""Connections of a source that `cancel` must reach from another thread, and that are closed in the end."""

from typing import Protocol, TypeVar

from supersync_core.errors import Cancelled


class Cancellable(Protocol):
    """A connection, or what goes on over one."""

    def cancel(self) -> None:
        """End what it is waiting for. From any thread."""

    def close(self) -> None:
        """Let it go."""


_Held = TypeVar("_Held", bound=Cancellable)


class Holding:
    """What is held, in the order in which it was opened."""

    def __init__(self) -> None:
        """Nothing is held."""
        self._held: list[Cancellable] = []
        self.is_cancelled = False

    def hold(self, one: _Held) -> _Held:
        """Hold it. Raises Cancelled, and holds it all the same, when it comes too late."""
        self._held.append(one)
        if self.is_cancelled:
            raise Cancelled("cancelled on request")
        return one

    def drop(self, one: Cancellable) -> None:
        """Close it before the others."""
        one.close()
        self._held.remove(one)

    def cancel(self) -> None:
        """Cancel all that is held, and what will be, until `is_cancelled` is taken back. From any thread."""
        self.is_cancelled = True
        for one in list(self._held):
            one.cancel()

    def close(self) -> None:
        """Close all, the last one first: a stream waits on the socket of its connection."""
        while self._held:
            self._held.pop().close()
