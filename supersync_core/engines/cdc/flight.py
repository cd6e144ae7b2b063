"""Batches on their way to the sinks."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from supersync_core.domain.change import Change
from supersync_core.engines.cdc.delivery import Courier, Delivered
from supersync_core.engines.cdc.reader import Batch
from supersync_core.engines.cdc.replaying import Again


@dataclass(frozen=True)
class Flight:
    """A batch that all sinks are given at once, and the dead letters that go along with it."""

    batch: Batch
    again: Again
    deliveries: Sequence["Future[Delivered]"]


def send(couriers: Sequence[Courier], batch: Batch, changes: Sequence[Change], again: Again) -> Flight:
    """Give `changes`, which are what processors have made of the batch, to all sinks."""
    return Flight(
        batch,
        again,
        [
            courier.deliver(changes, batch.position, [one.change for one in again.get(courier.sink.id, ())])
            for courier in couriers
        ],
    )
