"""Alerts arrive: once, together, signed, and whatever happens to their receiver meanwhile."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from sqlalchemy import text

from supersync_core.domain.incident import IncidentKind, Level
from supersync_core.errors import BadData, Unavailable
from supersync_core.services.alerts import Delivered, deliver
from supersync_core.services.alerts.delivering import FIRST_WAIT_S, GIVE_UP, IN_A_MESSAGE, LONGEST_WAIT_S, wait
from tests.core.services.alerts.conftest import Scene
from tests.core.services.alerts.receiver import receiver


def test_an_alert_arrives_signed_with_all_that_is_known(scene: Scene) -> None:
    scene.find("orders is stale")
    assert scene.deliver() == Delivered(delivered=1)
    (received,) = scene.receiver.received
    (delivery,) = scene.deliveries()
    assert received.is_signed
    assert (received.headers["content-type"], received.headers["idempotency-key"]) == ("application/json", received.id)
    assert received.headers["x-supersync-timestamp"] == str(int(scene.now.timestamp()))
    assert received.json == {
        "id": str(delivery.message_id),
        "channel": "hook",
        "alerts": [
            {
                "delivery": str(delivery.public_id),
                "alert": delivery.alert_id,
                "incident": 1,
                "kind": "freshness",
                "subject": "freshness:orders is stale",
                "level": "warning",
                "pipeline": None,
                "title": "orders is stale",
                "message": "about orders is stale",
                "details": {"n": 1},
                "created_at": "2026-11-22T12:00:00+00:00",
                "url": "https://here/supersync/incidents/1",
            }
        ],
    }
    assert received.id == str(delivery.message_id)
    assert (delivery.delivered_at, delivery.tries, delivery.error) == (scene.now, 1, None)


def test_an_alert_arrives_once(scene: Scene) -> None:
    scene.find("a")
    assert [scene.deliver().delivered for _ in range(3)] == [1, 0, 0]
    assert scene.receiver.titles == [["a"]]


def test_what_waits_for_a_channel_arrives_together_in_its_order(scene: Scene) -> None:
    for title in "abc":
        scene.find(title)
    scene.deliver()
    scene.find("d")
    scene.deliver()
    assert scene.receiver.titles == [["a", "b", "c"], ["d"]]


def test_more_than_a_message_holds_arrives_in_several(scene: Scene) -> None:
    for number in range(IN_A_MESSAGE + 1):
        scene.find(str(number))
    assert scene.deliver() == Delivered(delivered=IN_A_MESSAGE + 1)
    assert [len(titles) for titles in scene.receiver.titles] == [IN_A_MESSAGE, 1]


def test_each_channel_gets_what_it_wants(scene: Scene) -> None:
    scene.channels = [
        scene.channel("all"),
        scene.channel("bad", level=Level.CRITICAL),
        scene.channel("failures", kinds=(IncidentKind.FAILURE,)),
    ]
    scene.find("a", Level.CRITICAL)
    scene.find("b", kind=IncidentKind.FAILURE)
    scene.deliver()
    told = {received.json["channel"]: received.titles for received in scene.receiver.received}
    assert told == {"all": ["a", "b"], "bad": ["a"], "failures": ["b"]}


def test_what_no_channel_wanted_goes_nowhere_later(scene: Scene) -> None:
    hooks, scene.channels = scene.channels, []
    scene.find("a")
    assert scene.deliver() == Delivered()
    scene.channels = hooks
    scene.find("b")
    scene.deliver()
    assert scene.receiver.titles == [["b"]]


# Receivers in trouble


def test_a_receiver_that_is_down_for_a_while_loses_nothing(scene: Scene) -> None:
    with receiver() as gone:
        port = gone.port
    scene.channels = [scene.channel(port=port)]
    scene.find("a")
    assert scene.deliver() == Delivered(failed=1)
    (delivery,) = scene.deliveries()
    assert (delivery.error, delivery.tries, delivery.holds_channel) == ("no connection (ConnectError)", 1, True)
    for title in "bc":
        scene.find(title)
        assert scene.deliver() == Delivered()
    scene.later(hours=1)
    assert scene.deliver() == Delivered(failed=1)
    with receiver(port) as back:
        scene.later(hours=1)
        assert scene.deliver() == Delivered(delivered=3)
        assert back.titles == [["a"], ["b", "c"]]
    assert scene.states() == ["delivered"] * 3


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_receiver_is_left_alone_as_long_as_it_asks_for(scene: Scene, status: int, form: str) -> None:
    wished = "1800" if form == "seconds" else "Sun, 22 Nov 2026 12:30:00 GMT"
    scene.receiver.answers = [(status, {"Retry-After": wished})]
    scene.find("a")
    assert scene.deliver() == Delivered(failed=1)
    scene.later(minutes=29, seconds=59)
    scene.find("b")
    assert scene.deliver() == Delivered()
    scene.later(seconds=1)
    assert scene.deliver() == Delivered(delivered=2)
    assert scene.receiver.titles == [["a"], ["a"], ["b"]]
    assert scene.receiver.received[0].id == scene.receiver.received[1].id


def test_a_message_that_is_sent_again_is_the_same(scene: Scene) -> None:
    scene.receiver.answers = [500, 502]
    for title in "ab":
        scene.find(title)
    for _ in range(3):
        scene.deliver()
        scene.later(minutes=20)
    first, *others = scene.receiver.received
    assert [other.body for other in others] == [first.body, first.body]
    assert {one.id for one in scene.receiver.received} == {first.id}
    assert all(one.is_signed for one in scene.receiver.received)
    assert len({one.headers["x-supersync-timestamp"] for one in scene.receiver.received}) == 3


def test_a_receiver_that_answers_too_late_gets_the_same_message_again(scene: Scene, quick: Callable[[], None]) -> None:
    quick()
    hang = Event()
    scene.receiver.answers = [lambda: None if hang.wait(20) else None]
    scene.find("a")
    assert scene.deliver() == Delivered(failed=1)
    hang.set()
    assert scene.deliveries()[0].error == "no answer in time (ReadTimeout)"
    scene.later(minutes=1)
    assert scene.deliver() == Delivered(delivered=1)
    assert [one.id for one in scene.receiver.received] == [scene.receiver.received[0].id] * 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(400, "the receiver answered 400", id="a refusal"),
        pytest.param(404, "the receiver answered 404", id="not there"),
        pytest.param(
            (302, {"Location": "http://127.0.0.1:1/"}),
            "the receiver answered 302; redirects are not followed",
            id="a redirect",
        ),
    ],
)
def test_a_message_that_is_refused_holds_up_no_other(
    scene: Scene, answer: int | tuple[int, dict[str, str]], error: str
) -> None:
    scene.receiver.answers = [answer]
    scene.find("a")
    assert scene.deliver() == Delivered(failed=1)
    assert scene.deliveries()[0].error == error
    scene.find("b")
    assert scene.deliver() == Delivered(delivered=1)
    scene.later(minutes=1)
    assert scene.deliver() == Delivered(delivered=1)
    assert scene.receiver.titles == [["a"], ["b"], ["a"]]
    assert scene.deliveries()[0].error is None


def test_one_channel_in_trouble_does_not_hold_up_the_others(scene: Scene) -> None:
    with receiver() as gone:
        scene.channels.append(scene.channel("gone", port=gone.port))
    scene.find("a")
    assert scene.deliver() == Delivered(delivered=1, failed=1)
    assert scene.states() == ["delivered", "waiting"]


def test_what_was_tried_in_vain_for_days_is_given_up(scene: Scene) -> None:
    scene.find("a")
    while scene.states() in ([], ["waiting"]):
        scene.receiver.answers = [500]
        scene.deliver()
        scene.later(seconds=LONGEST_WAIT_S)
    (delivery,) = scene.deliveries()
    assert delivery.given_up_at is not None
    assert timedelta() < delivery.given_up_at - delivery.waiting_since - GIVE_UP <= timedelta(seconds=LONGEST_WAIT_S)
    assert delivery.error == "the receiver answered 500"
    assert delivery.tries > GIVE_UP.total_seconds() / LONGEST_WAIT_S
    scene.later(days=9)
    assert scene.deliver() == Delivered()


def test_what_waits_for_a_channel_that_is_not_configured_any_more_is_given_up(scene: Scene) -> None:
    scene.receiver.answers = [500]
    scene.find("a")
    scene.deliver()
    scene.channels = []
    scene.later(days=2, hours=23)
    scene.deliver()
    assert scene.states() == ["waiting"]
    scene.later(hours=2)
    scene.deliver()
    assert [(one.state.value, one.error) for one in scene.deliveries()] == [
        ("given_up", "no channel of that name is configured")
    ]


@pytest.mark.parametrize("tries", [1, 2, 5, 40, 10**6])
def test_the_wait_doubles_up_to_the_longest(tries: int) -> None:
    longest = min(FIRST_WAIT_S * 2 ** min(tries - 1, 30), LONGEST_WAIT_S)
    waits = {wait(tries, BadData("x")).total_seconds() for _ in range(50)}
    assert longest / 2 <= min(waits) < max(waits) <= longest


def test_a_receiver_that_asks_for_no_time_at_all_is_not_stormed() -> None:
    assert wait(9, Unavailable("x", retry_after=0)) >= timedelta(seconds=FIRST_WAIT_S / 2)


# Many at once, and deaths


def test_two_that_deliver_at_once_deliver_once(scene: Scene) -> None:
    for number in range(3 * IN_A_MESSAGE):
        scene.find(str(number))
    with ThreadPoolExecutor(6) as pool:
        rounds = list(pool.map(lambda _: scene.deliver(), range(6)))
    assert sum(one.delivered for one in rounds) == 3 * IN_A_MESSAGE
    told = [title for titles in scene.receiver.titles for title in titles]
    assert sorted(told, key=int) == [str(number) for number in range(3 * IN_A_MESSAGE)]


def test_a_round_that_has_no_time_begins_no_message(scene: Scene) -> None:
    scene.find("a")
    assert deliver(scene.ledger, scene.channels, until=0) == Delivered(more=True)
    assert scene.receiver.received == []
    assert scene.states() == ["waiting"]


def test_nobody_waits_while_a_receiver_is_slow(scene: Scene) -> None:
    there, hang = Event(), Event()

    def answer_late() -> None:
        there.set()
        hang.wait(20)

    scene.receiver.answers = [answer_late]
    scene.find("a")
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(scene.deliver)
        assert there.wait(20)
        with scene.ledger.begin() as session:
            idle = session.scalar(
                text(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
                )
            )
            session.execute(text("LOCK TABLE supersync.deliveries, supersync.alerts, supersync.incidents NOWAIT"))
        scene.find("b")
        assert scene.deliver() == Delivered(delivered=1)
        hang.set()
        assert (slow.result(20), idle) == (Delivered(delivered=1), 0)
    assert scene.receiver.titles == [["a"], ["b"]]
