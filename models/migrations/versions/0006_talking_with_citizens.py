"""Talking with citizens: guided exchanges, numbers that are being proven, who wrote a message, the oldest unanswered one."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "number_binding",
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.LargeBinary(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"], name=op.f("fk_number_binding_conversation_id")),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_number_binding")),
    )
    op.create_table(
        "guided_exchange",
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("open_questions", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("choices", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_guided_exchange_by_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_guided_exchange_contact_id")),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_guided_exchange")),
    )
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.add_column(sa.Column("occurred_text", sa.String(length=128), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("unanswered_since", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.add_column(sa.Column("by_id", sa.Uuid(), nullable=True))
        batch_op.create_index(
            batch_op.f("ix_message_conversation_id_received_at"), ["conversation_id", "received_at"], unique=False
        )
        batch_op.create_foreign_key(batch_op.f("fk_message_by_id"), "staff", ["by_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_message_by_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_message_conversation_id_received_at"))
        batch_op.drop_column("by_id")

    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.drop_column("unanswered_since")
        batch_op.drop_column("occurred_text")

    op.drop_table("guided_exchange")
    op.drop_table("number_binding")
