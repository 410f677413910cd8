"""Answers are found again, which older words of cases do not know yet; and what citizens think of a conversation's agent."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0022"
branch_labels = None
depends_on = None

OLDER = sa.text("edition < 2")


def upgrade() -> None:
    op.add_column("case_words", sa.Column("edition", sa.SmallInteger(), server_default="1", nullable=False))
    op.create_index("ix_case_words_older", "case_words", ["filed_at"], unique=False, postgresql_where=OLDER, sqlite_where=OLDER)
    op.create_table(
        "contact_rating",
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=True),
        sa.Column("rated_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_contact_rating_contact_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_contact_rating_staff_id")),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_contact_rating")),
    )
    op.create_index(op.f("ix_contact_rating_rated_at"), "contact_rating", ["rated_at"], unique=False)


def downgrade() -> None:
    op.drop_table("contact_rating")
    op.drop_index("ix_case_words_older", table_name="case_words")
    op.drop_column("case_words", "edition")
