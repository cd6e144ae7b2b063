"""Whoever dies while it delivers: nothing is lost, and what comes again can be known by its id."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from textwrap import indent
from threading import Event

from supersync_core.clock import utcnow
from supersync_core.services.alerts import Delivered
from supersync_core.services.alerts.delivering import LEASE
from tests.core.services.alerts.conftest import Scene
from tests.core.services.alerts.receiver import SECRET

DELIVER = """
import sys
from pydantic import SecretStr
from supersync_core.ledger.database import open_ledger
from supersync_core.services.alerts import deliver
from supersync_core.services.configuration import ChannelConfig
url, hook, secret = sys.argv[1:]
deliver(open_ledger(url), [ChannelConfig(name="hook", webhook=SecretStr(hook), secret=SecretStr(secret))])
"""


def test_a_deliverer_that_is_killed_between_sending_and_noting_loses_nothing(scene: Scene) -> None:
    scene.now = utcnow()
    for title in "ab":
        scene.find(title)
    killed: list[subprocess.Popen[bytes]] = []
    scene.receiver.answers = [lambda: os.kill(killed[0].pid, signal.SIGKILL)]
    arguments = [sys.executable, "-c", DELIVER, scene.ledger.url, scene.receiver.url, SECRET]
    killed.append(subprocess.Popen(arguments))
    assert killed[0].wait(60) == -signal.SIGKILL
    assert (scene.receiver.titles, scene.states()) == ([["a", "b"]], ["waiting", "waiting"])
    scene.find("c")
    scene.now = utcnow() + timedelta(seconds=1)
    assert scene.deliver() == Delivered(delivered=1)
    scene.now += LEASE
    assert scene.deliver() == Delivered(delivered=2)
    assert scene.receiver.titles == [["a", "b"], ["c"], ["a", "b"]]
    first, _, again = scene.receiver.received
    assert again.id == first.id
    ids = [[alert["delivery"] for alert in one.json["alerts"]] for one in (first, again)]
    assert ids[0] == ids[1]


def test_a_process_that_ends_does_not_wait_for_a_receiver_that_is_slow(scene: Scene) -> None:
    scene.now = utcnow()
    scene.find("a")
    there, hang = Event(), Event()

    def answer_late() -> None:
        there.set()
        hang.wait(60)

    scene.receiver.answers = [answer_late]
    start = "import threading\nthreading.Thread(target=work, daemon=True).start()\ninput()"
    program = f"def work():\n{indent(DELIVER, ' ')}\n{start}"
    arguments = [sys.executable, "-c", program, scene.ledger.url, scene.receiver.url, SECRET]
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE)
    assert there.wait(60)
    process.communicate(b"\n", timeout=10)
    hang.set()
    assert (process.returncode, scene.states()) == (0, ["waiting"])


def test_what_a_slow_deliverer_notes_late_is_noted_once(scene: Scene) -> None:
    """Its claim has run out, somebody else has sent the message again, and then it comes back."""

    def be_overtaken() -> None:
        scene.later(minutes=3)
        assert scene.deliver() == Delivered(delivered=1)

    scene.receiver.answers = [be_overtaken]
    scene.find("a")
    scene.deliver()
    assert scene.receiver.titles == [["a"], ["a"]]
    (delivery,) = scene.deliveries()
    assert (delivery.state.value, delivery.tries) == ("delivered", 2)


def test_a_failure_that_is_noted_late_takes_nothing_back(scene: Scene) -> None:
    def be_overtaken() -> None:
        scene.later(minutes=3)
        assert scene.deliver() == Delivered(delivered=1)
        raise ConnectionError

    scene.receiver.answers = [be_overtaken]
    scene.find("a")
    assert scene.deliver() == Delivered(failed=1)
    assert [(one.state.value, one.error) for one in scene.deliveries()] == [("delivered", None)]


def test_a_failure_does_not_end_the_claim_of_who_tries_now(scene: Scene) -> None:
    def be_overtaken() -> None:
        scene.later(minutes=3)
        assert scene.deliver() == Delivered(failed=1)
        raise ConnectionError

    scene.receiver.answers = [be_overtaken, 500]
    scene.find("a")
    assert scene.deliver() == Delivered(failed=1)
    (delivery,) = scene.deliveries()
    assert (delivery.tries, delivery.error) == (2, "the receiver answered 500")
