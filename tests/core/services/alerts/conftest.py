"""A ledger with alerts, a receiver, and a clock that goes when it is told to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from supersync_core.domain.incident import Finding, IncidentKind, Level
from supersync_core.ledger.check_tables import Delivery
from supersync_core.ledger.database import Ledger
from supersync_core.services.alerts import Delivered, Post, deliver
from supersync_core.services.configuration import ChannelConfig
from supersync_core.services.incidents import report_finding
from tests.core.services.alerts.receiver import SECRET, Receiver, receiver
from tests.core.services.reports import NOON


@dataclass
class Scene:
    """What a test of deliveries needs."""

    ledger: Ledger
    receiver: Receiver
    now: datetime = NOON
    channels: list[ChannelConfig] = field(default_factory=list)

    def channel(self, name: str = "hook", port: int | None = None, **keys: Any) -> ChannelConfig:
        """A webhook at the receiver, or at another port."""
        url = self.receiver.url if port is None else f"http://127.0.0.1:{port}/hooks/hunter3"
        return ChannelConfig(name=name, webhook=SecretStr(url), secret=SecretStr(SECRET), **keys)

    def find(self, title: str, level: Level = Level.WARNING, kind: IncidentKind = IncidentKind.FRESHNESS) -> None:
        """Something that is alerted."""
        finding = Finding(kind, f"{kind.value}:{title}", level, title, f"about {title}", {"n": 1})
        with self.ledger.begin() as session:
            report_finding(session, finding, at=self.now)

    def deliver(self, **keys: Any) -> Delivered:
        """A round at this time."""
        post = Post(clock=lambda: self.now, base_url="https://here/", **keys)
        return deliver(self.ledger, self.channels, post=post)

    def later(self, **time: float) -> None:
        """Let time go by."""
        self.now += timedelta(**time)

    def deliveries(self) -> list[Delivery]:
        """All of them, the oldest first."""
        with self.ledger.begin() as session:
            return list(session.scalars(select(Delivery).order_by(Delivery.id)))

    def states(self) -> list[str]:
        """How far each is."""
        return [delivery.state.value for delivery in self.deliveries()]


@pytest.fixture
def scene(ledger: Ledger) -> Iterator[Scene]:
    """A ledger without alerts, and one channel to a receiver that takes everything."""
    with receiver() as there:
        scene = Scene(ledger, there)
        scene.channels = [scene.channel()]
        yield scene


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it to wait for receivers no longer than a moment."""

    def patience() -> None:
        monkeypatch.setattr("supersync_core.services.alerts.sending.READ_S", 0.3)

    return patience
