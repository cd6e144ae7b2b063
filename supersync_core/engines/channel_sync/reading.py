"""Read from a source in a thread of its own: the next page comes while this one is stored, and nobody waits for a
platform that a cancel cannot reach."""  # noqa: D205, D209

import threading
from collections.abc import Callable, Iterator
from queue import Empty, Full, Queue
from typing import TypeVar

from supersync_core.errors import Cancelled

T = TypeVar("T")

LOOK_S = 0.1
AHEAD = 2
"""Pages that are read before they are asked for."""


def read_ahead(read: Callable[[], Iterator[T]], cancelled: threading.Event) -> Iterator[T]:
    """What `read()` gives, one by one; raises what it raises, and Cancelled within `LOOK_S` of the event.

    The thread is then left behind: it ends with its next page.
    """
    pages: Queue[tuple[str, T | BaseException | None]] = Queue(AHEAD)
    over = threading.Event()

    def put(word: str, value: T | BaseException | None) -> None:
        while not (over.is_set() or cancelled.is_set()):
            try:
                pages.put((word, value), timeout=LOOK_S)
                return
            except Full:
                continue

    def work() -> None:
        try:
            for page in read():
                put("page", page)
                if over.is_set() or cancelled.is_set():
                    return
            put("end", None)
        except BaseException as error:  # it is raised in the reader's thread
            put("error", error)

    threading.Thread(target=work, name="read", daemon=True).start()
    try:
        yield from _taken(pages, cancelled)
    finally:
        over.set()


def _taken(pages: "Queue[tuple[str, T | BaseException | None]]", cancelled: threading.Event) -> Iterator[T]:
    while True:
        if cancelled.is_set():
            raise Cancelled("cancelled on request")
        try:
            word, value = pages.get(timeout=LOOK_S)
        except Empty:
            continue
        if word == "end":
            return
        if isinstance(value, BaseException):
            raise value
        yield value  # type: ignore[misc]  # a page is no None
