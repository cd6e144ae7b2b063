"""Sensing as a part of a running pipeline: it begins with what was kept, and has kept what it finds."""

from collections.abc import Sequence
from typing import Protocol

from supersync_core.domain.change import Change
from supersync_core.engines.cdc.sensing.config import SensingConfig
from supersync_core.engines.cdc.sensing.sensor import Kept, Sensor

COUNTS_S = 5.0
"""What was counted is kept so often; what was found, with the next report."""


class Memory(Protocol):
    """What of a journal is needed here."""

    def sensed(self) -> Kept:
        """See `Journal`."""

    def keep_sensed(self, state: Kept) -> None:
        """See `Journal`."""


class Observer:
    """Looks at events where that is wanted; else it costs nothing."""

    def __init__(self, config: SensingConfig | None, memory: Memory) -> None:
        """None, or one that is not enabled: nobody looks."""
        self._config = config if config is not None and config.enabled else None
        self._memory = memory
        self._sensor: Sensor | None = None
        self._kept_at = 0.0

    def open(self) -> None:
        """Begin with what was kept. Raises RetryError."""
        if self._config is not None:
            self._sensor = Sensor(self._config, self._memory.sensed())

    def look(self, changes: Sequence[Change]) -> None:
        """Look at events on their way to the sinks."""
        if self._sensor is not None:
            self._sensor.look(changes)

    def keep(self, now: float = float("inf")) -> None:
        """Keep what is due; all, where no time is told (`time.monotonic`). Raises RetryError: then it is due again."""
        sensor = self._sensor
        if sensor is not None and (sensor.has_news or now - self._kept_at >= COUNTS_S):
            state = sensor.state()
            if state:
                self._memory.keep_sensed(state)
            sensor.forget_changes()
            self._kept_at = now
