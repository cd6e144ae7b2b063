"""A value that many ask for and one thread makes: kept for a moment, so that a storm of questions costs nothing."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")

LATE = 10
"""What was made so many times its time ago tells nothing any more."""


class Refreshed(Generic[T]):
    """What `make` returned at most `ttl_s` seconds ago. Errors are kept as long: nobody waits for the same one twice.

    `make` runs in a thread of its own, one at a time; those who ask meanwhile wait for the same result.
    """

    def __init__(self, make: Callable[[], T], ttl_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is made yet."""
        self._make, self._ttl_s, self._clock = make, ttl_s, clock
        self._lock = threading.Lock()
        self._future: Future[T] | None = None
        self._begun = 0.0

    def fresh(self) -> T | None:
        """The value, if it is there and young enough; else None. Never waits. Raises what `make` raised."""
        future = self._future
        if future is None or not future.done() or self._is_old():
            return None
        return future.result()

    def future(self) -> "Future[T]":
        """A future of a value that is young enough, to be awaited by any number."""
        with self._lock:
            if self._future is None or (self._future.done() and self._is_old()):
                self._future = self._start()
            return self._future

    def latest(self) -> T | None:
        """The value that was made last; None: ask again. Never waits, and begins a new one where this one is old.

        So it comes to who asks just too seldom for `fresh`, too. Raises what `make` raised.
        """
        last, is_late = self._future, self._age() >= LATE * self._ttl_s
        self.future()
        return last.result() if last is not None and last.done() and not is_late else None

    def get(self) -> T:
        """The value, waited for. Raises what `make` raised."""
        return self.future().result()

    def forget(self) -> None:
        """Let the next one who asks see what is so now: what is being made may have been read too early."""
        with self._lock:
            self._future = None

    def _is_old(self) -> bool:
        return self._age() >= self._ttl_s

    def _age(self) -> float:
        return self._clock() - self._begun

    def _start(self) -> "Future[T]":
        future: Future[T] = Future()
        # One who stops waiting must not cancel it for the others.
        future.set_running_or_notify_cancel()
        self._begun = self._clock()
        # Not waited for at exit: a server that does not answer must not keep the process alive.
        threading.Thread(target=self._fill, args=(future,), name="refresh", daemon=True).start()
        return future

    def _fill(self, future: "Future[T]") -> None:
        try:
            future.set_result(self._make())
        except BaseException as error:  # it is raised where the value is asked for
            future.set_exception(error)
