"""What was told can be read, and told again."""

import pytest

from supersync_core.domain.incident import DeliveryState
from supersync_core.errors import NotFound
from supersync_core.services.alerts import Delivered, DeliveryFilter, list_alerts, list_deliveries, resend_delivery
from supersync_core.services.alerts.delivering import GIVE_UP
from tests.core.services.alerts.conftest import Scene


def resend(scene: Scene, delivery_id: int) -> None:
    with scene.ledger.begin() as session:
        resend_delivery(session, delivery_id, at=scene.now)


def ids(scene: Scene, **wanted: object) -> list[int]:
    with scene.ledger.begin() as session:
        return [one.id for one in list_deliveries(session, DeliveryFilter(**wanted), limit=9)[0]]  # type: ignore[arg-type]


def test_what_was_delivered_is_sent_again_as_something_new(scene: Scene) -> None:
    for title in "ab":
        scene.find(title)
    scene.deliver()
    scene.later(days=30)
    resend(scene, scene.deliveries()[0].id)
    assert scene.states() == ["waiting", "delivered"]
    assert scene.deliver() == Delivered(delivered=1)
    assert scene.receiver.titles == [["a", "b"], ["a"]]
    first, again = scene.receiver.received
    assert first.id != again.id
    assert first.json["alerts"][0] == again.json["alerts"][0]


def test_what_was_given_up_is_tried_anew_for_as_long_again(scene: Scene) -> None:
    scene.find("a")
    scene.receiver.answers = [500]
    scene.deliver()
    scene.later(seconds=GIVE_UP.total_seconds() + 1)
    scene.receiver.answers = [500, 500]
    scene.deliver()
    assert scene.states() == ["given_up"]
    scene.later(days=30)
    resend(scene, scene.deliveries()[0].id)
    scene.deliver()
    assert (scene.states(), scene.deliveries()[0].tries) == (["waiting"], 1)


def test_what_waits_is_sent_at_once_with_its_message(scene: Scene) -> None:
    for title in "ab":
        scene.find(title)
    scene.receiver.answers = [(503, {"Retry-After": "3600"})]
    scene.deliver()
    scene.find("c")
    assert scene.deliver() == Delivered()
    resend(scene, scene.deliveries()[1].id)
    assert scene.deliver() == Delivered(delivered=3)
    assert scene.receiver.titles == [["a", "b"], ["a", "b"], ["c"]]
    assert scene.receiver.received[0].id == scene.receiver.received[1].id


@pytest.mark.parametrize("delivery_id", [0, -1, 7, 2**63])
def test_a_delivery_that_is_not_there_is_not_sent(scene: Scene, delivery_id: int) -> None:
    with pytest.raises(NotFound, match=f"there is no delivery {delivery_id}"):
        resend(scene, delivery_id)


def test_deliveries_are_listed_by_what_they_are(scene: Scene) -> None:
    scene.channels = [scene.channel("one"), scene.channel("two")]
    scene.receiver.answers = [400]
    scene.find("a")
    scene.deliver()
    scene.find("b")
    scene.deliver()
    a_one, a_two, b_one, b_two = scene.deliveries()
    assert ids(scene) == [b_two.id, b_one.id, a_two.id, a_one.id]
    assert ids(scene, alert_id=a_one.alert_id) == [a_two.id, a_one.id]
    assert ids(scene, channel="two") == [b_two.id, a_two.id]
    (refused,) = [one for one in (a_one, a_two) if one.error]
    assert ids(scene, state=DeliveryState.WAITING) == [refused.id]
    assert refused.id not in ids(scene, state=DeliveryState.DELIVERED)
    assert ids(scene, state=DeliveryState.GIVEN_UP) == []
    assert ids(scene, before=b_one.id) == [a_two.id, a_one.id]


def test_pages_go_on_where_the_one_before_has_ended(scene: Scene) -> None:
    for title in "abc":
        scene.find(title)
    scene.deliver()
    with scene.ledger.begin() as session:
        alerts, before = list_alerts(session, limit=2)
        rest, end = list_alerts(session, before=before, limit=2)
        assert [[alert.title for alert in page] for page in (alerts, rest)] == [["c", "b"], ["a"]]
        assert end is None
        own, _ = list_alerts(session, incident_id=rest[0].incident_id, limit=9)
        assert [alert.title for alert in own] == ["a"]
        page, before = list_deliveries(session, DeliveryFilter(), limit=2)
        last, end = list_deliveries(session, DeliveryFilter(before=before), limit=2)
        assert (len(page), len(last), end) == (2, 1, None)
