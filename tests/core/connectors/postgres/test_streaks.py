"""Messages that are alike are kept together, and nothing else is different for that."""

from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supersync_core.connectors.postgres import stream as stream_module
from supersync_core.domain.change import Unit
from supersync_core.domain.envelopes import Debezium, Native
from supersync_core.domain.streak import Streak, parts_of
from tests.conformance.scenes import shown
from tests.core.connectors.postgres import messages as m
from tests.core.connectors.postgres.messages import ITEMS, SECRETS, transaction
from tests.core.connectors.postgres.streaks import streak_of
from tests.core.connectors.postgres.test_decoder import rows

NATIVE = Native(pipeline="100%b", tenant="a%cme", connector="postgresql", version="1")


def parts(unit: Unit) -> list[tuple[bool, int]]:
    """Whether it is a streak, and how long it is."""
    return [(isinstance(part, Streak), len(part)) for part in parts_of(unit.changes)]


def test_inserts_one_after_the_other_are_a_streak_and_the_last_one_a_change(line, stream):
    line.bring(*transaction(1100, ITEMS, *(m.insert(1, [b"%d" % n, b"a"]) for n in range(40))))
    (unit,) = stream.read(0)
    assert parts(unit) == [(True, 39), (False, 1)]
    assert shown(unit.changes) == [("c", "items", None, {"id": n, "name": "a"}) for n in range(40)]
    assert [change.index for change in unit.changes] == list(range(40))
    assert [change.tx_end for change in unit.changes] == [False] * 39 + [True]


def test_updates_without_their_old_rows_are_a_streak_too(line, stream):
    line.bring(*transaction(1100, ITEMS, *(m.update(1, [b"%d" % n, m.UNCHANGED]) for n in range(40))))
    (unit,) = stream.read(0)
    assert parts(unit) == [(True, 39), (False, 1)]
    assert shown(unit.changes)[0] == ("u", "items", None, {"id": 0, "name": {"_unchanged": True}})


def test_a_few_are_no_streak(line, stream):
    line.bring(*transaction(1100, ITEMS, *(m.insert(1, [b"%d" % n, b"a"]) for n in range(5))))
    (unit,) = stream.read(0)
    assert parts(unit) == [(False, 5)]


def test_a_streak_ends_where_its_table_changes(line, stream):
    wider = m.relation(1, "public", "items", [m.ID, m.NAME, m.RelationColumn("more", 25, -1, False)])
    old = [m.insert(1, [b"%d" % n, b"a"]) for n in range(20)]
    new = [m.insert(1, [b"%d" % n, b"a", b"b"]) for n in range(20)]
    line.bring(*transaction(1100, ITEMS, *old, wider, *new))
    (unit,) = stream.read(0)
    assert parts(unit) == [(True, 19), (False, 1), (True, 19), (False, 1)]
    assert [change.after.values() for change in unit.changes][19:21] == [
        {"id": 19, "name": "a"},
        {"id": 0, "name": "a", "more": "b"},
    ]


ANY_MESSAGE = st.sampled_from(
    [
        m.insert(1, [b"1", b"a"]),
        m.insert(1, [b"2", None]),
        m.update(1, [b"1", b"b"]),
        m.update(1, [b"1", b"b"], [b"1", b"a"]),
        m.delete(1, [b"1", None]),
        m.insert(2, [b"1", b"secret"]),
        m.truncate(1),
        m.keepalive(1150),
        m.message(1160, "other", b"x"),
        ITEMS,
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    log=st.lists(ANY_MESSAGE.flatmap(lambda one: st.integers(1, 4).map(lambda times: [one] * times)), max_size=12),
    cut=st.integers(0, 30),
)
def test_changes_are_the_same_whether_they_are_kept_together_or_not(line, make_stream, log, cut):
    messages = transaction(1100, ITEMS, SECRETS, *(message for some in log for message in some))
    seen = []
    for least in (1, 1000):
        stream = make_stream()
        units = []
        with patch.object(stream_module, "_STREAK", least):
            for some in (messages[:cut], messages[cut:]):
                line.bring(*some)
                units += stream.read(0)
        seen.append(
            [
                (unit.bytes, shown(unit.changes), [(one.event_id, one.tx_end) for one in unit.changes])
                for unit in units
                if unit.changes
            ]
        )
    assert seen[0] == seen[1]


@pytest.mark.parametrize("envelope", [NATIVE, Debezium(NATIVE)], ids=["native", "debezium"])
@given(columns=rows(), count=st.integers(1, 4), first=st.integers(0, 2**32 - 4))
def test_a_streak_is_written_as_its_changes_are(envelope, columns, count, first):
    texts = [text.encode() if isinstance(text, str) else text for _, _, text, _ in columns]
    streak = streak_of([(name, rule) for name, rule, _, _ in columns], [texts] * count, first)
    written = streak.written(envelope.form(streak.outline()), 0, streak.id_ends(0, count))
    assert written == [envelope(change) for change in streak]
