"""The one error tree, cut by what the caller does next.

SupersyncError
├── AbortError            give up: asking again changes nothing
│   ├── ConfigError       the configuration is wrong; says file, line and the nearest known word
│   ├── NotFound          no such pipeline, execution, table, column or connection
│   ├── Conflict          somebody else holds it: a live execution, a name already taken
│   ├── IllegalTransition a state that cannot follow the present one
│   ├── AccessDenied      the other system refuses our credentials or rights
│   ├── SchemaMismatch    source and target cannot hold the same values
│   ├── BadData           a value that the target can never take
│   │   └── OutOfOrder    an end that is not after its start
│   ├── LeaseLost         another owner has taken this execution over
│   ├── PositionLost      the log does not reach back to where we were, or it is another server's
│   └── Cancelled         somebody asked for it
└── RetryError            wait, then try again
    ├── Unavailable       connection lost, server starting or stopping, too many clients
    │   └── PlatformError a platform that we read does not answer, or not as it should
    │       └── RateLimited   it asks us to wait
    └── Contention        serialization failure, deadlock, lock not granted in time
"""


class SupersyncError(Exception):
    """Root of every error that supersync raises on purpose."""


class AbortError(SupersyncError):
    """Give up: asking again changes nothing."""


class ConfigError(AbortError):
    """The configuration is wrong."""


class NotFound(AbortError):
    """No such pipeline, execution, table, column or connection."""


class Conflict(AbortError):
    """Somebody else holds it: a live execution, a name already taken."""


class IllegalTransition(AbortError):
    """A state that cannot follow the present one."""


class AccessDenied(AbortError):
    """The other system refuses our credentials or rights."""


class SchemaMismatch(AbortError):
    """Source and target cannot hold the same values."""


class BadData(AbortError):
    """A value that the target can never take."""


class OutOfOrder(BadData):
    """An end that is not after its start."""


class LeaseLost(AbortError):
    """Another owner has taken this execution over: stop without writing."""


class PositionLost(AbortError):
    """The log does not reach back to where we were, or it is another server's: an operator must decide."""


class Cancelled(AbortError):
    """Somebody asked for it."""


class RetryError(SupersyncError):
    """Wait `retry_after` seconds (None: the caller's back-off), then try again."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """Keep the message and the wait."""
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(RetryError):
    """Connection lost, server starting or stopping, too many clients."""


class PlatformError(Unavailable):
    """A platform that we read, such as a chat, does not answer, or not as it should."""


class RateLimited(PlatformError):
    """A platform asks us to wait, and our patience has ended."""


class Contention(RetryError):
    """Serialization failure, deadlock, or a lock that was not granted in time."""
