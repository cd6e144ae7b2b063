"""A server of Supabase's addresses that matter here: the public keys, and who a token's user is."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGERS_KEY = ec.generate_private_key(ec.SECP256R1())
ANON = "sb_publishable_of_the_tests"


@dataclass
class FakeSupabase:
    """`users`: by token. `asked`: paths, in order; `down`: whether it answers with 503."""

    url: str = ""
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    down: bool = False

    def answer(self, path: str, headers: Any) -> tuple[int, Any]:
        """Status and body."""
        self.asked.append(path)
        if self.down:
            return 503, {}
        if path == "/auth/v1/.well-known/jwks.json":
            return 200, {"keys": [public_key("ec", EC_KEY), public_key("rsa", RSA_KEY)]}
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if path == "/auth/v1/user" and headers.get("apikey") == ANON and token in self.users:
            return 200, self.users[token]
        return 403, {"code": 403, "error_code": "bad_jwt", "msg": "invalid JWT"}


def public_key(kid: str, key: Any) -> dict[str, Any]:
    """As a key set has it."""
    if isinstance(key, rsa.RSAPrivateKey):
        found = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        return {**found, "kid": kid, "use": "sig", "alg": "RS256"}
    found = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**found, "kid": kid, "use": "sig", "alg": "ES256"}


@contextmanager
def fake_supabase() -> Iterator[FakeSupabase]:
    """A running one."""
    fake = FakeSupabase()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802  # as the base class has it
            status, body = fake.answer(self.path, self.headers)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
