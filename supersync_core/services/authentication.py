"""Who is asking: tokens of the ledger, static ones, and browser sessions made from either."""

import hmac
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import ip_address

from sqlalchemy.orm import Session

from supersync_core.clock import Clock, utcnow
from supersync_core.domain.access import MAX_CREDENTIAL, Identity, Role, digest, new_session_secret, token_id_of
from supersync_core.errors import ConfigError, RetryError
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.perimeter_tables import BrowserSession, Token
from supersync_core.ledger.tokens import (
    any_token,
    delete_browser_session,
    delete_ended_browser_sessions,
    find_browser_session,
    find_token,
    touch_token,
)
from supersync_core.services.settings import Settings
from supersync_core.services.static_tokens import find_static, parse_static_tokens

FRESH_S = 5.0
"""So long is an answer of the ledger believed: a revoked token may live on for this time."""
SESSION_LIFETIME = timedelta(hours=12)
_REMEMBERED = 10_000

LOCAL = Identity("local", Role.ADMIN, "local")
"""Everybody, where no authentication is configured: then only this machine can ask."""


@dataclass(frozen=True)
class Credential:
    """What a request shows: a token, or the secret in the cookie of a browser session."""

    kind: str
    digest: bytes
    token_id: str | None = None

    @classmethod
    def token(cls, text: str) -> "Credential | None":
        """A bearer token; None for one that is too long to be anybody's."""
        return cls("token", digest(text), token_id_of(text)) if len(text) <= MAX_CREDENTIAL else None

    @classmethod
    def session(cls, secret: str) -> "Credential | None":
        """A session's cookie; None for one that is too long to be anybody's."""
        return cls("session", digest(secret)) if len(secret) <= MAX_CREDENTIAL else None


@dataclass(frozen=True)
class _Known:
    identity: Identity
    ends_at: datetime | None
    looked_at: float


class Authenticator:
    """Knows identities by their credentials. Threads share it.

    What is remembered is answered at once, by `recall` and `is_on`; to `identify` and `look` the ledger must answer.
    """

    def __init__(
        self, ledger: Ledger, settings: Settings, clock: Clock = utcnow, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Read the static tokens. Raises ConfigError for entries that cannot be read."""
        self._ledger, self._mode, self._clock, self._monotonic = ledger, settings.auth, clock, monotonic
        self._static = parse_static_tokens(settings.tokens.get_secret_value() if settings.tokens else "")
        if self._mode == "off" and self._static:
            raise ConfigError("SUPERSYNC_AUTH is off and SUPERSYNC_TOKENS has tokens: drop one of the two")
        self._lock = threading.Lock()
        self._known: dict[Credential, _Known] = {}
        self._on: bool | None = True if self._mode == "token" or self._static else None
        self._looked_at = float("-inf")

    def is_on(self) -> bool | None:
        """Whether everybody is asked for a token; None: `look` must be asked, which may take a moment.

        It is on when SUPERSYNC_AUTH says so, when there are static tokens, and once a token was made in the ledger: it
        does not go off again when the last one has expired or is revoked.
        """
        if self._mode == "off":
            return False
        if self._on or self._monotonic() - self._looked_at < FRESH_S:
            return bool(self._on)
        return None

    def look(self) -> bool:
        """The same from the ledger; its last answer while it is away. Raises RetryError when it never answered."""
        known = self.is_on()
        if known is None:
            try:
                with self._ledger.begin() as session:
                    self._on = any_token(session)
            except RetryError:
                if self._on is None:
                    raise
            self._looked_at = self._monotonic()
        return bool(self._on) if known is None else known

    def recall(self, credential: Credential) -> tuple[Identity | None, bool]:
        """Who showed this credential before, and whether that is fresh enough to be believed without another look."""
        known = self._known.get(credential)
        if known is None or (known.ends_at is not None and known.ends_at <= self._clock()):
            return None, False
        return known.identity, self._monotonic() - known.looked_at < FRESH_S

    def identify(self, credential: Credential) -> Identity | None:
        """Who shows this credential; None for nobody. Raises Unavailable."""
        with self._ledger.begin() as session:
            known = self._find(session, credential)
        with self._lock:
            self._known.pop(credential, None)
            if known is not None:
                self._known[credential] = known
                for oldest in list(self._known)[: len(self._known) - _REMEMBERED]:
                    del self._known[oldest]
        return known.identity if known else None

    def log_in(self, session: Session, token: Credential) -> tuple[str, Identity] | None:
        """Make a browser session from a token: the secret for its cookie, and who it is. None: the token opens nothing.

        It ends after `SESSION_LIFETIME`, and with its token.
        """
        known = self._find(session, token)
        if known is None:
            return None
        secret, now = new_session_secret(), self._clock()
        delete_ended_browser_sessions(session, now)
        static = known.identity.via == "static"
        session.add(
            BrowserSession(
                digest=digest(secret),
                token_id=None if static else token.token_id,
                static_digest=token.digest if static else None,
                created_at=now,
                expires_at=_first(now + SESSION_LIFETIME, known.ends_at),
            )
        )
        return secret, replace(known.identity, via="session")

    def log_out(self, session: Session, credential: Credential) -> None:
        """End a browser session, here at once and elsewhere within `FRESH_S`."""
        delete_browser_session(session, credential.digest)
        with self._lock:
            self._known.pop(credential, None)

    def _find(self, session: Session, credential: Credential) -> _Known | None:
        if credential.kind == "session":
            return self._find_session(session, credential)
        static = find_static(self._static, credential.digest)
        if static is not None:
            return _Known(static.identity, None, self._monotonic())
        token = find_token(session, credential.token_id) if credential.token_id else None
        if token is None or not hmac.compare_digest(token.digest, credential.digest):
            return None
        return self._use(session, token)

    def _find_session(self, session: Session, credential: Credential) -> _Known | None:
        found = find_browser_session(session, credential.digest)
        if found is None or found.expires_at <= self._clock():
            return None
        known = self._owner(session, found)
        if known is None:
            return None
        ends_at = _first(found.expires_at, known.ends_at)
        return _Known(replace(known.identity, via="session"), ends_at, known.looked_at)

    def _owner(self, session: Session, found: BrowserSession) -> _Known | None:
        if found.static_digest is not None:
            static = find_static(self._static, found.static_digest)
            return _Known(static.identity, None, self._monotonic()) if static else None
        token = find_token(session, found.token_id or "")
        return self._use(session, token) if token else None

    def _use(self, session: Session, token: Token) -> _Known | None:
        now = self._clock()
        if token.revoked_at is not None or token.expires_at <= now:
            return None
        touch_token(session, token.id, now)
        return _Known(Identity(token.name, token.role, "token"), token.expires_at, self._monotonic())


def _first(time: datetime, other: datetime | None) -> datetime:
    return time if other is None else min(time, other)


def refuse_open_bind(host: str, authenticator: Authenticator) -> None:
    """Raise ConfigError when others than this machine would reach a server on `host`, and nobody is asked for a token.

    Raises RetryError when the ledger must be asked and does not answer.
    """
    if not is_loopback(host) and not authenticator.look():
        raise ConfigError(
            f"will not listen on {host or 'every address'} without authentication: others could change everything."
            " Make a token first (supersync token create --role admin --name me), or give some in SUPERSYNC_TOKENS,"
            " or set SUPERSYNC_AUTH=token; or listen on 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens on `host`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
