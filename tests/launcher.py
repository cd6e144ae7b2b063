"""A launcher without an engine: it notes what it is asked for."""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timezone

from supersync_core.services.launcher import DaemonState, ScheduleState, SensorState

SEEN = datetime(2026, 11, 22, 11, 59, tzinfo=timezone.utc)


@dataclass
class NotingLauncher:
    """`looks`: how often the schedules were asked for. Thread-safe where tests use threads."""

    alive: bool = True
    read_only: bool = False
    known: dict[str, ScheduleState] = field(default_factory=dict)
    launched: list[tuple[str, int]] = field(default_factory=list)
    switched: list[tuple[str, bool]] = field(default_factory=list)
    ticked: list[SensorState] = field(default_factory=list)
    looks: int = 0
    reloads: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def launch(self, pipeline_key: str, execution_id: int) -> str:
        self.launch_soon(pipeline_key, execution_id)
        return f"run of {execution_id}"

    def launch_soon(self, pipeline_key: str, execution_id: int) -> None:
        with self._lock:
            self.launched.append((pipeline_key, execution_id))

    def cancel(self, run_id: str) -> bool:
        return False

    def schedules(self) -> dict[str, ScheduleState]:
        with self._lock:
            self.looks += 1
            return dict(self.known)

    def set_schedule(self, pipeline_key: str, running: bool) -> bool:
        with self._lock:
            self.switched.append((pipeline_key, running))
            state = self.known.get(pipeline_key)
            if state is not None:
                next_at = SEEN if running else None
                self.known[pipeline_key] = ScheduleState(running, next_at, state.cron, state.timezone)
        return state is not None

    def daemon(self) -> DaemonState:
        return DaemonState(self.alive, SEEN)

    def sensors(self) -> list[SensorState]:
        return self.ticked

    def reload(self) -> None:
        self.reloads += 1
