"""What the services and the API need of whoever starts runs and ticks schedules: the engine behind supersync.

A pipeline goes by its key, `dagster_key(name)`. Every call may raise Unavailable while the engine does not answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

HEARTBEAT_TOLERANCE_S = 90
"""A daemon says that it is alive every 30 s; one that has missed three times counts as dead."""


@dataclass(frozen=True)
class ScheduleState:
    """A schedule as the engine has it. `next_at` None: it is switched off. `timezone`: in which `cron` is read."""

    running: bool
    next_at: datetime | None
    cron: str
    timezone: str


@dataclass(frozen=True)
class DaemonState:
    """Whether somebody ticks the schedules and starts what is queued; `seen_at`: its last sign of life, if any."""

    alive: bool
    seen_at: datetime | None


@dataclass(frozen=True)
class SensorState:
    """A sensor as the engine has it. `interval_s`: how often it ticks. `outcome`: of its last tick, such as `success`.

    `message`: why it did nothing, or what went wrong.
    """

    name: str
    running: bool
    interval_s: int
    ticked_at: datetime | None
    outcome: str | None
    message: str | None


class Launcher(Protocol):
    """Starts and cancels runs, and switches schedules."""

    @property
    def read_only(self) -> bool:
        """Whether this server may only be looked at: then whoever asks for a change is refused."""

    def launch(self, pipeline_key: str, execution_id: int) -> str:
        """Queue a run that will take up the execution; the run's id, once it is queued.

        The run is told which execution is its own. Calling again for one execution does no harm: at most one run takes
        it up. Raises NotFound where the engine knows no such pipeline.
        """

    def launch_soon(self, pipeline_key: str, execution_id: int) -> None:
        """The same, in the background: a request never waits for a launch.

        An execution whose launch fails is closed as failed, with the reason. One whose launch is lost with this
        process is launched by the engine itself within a minute.
        """

    def cancel(self, run_id: str) -> bool:
        """End a run, queued or going on; its execution is told first. False: it had ended already."""

    def schedules(self) -> Mapping[str, ScheduleState]:
        """The schedules by their pipeline's key, at most a second old. Cheap: callers share one look at the engine."""

    def set_schedule(self, pipeline_key: str, running: bool) -> bool:
        """Switch the pipeline's schedule on or off. False: the engine has no schedule for it."""

    def daemon(self) -> DaemonState:
        """Whether the engine's daemon is alive, at most a second old."""

    def sensors(self) -> Sequence[SensorState]:
        """The sensors by which supersync works, by name, with their last ticks, at most a second old."""

    def reload(self) -> None:
        """Let the engine read the pipelines again, in the background; calls within a second are one."""
