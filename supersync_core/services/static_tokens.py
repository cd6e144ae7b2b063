"""Tokens that a deployment brings along in its environment: they are in no database, and are never shown."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from supersync_core.domain.access import MAX_CREDENTIAL, Identity, Role, digest, role_named
from supersync_core.errors import ConfigError

MIN_LENGTH = 20
"""Characters of a static token: a shorter one could be guessed."""


@dataclass(frozen=True)
class StaticToken:
    """A token's name, role and digest: its text is forgotten once it was read."""

    name: str
    role: Role
    digest: bytes = field(repr=False)

    @property
    def identity(self) -> Identity:
        """Who asks with it."""
        return Identity(self.name, self.role, "static")


def parse_static_tokens(text: str) -> tuple[StaticToken, ...]:
    """Read `name:role:token` entries, separated by commas or line breaks; a line that begins with # is a comment.

    Raises ConfigError naming the entry by its number, never by what it says.
    """
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    entries = [entry.strip() for line in lines for entry in line.split(",")]
    tokens = [_parse(number, entry) for number, entry in enumerate(filter(None, entries), 1)]
    for what, values in (("name", [token.name for token in tokens]), ("token", [token.digest for token in tokens])):
        if len(set(values)) < len(values):
            raise ConfigError(f"SUPERSYNC_TOKENS: two entries have the same {what}")
    return tuple(tokens)


def _parse(number: int, entry: str) -> StaticToken:
    name, *rest = (part.strip() for part in entry.split(":", 2))
    if len(rest) < 2 or not name or not name.isprintable():
        raise ConfigError(f"SUPERSYNC_TOKENS: entry {number} is not of the form name:role:token")
    try:
        role = role_named(rest[0])
    except ValueError as error:
        raise ConfigError(f"SUPERSYNC_TOKENS: entry {number}: {error}") from None
    secret = rest[1]
    if not MIN_LENGTH <= len(secret) <= MAX_CREDENTIAL or not secret.isascii() or not secret.isprintable():
        message = f"the token of entry {number} needs {MIN_LENGTH} to {MAX_CREDENTIAL} plain characters"
        raise ConfigError(f"SUPERSYNC_TOKENS: {message}")
    return StaticToken(name, role, digest(secret))


def find_static(tokens: Sequence[StaticToken], wanted: bytes) -> StaticToken | None:
    """The token of that digest. Looks at every one, so that the time taken says nothing."""
    found = [token for token in tokens if hmac.compare_digest(token.digest, wanted)]
    return found[0] if found else None
