"""Deliver what waits: claimed for a while, sent outside of any transaction, and noted.

Whoever dies between sending and noting leaves a claim that runs out; then the same message is sent again with the same
id, so that its receiver can drop it. Nothing is lost.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import Row

from supersync_core.clock import Clock, utcnow
from supersync_core.errors import RetryError, SupersyncError
from supersync_core.ledger import deliveries as rows
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.deliveries import Claimed
from supersync_core.services.alerts.expanding import AT_ONCE, expand_alerts
from supersync_core.services.alerts.messages import Message, Told
from supersync_core.services.alerts.sending import Send, send
from supersync_core.services.configuration import ChannelConfig

LEASE = timedelta(minutes=2)
"""So long a claim lasts: longer than a message takes that is sent slowly and answered late."""
GIVE_UP = timedelta(days=3)
"""What was tried in vain for so long is given up, and can be sent again by hand."""
FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 900.0
"""The wait after the first failure; it doubles, up to the longest."""
IN_A_MESSAGE = 50
"""Alerts that go in one message at most."""


@dataclass(frozen=True)
class Delivered:
    """What a round came to: alerts that were delivered and alerts that were not. `more`: something is due still."""

    delivered: int = 0
    failed: int = 0
    more: bool = False

    def __add__(self, other: "Delivered") -> "Delivered":
        """Both of them."""
        return Delivered(self.delivered + other.delivered, self.failed + other.failed, self.more or other.more)


@dataclass(frozen=True)
class Post:
    """What sends: the clock it goes by, where people see incidents, and the way out."""

    clock: Clock = utcnow
    base_url: str | None = None
    send: Send = send


def deliver(
    ledger: Ledger, channels: Sequence[ChannelConfig], *, post: Post | None = None, until: float | None = None
) -> Delivered:
    """Turn new alerts into deliveries, and send what is due to each channel. Any number may do this at once.

    What waits for a channel goes in one message. A receiver in trouble is left alone for a while, as long as it asks
    for or longer after each failure; then all that has come up meanwhile follows at once. A message that is refused is
    tried again in the same way and holds up no other. `until`, by `time.monotonic`: no new message is begun after it.
    """
    post = post or Post()
    more = False
    with ledger.begin() as session:
        more = expand_alerts(session, channels, at=post.clock()) == AT_ONCE
        at, names = post.clock(), [channel.name for channel in channels]
        rows.give_up_strays(session, names, "no channel of that name is configured", before=at - GIVE_UP, at=at)
    rounds = [_begin(partial(_serve, ledger, channel, post, until)) for channel in channels]
    wait_for(rounds)
    return sum((one.result() for one in rounds), Delivered(more=more))


def _begin(work: Callable[[], Delivered]) -> "Future[Delivered]":
    """In a thread that a process which ends does not wait for, unlike those of a pool: a receiver may be slow."""
    future: Future[Delivered] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # it is raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, name="alerts", daemon=True).start()
    return future


def _serve(ledger: Ledger, channel: ChannelConfig, post: Post, until: float | None) -> Delivered:
    """Send what is due to one channel, until it is in trouble or time is up."""
    done = Delivered()
    while until is None or time.monotonic() < until:
        at = post.clock()
        with ledger.begin() as session:
            claimed = rows.claim_message(session, channel.name, until=at + LEASE, limit=IN_A_MESSAGE, at=at)
            if claimed is None:
                return done
            message = _message(channel, claimed, rows.select_content(session, claimed.ids), post.base_url)
        done += _send(ledger, channel, message, claimed, post)
    return done + Delivered(more=True)


def _send(ledger: Ledger, channel: ChannelConfig, message: Message, claimed: Claimed, post: Post) -> Delivered:
    try:
        post.send(channel, message, post.clock())
    except SupersyncError as error:
        at = post.clock()
        with ledger.begin() as session:
            rows.note_failed(
                session,
                claimed,
                str(error),
                next_try_at=at + wait(claimed.tries, error),
                holds_channel=isinstance(error, RetryError),
                give_up_before=at - GIVE_UP,
                at=at,
            )
        return Delivered(failed=len(claimed.ids))
    with ledger.begin() as session:
        rows.note_delivered(session, claimed, at=post.clock())
    return Delivered(delivered=len(claimed.ids))


def wait(tries: int, error: SupersyncError) -> timedelta:
    """How long to wait after so many tries: as long as the receiver asks for, else twice as long each time.

    With some jitter, so that many do not come back at once; and never no time at all.
    """
    jitter = random.uniform(0.5, 1.0)
    if isinstance(error, RetryError) and error.retry_after is not None:
        return timedelta(seconds=max(error.retry_after, FIRST_WAIT_S * jitter))
    return timedelta(seconds=min(FIRST_WAIT_S * 2 ** min(tries - 1, 30), LONGEST_WAIT_S) * jitter)


def _message(channel: ChannelConfig, claimed: Claimed, content: Sequence[Row[Any]], base_url: str | None) -> Message:
    alerts = [
        Told(
            delivery=row.public_id,
            alert_id=row.alert_id,
            incident_id=row.incident_id,
            kind=row.kind,
            subject=row.subject,
            level=row.level,
            pipeline=row.pipeline,
            title=row.title,
            message=row.message,
            details=row.details,
            created_at=row.created_at,
        )
        for row in content
    ]
    return Message(claimed.message_id, channel.name, alerts, base_url)
