"""Tokens that are nobody's, over HTTP: each is 401 in the same words, and leads to no request but for known keys."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import create_engine, make_url, text

from supersync_core.ledger.database import Ledger, open_ledger
from tests.conftest import TEMPLATE
from tests.dagster.api.historical_sync.apis import SECRET, USER, Api, claims, running_api
from tests.dagster.api.historical_sync.supabase import (
    ANON,
    EC_KEY,
    RSA_KEY,
    STRANGERS_KEY,
    FakeSupabase,
    fake_supabase,
    public_key,
)

JWKS = "/auth/v1/.well-known/jwks.json"
STATUS = "/functions/v1/get-sync-status"


@pytest.fixture(scope="module")
def supabase() -> Iterator[FakeSupabase]:
    with fake_supabase() as fake:
        yield fake


@pytest.fixture
def api(
    ledger: Ledger, target_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, supabase: FakeSupabase
) -> Iterator[Api]:
    """Tokens of a secret and of public keys are taken."""
    supabase.asked.clear()
    with running_api(ledger, target_dsn, tmp_path, monkeypatch, SUPABASE_URL=supabase.url) as api:
        yield api


def encoded(part: Any) -> str:
    content = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def unsigned(algorithm: Any, **header: Any) -> str:
    return f"{encoded({'alg': algorithm, 'typ': 'JWT', **header})}.{encoded(claims())}."


def by_secret(secret: Any = SECRET, algorithm: str = "HS256", headers: Any = None, **more: Any) -> str:
    return jwt.encode(claims(**more), secret, algorithm, headers=headers)


def by_key(key: Any = EC_KEY, algorithm: str = "ES256", kid: str | None = "ec", **more: Any) -> str:
    return jwt.encode(claims(**more), key, algorithm, headers={"kid": kid} if kid else None)


def confused(kid: str, key: Any) -> str:
    """Signed with the public key as if that were a secret."""
    secret = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return by_hmac({"alg": "HS256", "typ": "JWT", "kid": kid}, secret)


def by_hmac(header: dict[str, Any], secret: bytes) -> str:
    """Signed by hand: the library refuses to."""
    signed = f"{encoded(header)}.{encoded(claims())}"
    return f"{signed}.{encoded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def elsewhere(supabase: FakeSupabase, **header: Any) -> str:
    """Names keys of its own, at an address or within."""
    return jwt.encode(claims(), STRANGERS_KEY, "ES256", headers=header)


NOW = time.time
BAD: dict[str, Callable[[FakeSupabase], str]] = {
    "alg none": lambda _: unsigned("none"),
    "alg None, in other case": lambda _: unsigned("NoNe"),
    "alg none with a known kid": lambda _: unsigned("none", kid="ec"),
    "no alg": lambda _: unsigned(None),
    "alg is a list": lambda _: unsigned(["HS256"]),
    "HS256 with the EC public key": lambda _: confused("ec", EC_KEY),
    "HS256 with the RSA public key": lambda _: confused("rsa", RSA_KEY),
    "HS256 with the public key, without kid": lambda _: confused("", RSA_KEY),
    "RS256 for the kid of an EC key": lambda _: by_key(RSA_KEY, "RS256", "ec"),
    "PS256 for the kid of an RSA key": lambda _: by_key(RSA_KEY, "PS256", "rsa"),
    "RS512 for the kid of an RSA key": lambda _: by_key(RSA_KEY, "RS512", "rsa"),
    "ES256 without kid": lambda _: by_key(kid=None),
    "HS512 with the secret": lambda _: by_secret(algorithm="HS512"),
    "HS384 with the secret": lambda _: by_secret(algorithm="HS384"),
    "another secret": lambda _: by_secret("another-secret-that-is-as-long-as-it-must-be"),
    "an empty secret": lambda _: by_hmac({"alg": "HS256", "typ": "JWT"}, b""),
    "another key under a known kid": lambda _: by_key(STRANGERS_KEY),
    "a foreign kid": lambda _: by_key(STRANGERS_KEY, kid="stranger"),
    "a kid that is a path": lambda _: by_key(STRANGERS_KEY, kid="../../../../dev/null"),
    "a kid that is SQL": lambda _: by_key(STRANGERS_KEY, kid="' or 1=1 --"),
    "a kid that is no text": lambda _: unsigned("HS256", kid={"a": 1}),
    "jku": lambda fake: elsewhere(fake, jku=f"{fake.url}/evil.json", kid="stranger"),
    "x5u": lambda fake: elsewhere(fake, x5u=f"{fake.url}/evil.pem", kid="stranger"),
    "jwk": lambda fake: elsewhere(fake, jwk=public_key("stranger", STRANGERS_KEY), kid="stranger"),
    "crit": lambda _: by_secret(headers={"crit": ["exp-b"], "exp-b": 1}),
    "aud of another": lambda _: by_secret(aud="anon"),
    "no aud": lambda _: by_secret(aud=None),
    "aud is empty": lambda _: by_secret(aud=[]),
    "has expired": lambda _: by_secret(exp=int(NOW()) - 1),
    "has expired long ago": lambda _: by_secret(exp=1),
    "ES256, has expired": lambda _: by_key(exp=int(NOW()) - 1),
    "no exp": lambda _: by_secret(exp=None),
    "exp is a text": lambda _: jwt.encode({**claims(), "exp": "tomorrow"}, SECRET, "HS256"),
    "not yet valid": lambda _: by_secret(nbf=int(NOW()) + 60),
    "issued in the future": lambda _: by_secret(iat=int(NOW()) + 3600),
    "no sub": lambda _: by_secret(sub=None),
    "sub is no uuid": lambda _: by_secret(sub="admin"),
    "sub is a number": lambda _: unsigned_sub(7),
    "anon key": lambda _: by_secret(role="anon", sub=None, aud=None),
    "anon key with a user": lambda _: by_secret(role="anon"),
    "service key": lambda _: by_secret(role="service_role", sub=None, aud=None),
    "service key with a user": lambda _: by_secret(role="service_role"),
    "publishable key": lambda _: ANON,
    "a token of supersync": lambda _: "ss_0123456789ab_" + "0" * 64,
    "empty parts": lambda _: "..",
    "one part": lambda _: "token",
    "four parts": lambda _: by_secret() + ".x",
    "no base64": lambda _: "%%%.%%%.%%%",
    "claims are a list": lambda _: jwt.api_jws.encode(b"[]", SECRET, "HS256"),
    "claims are no JSON": lambda _: jwt.api_jws.encode(b"{", SECRET, "HS256"),
    "deep claims": lambda _: jwt.api_jws.encode(b"[" * 10_000, SECRET, "HS256"),
    "deep header": lambda _: f"{encoded(b'[' * 10_000)}.{encoded(claims())}.x",
    "signature cut": lambda _: by_secret()[:-4],
    "huge": lambda _: by_secret(user_metadata={"text": "x" * 30_000}),
}


def unsigned_sub(sub: Any) -> str:
    return jwt.api_jws.encode(json.dumps({**claims(), "sub": sub}).encode(), SECRET, "HS256")


@pytest.fixture(scope="module")
def refusing(
    supabase: FakeSupabase, server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Any]]:
    """Ask with a token, of one application that all cases share: none of them gets as far as a database."""
    name = f"tokens_{uuid.uuid4().hex}"
    admin = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy"))
    url = make_url(server_url).set(database=name).render_as_string(hide_password=False)
    ledger, folder = open_ledger(url), tmp_path_factory.mktemp("calls")
    with (
        pytest.MonkeyPatch.context() as patch,
        running_api(ledger, url, folder, patch, SUPABASE_URL=supabase.url) as api,
    ):
        yield lambda token: api.client.get(STATUS, headers={"Authorization": f"Bearer {token}"})
    ledger.dispose()
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.mark.parametrize("name", BAD)
def test_a_token_that_is_nobodys_is_refused(refusing: Callable[[str], Any], supabase: FakeSupabase, name: str) -> None:
    supabase.asked.clear()
    answer = refusing(BAD[name](supabase))
    assert (answer.status_code, answer.json()) == (401, {"error": "Invalid or expired token"})
    assert set(supabase.asked) <= {JWKS}


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Basic dTpw", by_secret(), f"Token {by_secret()}"],
    ids=["nothing", "no token", "another scheme", "no scheme", "an unknown scheme"],
)
def test_what_is_no_bearer_is_refused(api: Api, header: str) -> None:
    answer = api.client.get(STATUS, headers={"Authorization": header})
    assert (answer.status_code, answer.json()) == (401, {"error": "Missing or invalid Authorization header"})


GOOD: dict[str, Callable[[], str]] = {
    "HS256": by_secret,
    "HS256 with a kid": lambda: by_secret(headers={"kid": "legacy"}),
    "ES256": by_key,
    "RS256": lambda: by_key(RSA_KEY, "RS256", "rsa"),
    "several audiences": lambda: by_secret(aud=["authenticated", "other"]),
    "of a clock that is a little ahead": lambda: by_secret(iat=int(NOW()) + 5),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_users_token_is_taken(refusing: Callable[[str], Any], name: str) -> None:
    answer = refusing(GOOD[name]())
    assert answer.status_code == 200, answer.text


def test_the_keys_are_asked_for_once_however_many_strangers_come(api: Api, supabase: FakeSupabase) -> None:
    for number in range(20):
        token = by_key(STRANGERS_KEY, kid=f"stranger {number}")
        assert api.client.get(STATUS, headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert supabase.asked == [JWKS]


@pytest.fixture
def remote(
    ledger: Ledger, target_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, supabase: FakeSupabase
) -> Iterator[Api]:
    """Tokens are shown to Supabase."""
    supabase.asked.clear()
    settings = {"SUPABASE_URL": supabase.url, "SUPABASE_ANON_KEY": ANON, "SUPABASE_VALIDATION": "remote"}
    with running_api(ledger, target_dsn, tmp_path, monkeypatch, **settings) as api:
        yield api


def test_supabase_is_asked_who_a_user_is_and_its_answer_holds_for_a_while(remote: Api, supabase: FakeSupabase) -> None:
    supabase.users["opaque"] = {"id": str(USER), "role": "authenticated"}
    supabase.users["anon"] = {"id": str(USER), "role": "anon"}
    asked = [
        remote.client.get(STATUS, headers={"Authorization": f"Bearer {token}"}).status_code
        for token in ("opaque", "opaque", "anon", "unknown")
    ]
    assert asked == [200, 200, 401, 401]
    assert supabase.asked == ["/auth/v1/user"] * 3


def test_a_supabase_that_does_not_answer_is_no_reason_to_refuse_a_user(remote: Api, supabase: FakeSupabase) -> None:
    supabase.down = True
    answer = remote.client.get(STATUS, headers={"Authorization": "Bearer other"})
    supabase.down = False
    assert (answer.status_code, answer.json()) == (503, {"error": "Service unavailable"})
