"""Work that many callers bring one by one and that is cheaper done together: one transaction, one wait for the disk."""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

MOST = 100
"""So much is done together at most: what fails together is tried again one by one."""
IDLE_S = 5.0


class Batches(Generic[T, R]):
    """Gives `work` all that has come while it was busy, and each caller what became of his own.

    Nobody waits for somebody else to come: a batch begins as soon as the one before has ended. What is brought after
    a batch has begun is in a later one; so whoever brings something to be looked at, sees nothing that is older.
    """

    def __init__(self, work: Callable[[Sequence[T]], Sequence[R | Exception]], name: str) -> None:
        """`work` gives a result, or what to raise, for each; what it raises itself is raised for all of them.

        It runs in a thread of its own, which ends when there is nothing to do.
        """
        self._work, self._name = work, name
        self._changed = threading.Condition()
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._running = False

    async def submit(self, item: T) -> R:
        """What becomes of the item. One who stops waiting does not undo what is done with others."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        with self._changed:
            self._waiting.append((item, future))
            if self._running:
                self._changed.notify()
            else:
                self._running = True
                # Not waited for at exit: a ledger that does not answer must not keep the process alive.
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
        return await future

    def _run(self) -> None:
        while batch := self._next():
            try:
                results = self._work([item for item, _ in batch])
            except Exception as error:
                results = [error] * len(batch)
            loops = defaultdict(list)
            for (_, future), result in zip(batch, results, strict=True):
                loops[future.get_loop()].append((future, result))
            # A loop is woken once for all who wait on it: waking costs more than the rest.
            for loop, theirs in loops.items():
                with suppress(RuntimeError):  # it has been closed, and nobody waits any more
                    loop.call_soon_threadsafe(_answer, theirs)

    def _next(self) -> list[tuple[T, "asyncio.Future[R]"]]:
        """What waits, and if need be what comes soon; [] ends the thread."""
        with self._changed:
            if not self._waiting:
                self._changed.wait(IDLE_S)
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            self._running = bool(batch)
            return batch


def _answer(answers: Sequence[tuple["asyncio.Future[R]", R | Exception]]) -> None:
    for future, result in answers:
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
