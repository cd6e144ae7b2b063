"""Facts that a model proposes pass the gates of the rules."""

from dataclasses import replace
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supersync_core.domain.facts import FactKind, Proposal, accepted
from supersync_core.domain.message import Message

TEXT = "I moved the dashboards of the fraud team to Grafana, and the nightly backup fails since Monday."
SAID = Message("slack", "C1", "1.0", None, "U1", "Ada", TEXT, datetime(2026, 3, 2, tzinfo=timezone.utc))
GOOD = Proposal("Ada moved the dashboards of the fraud team to Grafana.", FactKind.OBSERVATION, 0.9, 0.4)


def test_a_good_proposal_is_a_fact_with_its_names() -> None:
    (fact,) = accepted(SAID, [GOOD], ["Ada"])
    assert (fact.text, fact.kind, fact.place) == (GOOD.text, FactKind.OBSERVATION, 0)
    assert [(one.type, one.name) for one in fact.entities] == [("person", "Ada"), ("thing", "Grafana")]
    assert ("reported", "grafana") in [(one.type, one.target.key) for one in fact.relations]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"quality": 0.4}, id="not good enough"),
        pytest.param({"text": "Ada moved."}, id="too short"),
        pytest.param({"text": "Ada moved the dashboards to Grafana. " * 20}, id="too long"),
        pytest.param({"text": "The company was sold to Globex for seven billion dollars."}, id="made up"),
        pytest.param({"text": ""}, id="empty"),
    ],
)
def test_a_proposal_that_fails_a_gate_is_left_out(changes: dict[str, object]) -> None:
    assert accepted(SAID, [replace(GOOD, **changes)]) == []  # type: ignore[arg-type]


def test_two_are_taken_at_most_and_each_once() -> None:
    backup = replace(GOOD, text="The nightly backup fails since Monday.", quality=0.8)
    third = replace(GOOD, text="The dashboards of the fraud team, nightly since Monday.", quality=0.6)
    found = accepted(SAID, [third, backup, GOOD, GOOD])
    assert [(one.place, one.text) for one in found] == [(0, GOOD.text), (1, backup.text)]


def test_a_deleted_message_has_none() -> None:
    assert accepted(replace(SAID, is_deleted=True), [GOOD]) == []


@given(st.text(max_size=200), st.text(max_size=100), st.floats(allow_nan=True), st.floats(allow_nan=True))
def test_no_proposal_breaks_the_gates(text: str, proposed: str, quality: float, importance: float) -> None:
    for fact in accepted(replace(SAID, text=text), [Proposal(proposed, FactKind.OPINION, quality, importance)]):
        assert 0.5 <= fact.quality <= 1 and "\n" not in fact.text
