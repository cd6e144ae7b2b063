"""Tables of the perimeter: tokens, browser sessions, and what was done by whom."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Enum, ForeignKey, Identity, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from supersync_core.domain.access import Role
from supersync_core.ledger.base import SCHEMA, Base

ROLE = Enum(
    Role,
    native_enum=False,
    create_constraint=True,
    length=32,
    name="role",
    values_callable=lambda roles: [role.word for role in roles],
)


class Token(Base):
    """A bearer token. `digest` is SHA-256 of its text, which is nowhere else. A revoked one stays, for the audit."""

    __tablename__ = "tokens"
    __table_args__ = (
        CheckConstraint("char_length(name) BETWEEN 1 AND 100", name="name_length"),
        CheckConstraint("octet_length(digest) = 32", name="digest_length"),
        CheckConstraint("expires_at > created_at", name="expires_later"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    role: Mapped[Role] = mapped_column(ROLE)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class BrowserSession(Base):
    """Somebody who has logged in with a token. `digest` is SHA-256 of what the cookie holds.

    It ends with its token: one of ours by `token_id`, a static one when none of that `static_digest` is configured.
    """

    __tablename__ = "browser_sessions"
    __table_args__ = (
        CheckConstraint("(token_id IS NULL) <> (static_digest IS NULL)", name="one_token"),
        Index("ix_browser_sessions_expires_at", "expires_at"),
    )

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    token_id: Mapped[str | None] = mapped_column(ForeignKey(f"{SCHEMA}.tokens.id", ondelete="CASCADE"), index=True)
    static_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class AuditEntry(Base):
    """One thing that was done or refused. Rows are only ever added: a trigger refuses all else.

    `result` is the HTTP status of the answer, None for what came over no HTTP.
    """

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_actor", "actor", "id"), Index("ix_audit_action", "action", "id"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str]
    role: Mapped[Role | None] = mapped_column(ROLE)
    via: Mapped[str]
    action: Mapped[str]
    target: Mapped[str]
    result: Mapped[int | None]
    remote: Mapped[str | None]
    request_id: Mapped[str | None]
