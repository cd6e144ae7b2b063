"""Who asks, and what is written down about it."""

import hashlib
import hmac
import logging
from dataclasses import replace

from starlette.concurrency import run_in_threadpool

from supersync_core.domain.access import Identity
from supersync_core.errors import RetryError
from supersync_core.services.audit import record
from supersync_core.services.authentication import LOCAL, Authenticator, Credential, refuse_open_bind
from supersync_dagster.api.auth import IDENTITY, TRAIL, caller_of
from supersync_dagster.api.context import ApiContext
from supersync_dagster.api.guard.attempts import Attempts
from supersync_dagster.api.guard.origins import Origins
from supersync_dagster.api.guard.visit import Refused, Visit

FAILURES_PER_MINUTE = 10
"""Wrong tokens from one address, before it has to wait."""
DENIALS_PER_MINUTE = 60
"""Refusals of one unknown address that are written down: else a stranger could fill the disk."""
PUBLIC = frozenset({"/health", "/ready", "/supersync/login"})
PUBLIC_BELOW = ("/supersync/static/",)
"""What needs no token: two probes, the login page and what it is drawn with."""
FUNCTIONS = (
    "get-sync-status",
    "start-historical-sync",
    "cancel-historical-sync",
    "get-failed-calls",
    "retry-failed-calls",
)
FOREIGN = frozenset(f"{below}/{name}" for name in FUNCTIONS for below in ("", "/functions/v1"))
"""Paths whose callers are users of Supabase: their dialect looks at its tokens, and at nothing else."""
INVALID = "the token is unknown, revoked or has expired"
CHALLENGE = {"WWW-Authenticate": "Bearer"}

_log = logging.getLogger(__name__)


class Perimeter:
    """What the guard knows, and the login with it."""

    def __init__(self, context: ApiContext, host: str) -> None:
        """`host`: the address the server listens on. Raises ConfigError for one that others reach without a token."""
        settings = context.settings
        self.authenticator = Authenticator(context.ledger, settings, context.clock)
        refuse_open_bind(host, self.authenticator)
        self.origins = Origins(host, settings.base_url, settings.allowed_hosts)
        self.failures, self._denials = Attempts(FAILURES_PER_MINUTE), Attempts(DENIALS_PER_MINUTE)
        self._https = settings.base_url.startswith("https://")
        self._ledger, self._clock = context.ledger, context.clock

    async def is_on(self) -> bool:
        """Whether everybody needs a token. Raises RetryError."""
        known = self.authenticator.is_on()
        return await run_in_threadpool(self.authenticator.look) if known is None else known

    async def identify(self, visit: Visit) -> tuple[Identity | None, Credential | None]:
        """Who asks, and how that was shown; on a public path it may be nobody. Raises Refused and RetryError."""
        if not await self._is_on(visit):
            return LOCAL, None
        try:
            return await self._shown(visit)
        except (Refused, RetryError):
            if _is_public(visit):
                return None, None
            raise

    async def _is_on(self, visit: Visit) -> bool:
        try:
            return await self.is_on()
        except RetryError:
            # A probe must be answered while the ledger is away: as to a stranger.
            if _is_public(visit):
                return True
            raise

    async def _shown(self, visit: Visit) -> tuple[Identity, Credential | None]:
        if "authorization" in visit.headers:
            scheme, _, text = visit.headers["authorization"].partition(" ")
            credential = Credential.token(text.strip()) if scheme.lower() == "bearer" else None
            return await self.identify_token(visit.remote, credential), credential
        credential = Credential.session(visit.cookie(self.cookie_name(visit)) or "")
        identity = await self.known(credential) if credential else None
        if identity is None:
            raise Refused(401, "UNAUTHENTICATED", "send a token: Authorization: Bearer ss_...", CHALLENGE)
        return identity, credential

    async def identify_token(self, remote: str, credential: Credential | None) -> Identity:
        """Who shows this token. Raises Refused for nobody, and for an address that guesses."""
        identity, fresh = self.authenticator.recall(credential) if credential else (None, False)
        if identity is None:
            self.check_guesses(remote)
        if identity is None or not fresh:
            # Counted before the look, so that many guesses at once are not looked at.
            self.failures.add(remote)
            identity = await run_in_threadpool(self.authenticator.identify, credential) if credential else None
            if identity is None:
                raise Refused(401, "UNAUTHENTICATED", INVALID, {"WWW-Authenticate": 'Bearer error="invalid_token"'})
            self.failures.forgive(remote)
        return identity

    def check_guesses(self, remote: str) -> None:
        """Raise Refused for an address that has shown too many wrong tokens."""
        wait_s = self.failures.wait_s(remote)
        if wait_s:
            message = f"too many wrong tokens from this address; wait {wait_s:.0f} s"
            raise Refused(429, "TOO_MANY_FAILURES", message, {"Retry-After": str(int(wait_s) + 1)})

    async def known(self, credential: Credential) -> Identity | None:
        """Who shows this credential now; None for nobody. Raises RetryError."""
        identity, fresh = self.authenticator.recall(credential)
        return identity if fresh else await run_in_threadpool(self.authenticator.identify, credential)

    async def log_in(self, visit: Visit, text: str) -> str:
        """Make a browser session from a token: the secret for its cookie. Raises Refused and RetryError."""
        visit.scope[TRAIL].settled = True
        self.check_guesses(visit.remote)
        self.failures.add(visit.remote)
        token = Credential.token(text.strip())
        secret = await run_in_threadpool(self._make_session, visit, token) if token else None
        if secret is None:
            await self.write_down(visit, "login", (token and token.token_id) or "", 401)
            raise Refused(401, "UNAUTHENTICATED", INVALID)
        self.failures.forgive(visit.remote)
        return secret

    def _make_session(self, visit: Visit, token: Credential) -> str | None:
        with self._ledger.begin() as session:
            made = self.authenticator.log_in(session, token)
            if made is None:
                return None
            secret, identity = made
            caller = replace(caller_of(visit.scope), identity=identity)
            record(session, caller, "login", "", result=303, at=self._clock())
            return secret

    async def log_out(self, visit: Visit) -> None:
        """End the browser session of this visit, if it has one. Raises RetryError."""
        credential = Credential.session(visit.cookie(self.cookie_name(visit)) or "")

        def end() -> None:
            with self._ledger.begin() as session:
                if credential is not None:
                    self.authenticator.log_out(session, credential)
                record(session, caller_of(visit.scope), "logout", "", result=303, at=self._clock())

        await run_in_threadpool(end)
        visit.scope[TRAIL].settled = True

    def is_https(self, visit: Visit) -> bool:
        """Whether the browser speaks https, to us or to a proxy before us."""
        return self._https or visit.scope.get("scheme") in ("https", "wss")

    def cookie_name(self, visit: Visit) -> str:
        """The name of the session's cookie. Browsers take the prefix from nobody but this very host, over https."""
        return "__Host-supersync_session" if self.is_https(visit) else "supersync_session"

    def csrf_token(self, visit: Visit) -> str:
        """What our pages send along with a change; empty where there is no session."""
        secret = visit.cookie(self.cookie_name(visit))
        return hmac.new(secret.encode(), b"supersync csrf", hashlib.sha256).hexdigest() if secret else ""

    async def write_down(self, visit: Visit, action: str, target: str, result: int) -> None:
        """Add an entry to the audit, in a transaction of its own."""
        caller = caller_of(visit.scope)
        if visit.scope.get(IDENTITY) is None:
            if self._denials.wait_s(visit.remote):
                return
            self._denials.add(visit.remote)

        def write() -> None:
            with self._ledger.begin() as session:
                record(session, caller, action, target, result=result, at=self._clock())

        try:
            await run_in_threadpool(write)
        except RetryError as error:
            _log.error("not in the audit: %r %s %r %s: %s", caller, action, target, result, error)


def _is_public(visit: Visit) -> bool:
    return visit.path in PUBLIC or visit.path.startswith(PUBLIC_BELOW)
