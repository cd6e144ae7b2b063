"""Asking many at once, with a limit of time."""

import threading
import time
from collections.abc import Callable

import pytest

from supersync_core.errors import AccessDenied, ConfigError, NotFound, Unavailable
from supersync_core.services.connectivity import Probe, Probes


def raising(error: Exception) -> Probe:
    def probe() -> None:
        raise error

    return probe


def test_all_are_asked_at_once() -> None:
    together = threading.Barrier(3, timeout=2)

    def probe() -> None:
        together.wait()

    found = Probes().ask(dict.fromkeys("abc", probe))
    assert {finding.problem for finding in found.values()} == {None}


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (Unavailable("connection to db.internal failed"), "cannot be reached"),
        (AccessDenied("password of admin is wrong"), "refuses our credentials or rights"),
        (NotFound('database "secret" does not exist'), "there is no such database"),
        (ConfigError("the DSN cannot be read"), "its configuration is wrong"),
        (ZeroDivisionError("x"), "the probe itself failed; the server's log says more"),
    ],
)
def test_a_problem_is_told_without_names(error: Exception, problem: str) -> None:
    assert Probes().ask({"a": raising(error)})["a"].problem == problem


def test_what_stays_wrong_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    probes = Probes()
    for error in ("gone", "gone", None, "gone", "elsewhere"):
        probes.ask({"a": raising(Unavailable(error)) if error else lambda: None})
    assert caplog.messages == ["a: gone", "a: gone", "a: elsewhere"]


def hanging(asked: list[int], release: threading.Event) -> Callable[[], None]:
    def probe() -> None:
        asked.append(1)
        release.wait(30)

    return probe


def test_one_that_hangs_holds_nobody_up_and_is_asked_once() -> None:
    asked: list[int] = []
    release, probes, begun = threading.Event(), Probes(limit_s=0.5), time.monotonic()
    for _ in range(3):
        found = probes.ask({"bad": hanging(asked, release), "good": lambda: None})
        assert (found["bad"].problem, found["good"].problem) == ("no answer within 0 s", None)
    release.set()
    assert (len(asked), time.monotonic() - begun < 5) == (1, True)


def test_one_that_has_come_back_is_asked_again() -> None:
    asked: list[int] = []
    release, probes = threading.Event(), Probes(limit_s=0.1)
    probes.ask({"a": hanging(asked, release)})
    release.set()
    deadline = time.monotonic() + 5
    while len(asked) < 2 and time.monotonic() < deadline:
        probes.ask({"a": hanging(asked, release)})
    assert len(asked) == 2
