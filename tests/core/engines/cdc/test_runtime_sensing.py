"""A CDC pipeline senses schemas on its way, where that is wanted."""

from supersync_core.domain.change import Change
from supersync_core.engines.cdc.sensing.config import SensingConfig
from tests.core.engines.cdc.doubles import MemorySink, Scene, transactions, unit


def test_schemas_are_sensed_and_kept_and_gone_on_with() -> None:
    scene = Scene(transactions(3, rows=2), [MemorySink()], options={"sensing": SensingConfig(enabled=True)})
    scene.drain()
    assert scene.journal.kept["orders"]["sensed"]["event_count"] == 6
    scene.log += [unit(4, 100)]
    scene.drain()
    assert scene.journal.kept["orders"]["sensed"]["event_count"] == 7
    assert scene.journal.kept["orders"]["drift"]["events_analyzed"] == 7


def test_without_sensing_nothing_is_kept_and_events_carry_no_version() -> None:
    seen: list[Change] = []
    sink = MemorySink(script=lambda batch, writes: seen.extend(batch))
    scene = Scene(transactions(2), [sink], options={"sensing": SensingConfig(enabled=False)})
    scene.drain()
    assert (scene.journal.kept, {change.schema_version for change in seen}) == ({}, {None})
