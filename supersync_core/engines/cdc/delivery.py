"""Delivering batches: each sink has a thread of its own, keeps their order, and tries again in place."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential
from tenacity.stop import stop_base

from supersync_core.connectors.changes import ChangeSink, LaggingSink, Refused
from supersync_core.domain.change import Change, Position
from supersync_core.domain.streak import first_transaction
from supersync_core.errors import Cancelled, RetryError, SupersyncError

OPTIONAL_TRIES = 3
"""A sink that is not required gets a batch offered so often; then it is left out until the next start."""
_backoff = wait_random_exponential(multiplier=0.1, max=10)


@dataclass(frozen=True)
class Delivered:
    """What came of a batch at a sink. `error` None: it has taken the batch, save what it refused.

    `stored`: the position up to which it has stored everything; None: nothing yet. `seconds`: how long that took.
    """

    sink: ChangeSink
    refused: Sequence[Refused] = ()
    error: SupersyncError | None = None
    stored: Position | None = None
    seconds: float = 0.0


class Courier:
    """One sink and its thread. `error` is the last thing that went wrong and has not gone right since."""

    def __init__(
        self, sink: ChangeSink, has: Position | None, deadline_s: float | None, on_trouble: Callable[[], None]
    ) -> None:
        """`has`: what the sink has already. `on_trouble` is called when `error` changes."""
        self.sink, self.has = sink, has
        self.error: str | None = None
        self.is_out = False
        self._deadline_s, self._on_trouble = deadline_s, on_trouble
        self._ending = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"sink-{sink.id}")

    def deliver(
        self, changes: Sequence[Change], position: Position, again: Sequence[Change] = ()
    ) -> "Future[Delivered]":
        """Deliver a batch after those before it; before its events those in `again`, which it has refused once."""
        return self._thread.submit(self._deliver, changes, position, again)

    @property
    def lags(self) -> bool:
        """Whether it may take what it has not stored yet."""
        return isinstance(self.sink, LaggingSink) and not self.is_out

    def settle(self, finish: bool) -> "Future[Delivered]":
        """Let a sink that lags store what is due, or all that it has taken."""
        return self._thread.submit(self._attempt, lambda: ((), self._stored(None, finish)))

    def leave_out(self, error: str) -> None:
        """Offer it nothing until the next start."""
        self.is_out = True
        self._note(error)

    def give_up(self) -> None:
        """End what is being tried: it fails within a second."""
        self._ending.set()
        self.sink.cancel()

    def end(self) -> None:
        """Give up what is being tried, and let the sink go."""
        self.give_up()
        self._thread.shutdown(wait=True, cancel_futures=True)
        self.sink.close()

    def _deliver(self, changes: Sequence[Change], position: Position, again: Sequence[Change]) -> Delivered:
        begun = time.monotonic()
        delivered = self._write([*again, *self._new_ones(changes)] if again else self._new_ones(changes), position)
        return replace(delivered, seconds=time.monotonic() - begun)

    def _write(self, changes: Sequence[Change], position: Position) -> Delivered:
        written = self._attempt(lambda: (self.sink.write(changes, position), position))
        if written.error is not None or not self.lags:
            return written
        settled = self._attempt(lambda: (written.refused, self._stored(position, False)))
        # What was refused is refused, whatever becomes of the rest.
        return replace(settled, refused=written.refused)

    def _attempt(self, call: Callable[[], tuple[Sequence[Refused], Position | None]]) -> Delivered:
        if self.is_out:
            return Delivered(self.sink, error=Cancelled(self.error or "left out"))
        try:
            refused, stored = self._retrying()(call)
        except SupersyncError as error:
            self.leave_out(f"{type(error).__name__}: {error}")
            return Delivered(self.sink, error=error)
        self._note(None)
        return Delivered(self.sink, refused, stored=stored)

    def _stored(self, taken: Position | None, finish: bool) -> Position | None:
        return self.sink.stored(finish) if isinstance(self.sink, LaggingSink) else taken

    def _new_ones(self, changes: Sequence[Change]) -> Sequence[Change]:
        """Without those that it has from before a restart, when others had less."""
        has = self.has
        if has is None or not changes or first_transaction(changes).position > has:
            return changes
        return [change for change in changes if change.tx.position > has]

    def _retrying(self) -> Retrying:
        return Retrying(
            retry=retry_if_exception_type(RetryError),
            stop=_Stop(self._ending, None if self.sink.required else OPTIONAL_TRIES, self._deadline_s),
            wait=_wait,
            before_sleep=lambda state: self._note(_failure(state)),
            sleep=self._sleep,
            reraise=True,
        )

    def _sleep(self, seconds: float) -> None:
        self._ending.wait(seconds)

    def _note(self, error: str | None) -> None:
        if error != self.error:
            self.error = error
            self._on_trouble()


class _Stop(stop_base):
    """At the end of the pipeline, after so many tries, or when the deadline has passed."""

    def __init__(self, ending: threading.Event, tries: int | None, deadline_s: float | None) -> None:
        self._ending, self._tries = ending, tries
        self._until = None if deadline_s is None else time.monotonic() + deadline_s

    def __call__(self, retry_state: RetryCallState) -> bool:
        if self._ending.is_set():
            return True
        if self._tries is not None and retry_state.attempt_number >= self._tries:
            return True
        return self._until is not None and time.monotonic() >= self._until


def _failure(state: RetryCallState) -> str:
    error = state.outcome.exception() if state.outcome else None
    return f"{type(error).__name__}: {error}"


def _wait(state: RetryCallState) -> float:
    """Seconds: what the error asks for, or the backoff."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, RetryError) else None
    return asked if asked is not None else _backoff(state)
