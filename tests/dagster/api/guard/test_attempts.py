"""Counting what was tried in vain."""

from supersync_dagster.api.guard.attempts import WINDOW_S, Attempts


class Monotonic:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_after_the_limit_an_address_waits_until_the_oldest_attempt_is_a_minute_old() -> None:
    clock = Monotonic()
    attempts = Attempts(2, clock)
    waits = []
    for _ in range(3):
        waits.append(attempts.wait_s("192.0.2.1"))
        attempts.add("192.0.2.1")
        clock.now += 10
    assert waits == [0, 0, WINDOW_S - 20]
    clock.now += WINDOW_S
    assert attempts.wait_s("192.0.2.1") == 0


def test_addresses_are_counted_by_themselves() -> None:
    attempts = Attempts(1)
    attempts.add("192.0.2.1")
    assert attempts.wait_s("192.0.2.2") == 0


def test_addresses_of_one_ipv6_network_are_counted_as_one() -> None:
    attempts = Attempts(1)
    attempts.add("2001:db8::1")
    assert attempts.wait_s("2001:db8::ffff:1") > 0
    assert attempts.wait_s("2001:db8:0:1::1") == 0


def test_an_attempt_that_was_none_is_taken_back() -> None:
    attempts = Attempts(1)
    attempts.add("192.0.2.1")
    attempts.forgive("192.0.2.1")
    assert attempts.wait_s("192.0.2.1") == 0


def test_what_many_addresses_tried_does_not_fill_the_memory() -> None:
    attempts = Attempts(1)
    for number in range(20_000):
        attempts.add(f"192.0.{number // 256}.{number % 256}.x")
    assert len(attempts._times) <= 10_000
