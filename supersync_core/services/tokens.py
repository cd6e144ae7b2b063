"""Make, list and revoke tokens."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from supersync_core.domain.access import NewToken, Role, new_token
from supersync_core.errors import BadData, NotFound
from supersync_core.ledger.perimeter_tables import Token
from supersync_core.ledger.tokens import find_token, select_tokens
from supersync_core.services.audit import Caller, record

DEFAULT_LIFETIME = timedelta(days=90)
MAX_NAME = 100


def create_token(  # noqa: PLR0913  # what a token is made of, and who makes it
    session: Session, name: str, role: Role, *, lifetime: timedelta = DEFAULT_LIFETIME, caller: Caller, at: datetime
) -> tuple[Token, NewToken]:
    """A new token. Its text is in the second value and nowhere else: show it once. Raises BadData for a bad name."""
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise BadData(f"a token's name has 1 to {MAX_NAME} characters, all of which can be printed")
    new = new_token()
    token = Token(id=new.id, name=name, role=role, digest=new.digest, created_at=at, expires_at=at + lifetime)
    session.add(token)
    session.flush()
    record(session, caller, "token.create", f"{new.id} {name}", result=None, at=at)
    return token, new


def list_tokens(session: Session) -> Sequence[Token]:
    """All tokens, the newest first, also those that are revoked or have expired."""
    return select_tokens(session)


def revoke_token(session: Session, token_id: str, *, caller: Caller, at: datetime) -> Token:
    """From now on the token opens nothing, nor do browser sessions made from it. Raises NotFound.

    A webserver learns of it within `authentication.FRESH_S` seconds. Revoking again changes nothing.
    """
    token = find_token(session, token_id)
    if token is None:
        raise NotFound(f"there is no token {token_id!r}; `supersync token list` shows their ids")
    if token.revoked_at is None:
        token.revoked_at = at
        record(session, caller, "token.revoke", f"{token.id} {token.name}", result=None, at=at)
    return token
