"""The sensor that tells people: alerts go to the channels of the configuration, and too long a queue is one.

No `from __future__ import annotations` here: Dagster reads the annotations of resources as objects.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, wait

import dagster as dg

from supersync_core.clock import utcnow
from supersync_core.errors import ConfigError
from supersync_core.ledger.database import Ledger
from supersync_core.services.alerts import Delivered, Post, deliver
from supersync_core.services.configuration import ChannelConfig
from supersync_core.services.queue_monitor import check_queue, read_queue
from supersync_dagster.resources import SupersyncResource
from supersync_dagster.runs import PREVIEW, is_preview
from supersync_dagster.turns import patience

ALERTS = "supersync_alerts"
EVERY_S = 15
"""An alert waits at most about so long; each tick costs a tenth of a second of processor time (measured)."""
LONG, SHORT = "long", "short"
"""The cursor: whether the queue was too long at the last tick."""


def alerts_sensor() -> dg.SensorDefinition:
    """Deliver what is to be told, and watch how many checks wait. A receiver that is slow holds up nobody else."""
    rounds, channels = Rounds(), KnownChannels()

    @dg.sensor(
        name=ALERTS,
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends alerts to the channels of the configuration.",
    )
    def alerts(context: dg.SensorEvaluationContext, supersync: SupersyncResource) -> dg.SensorResult:
        if is_preview(context):
            return dg.SensorResult(skip_reason=PREVIEW)
        ledger = supersync.ledger()
        cursor = watch_queue(ledger, was_long=context.cursor == LONG)
        known, problem = channels.read(supersync)
        if problem is not None:
            context.log.warning("alerts go to the channels of before: %s", problem)
        if known is None:
            return dg.SensorResult(skip_reason="alerts wait until the configuration is right", cursor=cursor)
        post, (seconds, _) = Post(base_url=supersync.settings().base_url), patience(context.instance)
        return dg.SensorResult(skip_reason=rounds.go(ledger, known, post, seconds), cursor=cursor)

    return alerts


def watch_queue(ledger: Ledger, *, was_long: bool) -> str:
    """Note an incident when too many checks wait as they did at the last tick; the cursor of the next one.

    Not at once: many executions may end in one second, and a second later they are judged.
    """
    with ledger.begin() as session:
        is_long = read_queue(session).level is not None
        if was_long or not is_long:
            check_queue(session, at=utcnow())
    return LONG if is_long else SHORT


class KnownChannels:
    """The channels of the configuration, or of the last one that was right: an alert must not go nowhere meanwhile."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._known: Sequence[ChannelConfig] | None = None

    def read(self, supersync: SupersyncResource) -> tuple[Sequence[ChannelConfig] | None, ConfigError | None]:
        """The channels, None while none is known; and what is wrong with the configuration."""
        try:
            configuration = supersync.configuration()
        except ConfigError as error:
            return self._known, error
        self._known = configuration.alerts if configuration else ()
        return self._known, None


class Rounds:
    """Deliveries in a thread of their own, one round at a time: a tick does not wait for a receiver that is slow.

    When the process ends, what was claimed is sent again by the next one, with the same id.
    """

    def __init__(self) -> None:
        """None goes on."""
        self._lock = threading.Lock()
        self._round: Future[Delivered] | None = None

    def go(self, ledger: Ledger, channels: Sequence[ChannelConfig], post: Post, seconds: float) -> str:
        """Begin a round, unless one goes on, and wait for its end at most so long; what it came to.

        Raises what the round has raised.
        """
        with self._lock:
            if self._round is None or self._round.done():
                self._round = _begin(ledger, channels, post, time.monotonic() + seconds)
            going = self._round
        if not wait([going], seconds).done:
            return "a receiver is slow"
        done = going.result()
        return f"{done.delivered} alerts were delivered, {done.failed} were not" + ("; more wait" if done.more else "")


def _begin(ledger: Ledger, channels: Sequence[ChannelConfig], post: Post, until: float) -> "Future[Delivered]":
    future: Future[Delivered] = Future()

    def work() -> None:
        try:
            future.set_result(deliver(ledger, channels, post=post, until=until))
        except BaseException as error:  # it is raised in the tick
            future.set_exception(error)

    # Not waited for at exit: the server must be able to end.
    threading.Thread(target=work, name="alerts", daemon=True).start()
    return future
