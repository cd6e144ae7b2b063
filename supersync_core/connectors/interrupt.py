"""Calls that another thread can end: what drivers do in one go cannot be cancelled, but it can be left behind."""

import threading
from collections.abc import Callable
from functools import partial
from typing import NoReturn, TypeVar

from supersync_core.errors import Cancelled

T = TypeVar("T")


class Interrupt:
    """Whether somebody has called `cancel`. It stays so: what was cancelled is of no use any more."""

    def __init__(self) -> None:
        """Nobody has."""
        self._condition = threading.Condition()
        self._set = False

    def set(self) -> None:
        """Cancel. From any thread, at any time, any number of times."""
        with self._condition:
            self._set = True
            self._condition.notify_all()

    def is_set(self) -> bool:
        """Whether it is so."""
        return self._set

    def raise_if_set(self) -> None:
        """Raise Cancelled if it is so."""
        if self._set:
            raise Cancelled("cancelled on request")

    def run(self, call: Callable[[], T], discard: Callable[[T], None] = lambda result: None) -> T:
        """What `call` returns or raises, or Cancelled at once; it then ends by itself, in a thread of its own.

        `discard` gets what it returns too late, such as a connection that nobody wants any more.
        """
        outcome: list[Callable[[], T]] = []

        def work() -> None:
            try:
                result = call()
            except BaseException as error:  # it is raised again, by whoever waits
                self._deliver(outcome, partial(_raise, error))
            else:
                if not self._deliver(outcome, lambda: result):
                    discard(result)

        self.raise_if_set()
        threading.Thread(target=work, name="supersync interruptible", daemon=True).start()
        with self._condition:
            self._condition.wait_for(lambda: outcome or self._set)
            if not outcome:
                raise Cancelled("cancelled on request")
        return outcome[0]()

    def _deliver(self, outcome: list[Callable[[], T]], result: Callable[[], T]) -> bool:
        """Hand over a result; whether somebody still waits for it."""
        with self._condition:
            if self._set:
                return False
            outcome.append(result)
            self._condition.notify_all()
            return True


def _raise(error: BaseException) -> NoReturn:
    raise error
