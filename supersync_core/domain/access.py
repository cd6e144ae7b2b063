"""Who may do what: roles, identities, and what a token looks like."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from enum import IntEnum

PREFIX = "ss"
"""Secret scanners find our tokens by it."""
_ID_BYTES, _SECRET_BYTES = 6, 32
_TOKEN = re.compile(rf"{PREFIX}_(?P<id>[0-9a-f]{{{2 * _ID_BYTES}}})_[0-9a-f]{{{2 * _SECRET_BYTES}}}", re.ASCII)
MAX_CREDENTIAL = 512
"""Characters of a credential that are looked at: a longer one is nobody's."""


class Role(IntEnum):
    """What one may do. Each role may also do what those before it may.

    Viewer: read. Operator: trigger, pause, resume and cancel, launch Dagster runs, report events of assets. Admin:
    everything else, such as to purge history and to read the audit.
    """

    VIEWER = 10
    OPERATOR = 20
    ADMIN = 30

    @property
    def word(self) -> str:
        """Lower case, as it is stored and shown."""
        return self.name.lower()


@dataclass(frozen=True)
class Identity:
    """Who is asking. `via`: how we know, `token`, `static`, `session`, `local` or `cli`."""

    name: str
    role: Role
    via: str


def role_named(word: str) -> Role:
    """The role of that word, in any case. Raises ValueError naming them all."""
    for role in Role:
        if role.word == word.strip().lower():
            return role
    raise ValueError(f"a role is one of {', '.join(role.word for role in Role)}")


@dataclass(frozen=True, repr=False)
class NewToken:
    """A token as it is shown once, its public id, and the digest that is stored."""

    id: str
    text: str
    digest: bytes


def new_token() -> NewToken:
    """A token `ss_<id>_<256 random bits>`, in hexadecimal so that a double click takes it whole."""
    token_id = secrets.token_hex(_ID_BYTES)
    text = f"{PREFIX}_{token_id}_{secrets.token_hex(_SECRET_BYTES)}"
    return NewToken(token_id, text, digest(text))


def token_id_of(text: str) -> str | None:
    """The id in a token's text; None for anything that is not a token of ours, of any length and alphabet."""
    match = _TOKEN.fullmatch(text) if len(text) <= MAX_CREDENTIAL else None
    return match["id"] if match else None


def new_session_secret() -> str:
    """What the cookie of a browser session holds: 256 random bits."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def digest(credential: str) -> bytes:
    """SHA-256 of a credential. It is random, so a slow hash would protect nothing and cost every request."""
    return hashlib.sha256(credential.encode("utf-8", "surrogatepass")).digest()
