"""Tokens, browser sessions, and an audit to which rows are only ever added."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)

# A row trigger does not see TRUNCATE.
APPEND_ONLY = """
CREATE FUNCTION supersync.audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of the audit are neither changed nor removed';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON supersync.audit
    FOR EACH STATEMENT EXECUTE FUNCTION supersync.audit_is_append_only();
"""


def _role() -> sa.Enum:
    return sa.Enum("viewer", "operator", "admin", name="role", native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", _role(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("revoked_at", TIME, nullable=True),
        sa.Column("last_used_at", TIME, nullable=True),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 100", name=op.f("ck_tokens_name_length")),
        sa.CheckConstraint("octet_length(digest) = 32", name=op.f("ck_tokens_digest_length")),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_tokens_expires_later")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        schema="supersync",
    )
    op.create_table(
        "browser_sessions",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("token_id", sa.Text(), nullable=True),
        sa.Column("static_digest", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.CheckConstraint("(token_id IS NULL) <> (static_digest IS NULL)", name=op.f("ck_browser_sessions_one_token")),
        sa.ForeignKeyConstraint(
            ["token_id"], ["supersync.tokens.id"], name=op.f("fk_browser_sessions_token_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_browser_sessions")),
        schema="supersync",
    )
    op.create_index("ix_browser_sessions_expires_at", "browser_sessions", ["expires_at"], schema="supersync")
    op.create_index(op.f("ix_browser_sessions_token_id"), "browser_sessions", ["token_id"], schema="supersync")
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("role", _role(), nullable=True),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("result", sa.Integer(), nullable=True),
        sa.Column("remote", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        schema="supersync",
    )
    op.create_index("ix_audit_action", "audit", ["action", "id"], schema="supersync")
    op.create_index("ix_audit_actor", "audit", ["actor", "id"], schema="supersync")
    op.create_index(op.f("ix_audit_at"), "audit", ["at"], schema="supersync")
    op.execute(APPEND_ONLY)


def downgrade() -> None:
    for table in ("audit", "browser_sessions", "tokens"):
        op.drop_table(table, schema="supersync")
    op.execute("DROP FUNCTION supersync.audit_is_append_only()")
