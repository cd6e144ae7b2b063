"""Read and write tokens and browser sessions."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.orm import Session

from supersync_core.ledger.perimeter_tables import BrowserSession, Token

TOUCH_EVERY = timedelta(minutes=1)
"""How exact `last_used_at` is: writing it with each request would cost more than the request."""


def find_token(session: Session, token_id: str) -> Token | None:
    """The token of that id, also one that is revoked or has expired."""
    return session.get(Token, token_id)


def select_tokens(session: Session) -> Sequence[Token]:
    """All tokens, the newest first."""
    return session.scalars(select(Token).order_by(Token.created_at.desc(), Token.id)).all()


def any_token(session: Session) -> bool:
    """Whether a token was ever made here."""
    return bool(session.scalar(select(exists().select_from(Token))))


def touch_token(session: Session, token_id: str, at: datetime) -> None:
    """Note that the token was used, unless that was noted within the last minute."""
    stale = or_(Token.last_used_at.is_(None), Token.last_used_at < at - TOUCH_EVERY)
    session.execute(update(Token).where(Token.id == token_id, stale).values(last_used_at=at))


def find_browser_session(session: Session, digest: bytes) -> BrowserSession | None:
    """The browser session of that digest."""
    return session.get(BrowserSession, digest)


def delete_browser_session(session: Session, digest: bytes) -> None:
    """Forget one browser session."""
    session.execute(delete(BrowserSession).where(BrowserSession.digest == digest))


def delete_ended_browser_sessions(session: Session, at: datetime) -> None:
    """Forget those whose time is over."""
    session.execute(delete(BrowserSession).where(BrowserSession.expires_at <= at))
