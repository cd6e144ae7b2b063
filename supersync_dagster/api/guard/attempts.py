"""How often an address has tried in vain."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

WINDOW_S = 60.0
_ADDRESSES = 10_000


class Attempts:
    """Counts by address over the last minute. Used from the event loop alone."""

    def __init__(self, limit: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        """More than `limit` within a minute is too often."""
        self._limit, self._monotonic = limit, monotonic
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def add(self, address: str) -> None:
        """Note an attempt."""
        key = _network(address)
        times = self._times.setdefault(key, deque(maxlen=self._limit))
        self._times.move_to_end(key)
        times.append(self._monotonic())
        if len(self._times) > _ADDRESSES:
            self._times.popitem(last=False)

    def forgive(self, address: str) -> None:
        """Take the last attempt back: it was none."""
        times = self._times.get(_network(address))
        if times:
            times.pop()

    def wait_s(self, address: str) -> float:
        """Seconds until the next attempt is allowed; 0: it is now."""
        times = self._times.get(_network(address))
        if times is None or len(times) < self._limit:
            return 0.0
        return max(0.0, times[0] + WINDOW_S - self._monotonic())


def _network(address: str) -> str:
    """Who has one IPv6 address has the 2^64 beside it."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(int(parsed) >> 64) if isinstance(parsed, IPv6Address) else address
