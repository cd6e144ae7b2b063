"""Who shows a token of Supabase: checked here against its keys, or by asking its server.

No address and no algorithm is ever taken from a token: keys come from where the settings say, each with its own
algorithm, and a token's `kid` only picks one of them.
"""

import hashlib
import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import httpx
import jwt
from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from supersync_core.errors import ConfigError, Unavailable
from supersync_core.services.environment import lookup

logger = logging.getLogger(__name__)

AUDIENCE = ROLE = "authenticated"
"""What tokens of users say; those of the keys `anon` and `service_role` say their own name."""
MAX_TOKEN = 16_384
"""Characters of a token that are looked at."""
LEEWAY = timedelta(seconds=10)
"""A token may have been made by a clock that is so much ahead of ours. An end is an end."""
JWKS_S, UNKNOWN_KID_S = 600.0, 30.0
"""Keys are asked for at most this often; and for a `kid` that is not among them, at most so often in all."""
REMOTE_S, REMOTE_KEPT = 10.0, 10_000
"""What the server has said of a token holds for so long, of at most so many tokens."""
TIMEOUT_S = 5.0
_ALGORITHMS = {"RSA": "RS256", "EC": "ES256"}


class InvalidToken(Exception):
    """Nobody's token; why is nobody's business. No error of the core: what one may do, nobody asks."""


class SupabaseSettings(BaseSettings):
    """`SUPABASE_<NAME>` for each field; `_FILE` may name a file with it, for those that are secret.

    `validation`: `local` checks tokens against `jwt_secret` (HS256) or the keys at `jwks_url` (ES256, RS256; by default
    the project's at `url`), `remote` asks the server at `url` with `anon_key`. `jwt_issuer`: what `iss` must be; None:
    it is not looked at, because nobody else has the keys.
    """

    model_config = SettingsConfigDict(
        env_prefix="SUPABASE_", env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    url: str | None = None
    anon_key: SecretStr | None = None
    service_role_key: SecretStr | None = None
    jwt_secret: SecretStr | None = None
    jwks_url: str | None = None
    jwt_issuer: str | None = None
    validation: Literal["local", "remote"] = Field(default="local")

    @model_validator(mode="before")
    @classmethod
    def _secrets_from_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Raises ConfigError for a file that cannot be read."""
        for name in ("anon_key", "service_role_key", "jwt_secret"):
            if not values.get(name):
                values[name] = lookup(f"SUPABASE_{name.upper()}") or None
        return values

    @property
    def keys_url(self) -> str | None:
        """Where the public keys are."""
        base = self.url.rstrip("/") if self.url else None
        return self.jwks_url or (f"{base}/auth/v1/.well-known/jwks.json" if base else None)


@dataclass(frozen=True)
class Key:
    """A key with the one algorithm that it is for."""

    value: Any
    algorithm: str


class Supabase:
    """Knows users by their tokens. Any thread may ask."""

    def __init__(self, settings: SupabaseSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """Nobody is asked yet. `clock` gives seconds."""
        self._settings = settings
        self._keys = _Keys(settings.keys_url, clock)
        self._client = httpx.Client(timeout=TIMEOUT_S, follow_redirects=False)
        self._clock, self._lock = clock, threading.Lock()
        self._said: dict[bytes, tuple[float, uuid.UUID]] = {}

    def user(self, token: str) -> uuid.UUID:
        """The id of the user whose token it is. Raises InvalidToken, ConfigError and Unavailable."""
        if not token or len(token) > MAX_TOKEN or not token.isascii():
            raise InvalidToken
        return self._ask(token) if self._settings.validation == "remote" else self._check(token)

    def _check(self, token: str) -> uuid.UUID:
        try:
            key = self._key(jwt.get_unverified_header(token))
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key.value,
                algorithms=[key.algorithm],
                audience=AUDIENCE,
                issuer=self._settings.jwt_issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "sub"]},
            )
        # A token can be wrong in more ways than the library has errors for.
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise InvalidToken from error
        if claims["exp"] <= time.time():
            raise InvalidToken
        return _user_id(claims["sub"], claims.get("role", ROLE))

    def _key(self, header: Mapping[str, Any]) -> Key:
        """Raises InvalidToken where there is none for the token."""
        kid, secret = header.get("kid"), self._settings.jwt_secret
        known = self._keys.find(kid, patient=secret is None) if isinstance(kid, str) else None
        if known is not None:
            return known
        if secret is not None:
            return Key(secret.get_secret_value(), "HS256")
        if self._settings.keys_url is None:
            raise ConfigError("tokens of Supabase cannot be checked: set SUPABASE_JWT_SECRET or SUPABASE_URL")
        raise InvalidToken

    def _ask(self, token: str) -> uuid.UUID:
        digest, now = hashlib.sha256(token.encode()).digest(), self._clock()
        with self._lock:
            at, user = self._said.get(digest, (float("-inf"), uuid.UUID(int=0)))
        if now - at < REMOTE_S:
            return user
        user = self._ask_server(token)
        with self._lock:
            if len(self._said) >= REMOTE_KEPT:
                self._said.clear()
            self._said[digest] = (now, user)
        return user

    def _ask_server(self, token: str) -> uuid.UUID:
        """As `supabase.auth.getUser` does."""
        settings = self._settings
        if settings.url is None or settings.anon_key is None:
            raise ConfigError("SUPABASE_VALIDATION=remote needs SUPABASE_URL and SUPABASE_ANON_KEY")
        headers = {
            "apikey": settings.anon_key.get_secret_value(),
            "Authorization": f"Bearer {token}",
            "X-Supabase-Api-Version": "2024-01-01",
        }
        try:
            answer = self._client.get(f"{settings.url.rstrip('/')}/auth/v1/user", headers=headers)
            if answer.status_code in (400, 401, 403, 404, 422):
                raise InvalidToken
            found = answer.raise_for_status().json()
            return _user_id(found["id"], found.get("role") or ROLE)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError, KeyError, AttributeError) as error:
            raise Unavailable(f"Supabase did not answer as it should: {type(error).__name__}") from error


class _Keys:
    """The public keys of a project, by `kid`."""

    def __init__(self, url: str | None, clock: Callable[[], float]) -> None:
        self._url, self._clock = url, clock
        self._lock = threading.Lock()
        self._known: dict[str, Key] = {}
        self._asked_at = self._got_at = float("-inf")

    def find(self, kid: str, *, patient: bool) -> Key | None:
        """The key; None for one that is not there. Raises Unavailable where nobody has ever said, and `patient`."""
        if self._url is None:
            return None
        with self._lock:
            now = self._clock()
            old = now - self._got_at >= JWKS_S
            if (old or kid not in self._known) and now - self._asked_at >= UNKNOWN_KID_S:
                self._asked_at = now
                self._look(now)
            if patient and self._got_at == float("-inf"):
                raise Unavailable("the keys of Supabase are not known yet")
            return self._known.get(kid)

    def _look(self, now: float) -> None:
        """Ask; what is known stays where nobody answers."""
        try:
            answer = httpx.get(str(self._url), timeout=TIMEOUT_S, follow_redirects=False).raise_for_status()
            found = answer.json()["keys"]
            self._known = dict(key for one in found if (key := _public_key(one)) is not None)
            self._got_at = now
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError, KeyError) as error:
            logger.warning("the keys of Supabase could not be read: %s", error)
            # Nobody has answered: the next one may try soon.
            self._asked_at = now - UNKNOWN_KID_S + 1


def _public_key(data: Mapping[str, Any]) -> tuple[str, Key] | None:
    """By its `kid`; None for one of a kind that we do not take, such as a secret that should not be there."""
    algorithm = _ALGORITHMS.get(str(data.get("kty")))
    if algorithm is None or data.get("alg", algorithm) != algorithm or not isinstance(data.get("kid"), str):
        return None
    try:
        return str(data["kid"]), Key(jwt.PyJWK.from_dict(dict(data), algorithm).key, algorithm)
    except (jwt.PyJWTError, ValueError) as error:
        logger.warning("a key of Supabase cannot be used: %s", error)
        return None


def _user_id(text: Any, role: Any) -> uuid.UUID:
    if role != ROLE or not isinstance(text, str):
        raise InvalidToken
    try:
        return uuid.UUID(text)
    except ValueError:
        raise InvalidToken from None
