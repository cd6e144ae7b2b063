"""Who is asking, by tokens of the ledger, static ones and browser sessions."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from supersync_core.domain.access import Identity, Role
from supersync_core.errors import BadData, ConfigError, NotFound
from supersync_core.ledger.database import Ledger, open_ledger
from supersync_core.services.audit import Caller
from supersync_core.services.authentication import (
    FRESH_S,
    SESSION_LIFETIME,
    Authenticator,
    Credential,
    refuse_open_bind,
)
from supersync_core.services.settings import Settings
from supersync_core.services.tokens import create_token, list_tokens, revoke_token

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
ADMIN = Caller(Identity("me", Role.ADMIN, "cli"))
STATIC = "static-token-of-ci-000"


class Watch:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.now.timestamp()

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def watch() -> Watch:
    return Watch()


def authenticator(ledger: Ledger, watch: Watch, **settings: Any) -> Authenticator:
    return Authenticator(ledger, Settings(**settings), watch, watch.monotonic)


def make(ledger: Ledger, role: Role = Role.OPERATOR, **options: Any) -> str:
    with ledger.begin() as session:
        return create_token(session, "ci", role, caller=ADMIN, at=NOON, **options)[1].text


def revoke(ledger: Ledger) -> None:
    with ledger.begin() as session:
        for token in list_tokens(session):
            revoke_token(session, token.id, caller=ADMIN, at=NOON)


def token(text: str) -> Credential:
    credential = Credential.token(text)
    assert credential
    return credential


def session_from(asked: Authenticator, ledger: Ledger, text: str) -> Credential:
    with ledger.begin() as session:
        made = asked.log_in(session, token(text))
    assert made
    credential = Credential.session(made[0])
    assert credential
    return credential


def test_a_token_tells_who_shows_it(ledger: Ledger, watch: Watch) -> None:
    text = make(ledger)
    assert authenticator(ledger, watch).identify(token(text)) == Identity("ci", Role.OPERATOR, "token")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text[:-1], id="truncated"),
        pytest.param(lambda text: text[:-1] + ("0" if text[-1] != "0" else "1"), id="another last digit"),
        pytest.param(lambda text: text + "0", id="longer"),
        pytest.param(lambda text: text.upper(), id="capitals"),
        pytest.param(lambda text: "", id="empty"),
        pytest.param(lambda text: text.replace("ss_", "ſs_"), id="a letter that folds to ours"),
    ],
)
def test_nothing_but_the_very_token_opens(ledger: Ledger, watch: Watch, change: Any) -> None:
    assert authenticator(ledger, watch).identify(token(change(make(ledger)))) is None


def test_a_token_ends_to_the_second(ledger: Ledger, watch: Watch) -> None:
    text, asked = make(ledger, lifetime=timedelta(hours=1)), authenticator(ledger, watch)
    watch.move(seconds=3599)
    assert asked.identify(token(text))
    assert asked.recall(token(text))[1]
    watch.move(seconds=1)
    assert asked.recall(token(text)) == (None, False)
    assert asked.identify(token(text)) is None


def test_a_revoked_token_opens_nothing_once_what_was_remembered_is_old(ledger: Ledger, watch: Watch) -> None:
    text, asked = make(ledger), authenticator(ledger, watch)
    asked.identify(token(text))
    revoke(ledger)
    watch.move(seconds=FRESH_S)
    assert asked.recall(token(text))[1] is False
    assert asked.identify(token(text)) is None
    assert asked.recall(token(text)) == (None, False)


def test_the_last_use_is_written_at_most_once_a_minute(ledger: Ledger, watch: Watch) -> None:
    text, asked = make(ledger), authenticator(ledger, watch)
    seen = []
    for seconds in (0, 59, 2):
        watch.move(seconds=seconds)
        asked.identify(token(text))
        with ledger.begin() as session:
            seen.append(list_tokens(session)[0].last_used_at)
    assert seen == [NOON, NOON, NOON + timedelta(seconds=61)]


def test_a_static_token_needs_no_ledger(watch: Watch) -> None:
    nowhere = open_ledger("postgresql://nobody@127.0.0.1:1/nothing")
    asked = authenticator(nowhere, watch, tokens=f"ci:admin:{STATIC}")
    assert asked.identify(token(STATIC)) == Identity("ci", Role.ADMIN, "static")
    assert asked.is_on()


@pytest.mark.parametrize(
    ("settings", "made", "on"),
    [
        pytest.param({}, False, False, id="nothing is configured"),
        pytest.param({"auth": "token"}, False, True, id="asked for"),
        pytest.param({"tokens": f"ci:viewer:{STATIC}"}, False, True, id="a static token"),
        pytest.param({}, True, True, id="a token in the ledger"),
        pytest.param({"auth": "off"}, True, False, id="switched off"),
    ],
)
def test_authentication_is_on_when_it_is_configured(
    ledger: Ledger, watch: Watch, settings: dict[str, Any], made: bool, on: bool
) -> None:
    if made:
        make(ledger)
    assert authenticator(ledger, watch, **settings).look() is on


def test_authentication_comes_on_with_the_first_token_and_stays_on_without_it(ledger: Ledger, watch: Watch) -> None:
    asked = authenticator(ledger, watch)
    assert asked.look() is False
    make(ledger)
    watch.move(seconds=FRESH_S)
    assert asked.is_on() is None
    assert asked.look() is True
    revoke(ledger)
    watch.move(days=1000)
    assert authenticator(ledger, watch).look() is True


def test_static_tokens_and_no_authentication_contradict_each_other(ledger: Ledger, watch: Watch) -> None:
    with pytest.raises(ConfigError, match="drop one"):
        authenticator(ledger, watch, auth="off", tokens=f"ci:viewer:{STATIC}")


@pytest.mark.parametrize("static", [True, False], ids=["static token", "token of the ledger"])
def test_a_session_is_as_good_as_the_token_that_it_was_made_from(ledger: Ledger, watch: Watch, static: bool) -> None:
    text = STATIC if static else make(ledger, Role.ADMIN)
    asked = authenticator(ledger, watch, tokens=f"ci:admin:{STATIC}")
    assert asked.identify(session_from(asked, ledger, text)) == Identity("ci", Role.ADMIN, "session")


def test_a_session_ends_after_its_time(ledger: Ledger, watch: Watch) -> None:
    asked = authenticator(ledger, watch)
    made = session_from(asked, ledger, make(ledger))
    watch.move(seconds=SESSION_LIFETIME.total_seconds() - 1)
    assert asked.identify(made)
    watch.move(seconds=1)
    assert asked.identify(made) is None


def test_a_session_ends_with_its_token(ledger: Ledger, watch: Watch) -> None:
    asked = authenticator(ledger, watch)
    short = session_from(asked, ledger, make(ledger, lifetime=timedelta(hours=1)))
    long = session_from(asked, ledger, make(ledger))
    watch.move(hours=1)
    assert (asked.identify(short), bool(asked.identify(long))) == (None, True)
    revoke(ledger)
    assert asked.identify(long) is None


def test_a_session_from_a_static_token_ends_when_that_is_no_longer_configured(ledger: Ledger, watch: Watch) -> None:
    before = authenticator(ledger, watch, tokens=f"ci:admin:{STATIC}")
    made = session_from(before, ledger, STATIC)
    assert authenticator(ledger, watch, tokens="ci:admin:another-static-token").identify(made) is None


def test_a_session_that_was_logged_out_is_over_at_once(ledger: Ledger, watch: Watch) -> None:
    asked = authenticator(ledger, watch)
    made = session_from(asked, ledger, make(ledger))
    asked.identify(made)
    with ledger.begin() as session:
        asked.log_out(session, made)
    assert asked.recall(made) == (None, False)
    assert asked.identify(made) is None


def test_a_token_is_no_cookie_and_a_cookie_no_token(ledger: Ledger, watch: Watch) -> None:
    text, asked = make(ledger), authenticator(ledger, watch)
    with ledger.begin() as session:
        made = asked.log_in(session, token(text))
    assert made
    cookie = Credential.session(text)
    assert cookie
    assert [asked.identify(cookie), asked.identify(token(made[0]))] == [None, None]


def test_a_wrong_token_logs_nobody_in(ledger: Ledger, watch: Watch) -> None:
    make(ledger)
    with ledger.begin() as session:
        assert authenticator(ledger, watch).log_in(session, token("ss_" + "0" * 12 + "_" + "0" * 64)) is None


@pytest.mark.parametrize(
    ("host", "settings", "refused"),
    [
        pytest.param("127.0.0.1", {}, False, id="loopback"),
        pytest.param("localhost", {}, False, id="loopback by name"),
        pytest.param("::1", {}, False, id="loopback of IPv6"),
        pytest.param("0.0.0.0", {}, True, id="every address"),
        pytest.param("", {}, True, id="every address, unsaid"),
        pytest.param("192.168.1.5", {}, True, id="one address"),
        pytest.param("build.example.com", {}, True, id="a name"),
        pytest.param("0.0.0.0", {"auth": "off"}, True, id="switched off"),
        pytest.param("0.0.0.0", {"auth": "token"}, False, id="asked for"),
        pytest.param("0.0.0.0", {"tokens": f"ci:viewer:{STATIC}"}, False, id="a static token"),
    ],
)
def test_others_than_this_machine_need_a_token(
    ledger: Ledger, watch: Watch, host: str, settings: dict[str, Any], refused: bool
) -> None:
    asked = authenticator(ledger, watch, **settings)
    if refused:
        with pytest.raises(ConfigError, match="supersync token create"):
            refuse_open_bind(host, asked)
    else:
        refuse_open_bind(host, asked)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb"])
def test_a_token_needs_a_name_that_can_be_shown(ledger: Ledger, name: str) -> None:
    with ledger.begin() as session, pytest.raises(BadData, match="1 to 100"):
        create_token(session, name, Role.VIEWER, caller=ADMIN, at=NOON)


def test_a_token_that_is_not_there_cannot_be_revoked(ledger: Ledger) -> None:
    with ledger.begin() as session, pytest.raises(NotFound, match="token list"):
        revoke_token(session, "0123456789ab", caller=ADMIN, at=NOON)
