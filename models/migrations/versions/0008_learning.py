"""Learning: cases keep the words by which the same matter is found; what a model in shadow said stands beside what was shown."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tokens", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "shadow_suggestion",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("suggestion_id", sa.Uuid(), nullable=False),
        sa.Column("model_version", sa.String(length=64), nullable=False),
        sa.Column("body", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["suggestion_id"], ["suggestion.id"], name=op.f("fk_shadow_suggestion_suggestion_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shadow_suggestion")),
        sa.UniqueConstraint("suggestion_id", "model_version", name=op.f("uq_shadow_suggestion_suggestion_id_model_version")),
    )
    with op.batch_alter_table("shadow_suggestion", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shadow_suggestion_model_version"), ["model_version"], unique=False)


def downgrade() -> None:
    op.drop_table("shadow_suggestion")
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.drop_column("tokens")
