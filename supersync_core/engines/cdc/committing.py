"""The delicate rules: from where to read again, and when a batch counts as stored."""

from collections.abc import Collection, Mapping, Sequence

from supersync_core.domain.change import Position
from supersync_core.engines.cdc.delivery import Delivered
from supersync_core.engines.cdc.settings import Policy
from supersync_core.errors import AbortError, RetryError, Unavailable


def replay_from(saved: Mapping[str, Position | None]) -> Position | None:
    """Where the source must start so that no sink misses a change that was meant for it.

    `saved` holds what each sink has. One that has nothing yet is new: it gets what comes from now on, as long as there
    are others; None, the begin of everything, only when nobody has anything.
    """
    known = [position for position in saved.values() if position is not None]
    return min(known) if known else None


def is_committed(delivered: Collection[Delivered], policy: Policy, quorum: int) -> bool:
    """Whether enough sinks have the batch.

    With `quorum` at least so many; a sink that is required counts like any other (DeltaForge).
    """
    got = [one for one in delivered if one.error is None]
    if policy is Policy.ALL:
        return len(got) == len(delivered)
    if policy is Policy.QUORUM:
        return len(got) >= quorum
    return all(one.error is None for one in delivered if one.sink.required)


def first_failure(delivered: Sequence[Delivered]) -> Delivered | None:
    """The failure that a pipeline ends with when its policy is not met: that of a required sink before others."""
    failed = sorted((one for one in delivered if one.error is not None), key=lambda one: not one.sink.required)
    return failed[0] if failed else None


def raise_failure(delivered: Sequence[Delivered]) -> None:
    """Raise what a pipeline ends with when a batch is not committed: Unavailable where it may start again."""
    failure = first_failure(delivered)
    if failure is None or failure.error is None:
        raise AbortError("too few sinks have the batch")
    kind = Unavailable if isinstance(failure.error, RetryError) else AbortError
    raise kind(f"sink {failure.sink.id}: {failure.error}") from failure.error
