"""Channel sync: messages, facts, a graph of entities, topics, a wiki and its versions, how far jobs are."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
TABLES = (
    "chat_channels",
    "channel_jobs",
    "chat_messages",
    "entities",
    "topics",
    "wiki_pages",
    "entity_aliases",
    "facts",
    "topic_entities",
    "wiki_versions",
    "fact_entities",
    "relationships",
)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [f"supersync.{target}.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    op.create_table(
        "chat_channels",
        _id(),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("platform", "channel_id", "name", "slug")),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        _reference("chat_channels", "pipeline_id", "pipelines"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat_channels")),
        sa.UniqueConstraint("pipeline_id", name=op.f("uq_chat_channels_pipeline_id")),
        sa.UniqueConstraint("slug", name=op.f("uq_chat_channels_slug")),
        schema="supersync",
    )
    op.create_table(
        "channel_jobs",
        sa.Column("execution_id", sa.BigInteger(), nullable=False),
        sa.Column("force", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("estimated", sa.BigInteger(), nullable=True),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("processed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("failing", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("failing_ids", JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("facts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("entities", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("stage_done", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("stage_total", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        _reference("channel_jobs", "execution_id", "executions"),
        sa.PrimaryKeyConstraint("execution_id", name=op.f("pk_channel_jobs")),
        schema="supersync",
    )
    op.create_table(
        "chat_messages",
        _id(),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("thread_id", sa.Text(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("author_id", "author_name", "text")),
        sa.Column("sent_at", TIME, nullable=False),
        sa.Column("edited_at", TIME, nullable=True),
        sa.Column("is_deleted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("reply_count", sa.Integer(), nullable=False),
        sa.Column("reactions", JSONB(), nullable=False),
        sa.Column("permalink", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("extracted_hash", sa.Text(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("seen_in", sa.BigInteger(), nullable=True),
        _reference("chat_messages", "channel_id", "chat_channels"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat_messages")),
        sa.UniqueConstraint("channel_id", "message_id", name=op.f("uq_chat_messages_channel_id_message_id")),
        schema="supersync",
    )
    op.create_index(
        "ix_chat_messages_pending",
        "chat_messages",
        ["channel_id", "id"],
        schema="supersync",
        postgresql_where=sa.text("extracted_hash IS DISTINCT FROM content_hash"),
    )
    op.create_index("ix_chat_messages_time", "chat_messages", ["channel_id", "sent_at", "id"], schema="supersync")
    op.create_table(
        "entities",
        _id(),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("type", "key", "name")),
        sa.Column("created_at", TIME, nullable=False),
        _reference("entities", "channel_id", "chat_channels"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entities")),
        sa.UniqueConstraint("channel_id", "type", "key", name=op.f("uq_entities_channel_id_type_key")),
        schema="supersync",
    )
    op.create_index("ix_entities_key", "entities", ["type", "key"], schema="supersync")
    op.create_table(
        "topics",
        _id(),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        _reference("topics", "channel_id", "chat_channels"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topics")),
        sa.UniqueConstraint("channel_id", "slug", name=op.f("uq_topics_channel_id_slug")),
        schema="supersync",
    )
    op.create_table(
        "wiki_pages",
        _id(),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "title", "summary", "markdown")),
        sa.Column("citations", JSONB(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("removed_at", TIME, nullable=True),
        sa.Column(
            "search",
            TSVECTOR(),
            sa.Computed("to_tsvector('english'::regconfig, (title || ' '::text) || markdown)", persisted=True),
            nullable=False,
        ),
        _reference("wiki_pages", "channel_id", "chat_channels"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wiki_pages")),
        sa.UniqueConstraint("slug", name=op.f("uq_wiki_pages_slug")),
        schema="supersync",
    )
    op.create_index("ix_wiki_pages_channel_id", "wiki_pages", ["channel_id"], schema="supersync")
    op.create_index("ix_wiki_pages_search", "wiki_pages", ["search"], schema="supersync", postgresql_using="gin")
    op.create_table(
        "entity_aliases",
        sa.Column("entity_id", sa.BigInteger(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        _reference("entity_aliases", "entity_id", "entities"),
        sa.PrimaryKeyConstraint("entity_id", "alias", name=op.f("pk_entity_aliases")),
        schema="supersync",
    )
    op.create_table(
        "facts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("quality", sa.Double(), nullable=False),
        sa.Column("importance", sa.Double(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("tags", JSONB(), nullable=False),
        sa.Column("mentions", JSONB(), nullable=False),
        sa.Column("relations", JSONB(), nullable=False),
        sa.Column("said_at", TIME, nullable=False),
        sa.Column("graphed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "search", TSVECTOR(), sa.Computed("to_tsvector('english'::regconfig, text)", persisted=True), nullable=False
        ),
        _reference("facts", "channel_id", "chat_channels"),
        _reference("facts", "message_id", "chat_messages"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_facts")),
        schema="supersync",
    )
    op.create_index(op.f("ix_facts_message_id"), "facts", ["message_id"], schema="supersync")
    op.create_index("ix_facts_search", "facts", ["search"], schema="supersync", postgresql_using="gin")
    op.create_index("ix_facts_time", "facts", ["channel_id", "said_at", "id"], schema="supersync")
    op.create_index(
        "ix_facts_ungraphed", "facts", ["channel_id"], schema="supersync", postgresql_where=sa.text("NOT graphed")
    )
    op.create_table(
        "topic_entities",
        sa.Column("topic_id", sa.BigInteger(), nullable=False),
        sa.Column("entity_id", sa.BigInteger(), nullable=False),
        _reference("topic_entities", "entity_id", "entities"),
        _reference("topic_entities", "topic_id", "topics"),
        sa.PrimaryKeyConstraint("topic_id", "entity_id", name=op.f("pk_topic_entities")),
        schema="supersync",
    )
    op.create_index(op.f("ix_topic_entities_entity_id"), "topic_entities", ["entity_id"], schema="supersync")
    op.create_table(
        "wiki_versions",
        sa.Column("page_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("markdown", sa.Text(), nullable=False),
        sa.Column("execution_id", sa.BigInteger(), nullable=False),
        sa.Column("written_at", TIME, nullable=False),
        _reference("wiki_versions", "page_id", "wiki_pages"),
        sa.PrimaryKeyConstraint("page_id", "version", name=op.f("pk_wiki_versions")),
        schema="supersync",
    )
    op.create_table(
        "fact_entities",
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.BigInteger(), nullable=False),
        _reference("fact_entities", "entity_id", "entities"),
        _reference("fact_entities", "fact_id", "facts"),
        sa.PrimaryKeyConstraint("fact_id", "entity_id", name=op.f("pk_fact_entities")),
        schema="supersync",
    )
    op.create_index(op.f("ix_fact_entities_entity_id"), "fact_entities", ["entity_id"], schema="supersync")
    op.create_table(
        "relationships",
        _id(),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("target_id", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        _reference("relationships", "fact_id", "facts"),
        _reference("relationships", "source_id", "entities"),
        _reference("relationships", "target_id", "entities"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relationships")),
        sa.UniqueConstraint(
            "fact_id", "source_id", "target_id", "type", name=op.f("uq_relationships_fact_id_source_id_target_id_type")
        ),
        schema="supersync",
    )
    op.create_index(op.f("ix_relationships_fact_id"), "relationships", ["fact_id"], schema="supersync")
    op.create_index("ix_relationships_source", "relationships", ["source_id"], schema="supersync")
    op.create_index("ix_relationships_target", "relationships", ["target_id"], schema="supersync")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table, schema="supersync")
