"""Names that sort by the time when they were made (https://github.com/ulid/spec)."""

import secrets
import time

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Ulids:
    """Each is larger than the one before, however fast they follow each other."""

    def __init__(self) -> None:
        """None yet."""
        self._last = 0

    def next(self) -> str:
        """48 bits of milliseconds and 80 of chance, in 26 characters."""
        fresh = time.time_ns() // 1_000_000 << 80 | secrets.randbits(80)
        self._last = max(fresh, self._last + 1)
        return "".join(_CROCKFORD[self._last >> shift & 31] for shift in range(125, -1, -5))
