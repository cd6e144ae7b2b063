"""Try again what may succeed later: exponential backoff with full jitter, inside one execution."""

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from supersync_core.errors import RetryError

T = TypeVar("T")

ATTEMPTS = 7
"""With waits of 0.5 s to 20 s about a minute: a server's restart is outlived, an outage is left to the next run."""

_backoff = wait_random_exponential(multiplier=0.5, max=20)


def retrying(attempt: Callable[[], T], sleep: Callable[[float], None]) -> T:
    """Call `attempt` until it returns, raises something that a repetition cannot mend, or has failed seven times."""
    retry = Retrying(
        retry=retry_if_exception_type(RetryError),
        stop=stop_after_attempt(ATTEMPTS),
        wait=_wait,
        sleep=sleep,
        reraise=True,
    )
    return retry(attempt)


def _wait(state: RetryCallState) -> float:
    """Seconds: what the error asks for, or the backoff."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, RetryError) else None
    return asked if asked is not None else _backoff(state)
