"""Sensing finds in 100,000 documents what genson finds, and what plain counting finds."""

from collections.abc import Iterable
from typing import Any

import pytest

from supersync_core.clock import utcnow
from supersync_core.engines.cdc.sensing.config import SensingConfig
from supersync_core.engines.cdc.sensing.shape import DYNAMIC
from supersync_core.engines.cdc.sensing.tracker import Tracker
from tests.core.engines.cdc.sensing.documents import (
    Facts,
    by_counting,
    of_genson,
    of_shape,
    orders,
    without_integers_beside_numbers,
)

COUNT = 100_000

pytestmark = pytest.mark.xdist_group("documents")  # so that they are made once


def sensed(documents: Iterable[Any], **config: Any) -> Tracker:
    tracker = Tracker(SensingConfig.model_validate({"enabled": True, **config}))
    now = utcnow()
    for document in documents:
        tracker.events += 1
        tracker.see(document, None, at=now)
    return tracker


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    return list(orders(COUNT))


@pytest.fixture(scope="module")
def found(documents: list[dict[str, Any]]) -> Facts:
    """What it has sensed when every key is a field."""
    return of_shape(sensed(documents, high_cardinality={"enabled": False}).shape)


@pytest.fixture(scope="module")
def tracker(documents: list[dict[str, Any]]) -> Tracker:
    """That has seen them all, and tells keys that are data from fields."""
    return sensed(documents)


@pytest.fixture(scope="module")
def counted(documents: list[dict[str, Any]]) -> Facts:
    return by_counting(documents)


def test_it_agrees_with_plain_counting_about_every_field(found: Facts, counted: Facts) -> None:
    assert found == counted
    assert len(found) > 300


def test_it_agrees_with_genson_about_every_field(documents: list[dict[str, Any]], found: Facts) -> None:
    assert without_integers_beside_numbers(found) == of_genson(documents)


def test_keys_that_are_data_are_one_field_and_all_else_is_as_before(tracker: Tracker, counted: Facts) -> None:
    expected = {path: facts for path, facts in counted.items() if path[:1] != ("clicks",) or len(path) == 1}
    expected["clicks", DYNAMIC] = frozenset({"integer"}), True
    assert of_shape(tracker.shape) == expected


def test_keys_that_are_data_hardly_ever_make_a_new_schema(tracker: Tracker) -> None:
    assert tracker.sequence < COUNT / 100


def test_keys_that_are_data_leave_the_memory_of_structures_useful() -> None:
    tracker = sensed({"id": n, "seen": {f"user-{n}": 1, f"user-{n + 1}": 2}} for n in range(20_000))
    assert tracker.hits / (tracker.hits + tracker.misses) > 0.99
    assert tracker.sequence <= 102
