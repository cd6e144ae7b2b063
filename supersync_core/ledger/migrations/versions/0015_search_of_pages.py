"""Wiki pages are found by what they say, and no longer by the messages in their footnotes, which say it again."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

WITHOUT_FOOTNOTES = "split_part(markdown, '\n[^1]: ', 1)"


def _search(searched: str) -> None:
    op.execute("ALTER TABLE supersync.wiki_pages DROP COLUMN search")
    op.execute(f"""
        ALTER TABLE supersync.wiki_pages ADD COLUMN search tsvector NOT NULL
        GENERATED ALWAYS AS (to_tsvector('english'::regconfig, title || ' ' || {searched})) STORED
    """)
    op.create_index("ix_wiki_pages_search", "wiki_pages", ["search"], schema="supersync", postgresql_using="gin")


def upgrade() -> None:
    _search(WITHOUT_FOOTNOTES)


def downgrade() -> None:
    _search("markdown")
