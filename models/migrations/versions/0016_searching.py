"""Searching: the words of cases with an index on them, cases in the order of their filing, and views that people keep."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
WORDS = sa.Text().with_variant(postgresql.ARRAY(sa.Text()), "postgresql")


def upgrade() -> None:
    op.create_table(
        "case_words",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("audience", sa.String(length=16), nullable=False),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("words", WORDS, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_case_words_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_words")),
        sa.UniqueConstraint("case_id", "audience", name=op.f("uq_case_words_case_id_audience")),
    )
    op.create_index(op.f("ix_case_words_filed_at_case_id"), "case_words", ["filed_at", "case_id"], unique=False)
    op.create_index(op.f("ix_case_created_at_id"), "case", ["created_at", "id"], unique=False)
    op.create_table(
        "saved_view",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("query", JSON, nullable=False),
        sa.Column("shared_with", sa.String(length=32), nullable=True),
        sa.Column("opens_first", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["staff.id"], name=op.f("fk_saved_view_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
        sa.UniqueConstraint("owner_id", "name", name=op.f("uq_saved_view_owner_id_name")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.create_index("ix_case_words_words", "case_words", ["words"], unique=False, postgresql_using="gin")
    else:
        _index_by_full_text()


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        op.execute("DROP TABLE case_words_fts")
    op.drop_table("saved_view")
    op.drop_index(op.f("ix_case_created_at_id"), table_name="case")
    op.drop_table("case_words")


def _index_by_full_text() -> None:
    """The index holds no texts of its own, only which row has which word."""
    op.execute("CREATE VIRTUAL TABLE case_words_fts USING fts5(words, content='case_words', content_rowid='id', detail='none')")
    added = "INSERT INTO case_words_fts (rowid, words) VALUES (new.id, new.words);"
    gone = "INSERT INTO case_words_fts (case_words_fts, rowid, words) VALUES ('delete', old.id, old.words);"
    for event, then in (("INSERT", added), ("DELETE", gone), ("UPDATE", gone + added)):
        op.execute(f"CREATE TRIGGER case_words_{event.lower()} AFTER {event} ON case_words BEGIN {then} END")
