"""Durable sending: what is told once has a key, messages wait for their moment, channels keep a pace."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channel_pace",
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_channel_pace")),
    )
    with op.batch_alter_table("outgoing_message", schema=None) as batch_op:
        batch_op.add_column(sa.Column("key", sa.String(length=120), nullable=True))
        batch_op.add_column(sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE outgoing_message SET ready_at = created_at, next_try_at = created_at WHERE delivery = 'waiting'")
    op.execute("UPDATE outgoing_message SET ready_at = created_at WHERE ready_at IS NULL")
    with op.batch_alter_table("outgoing_message", schema=None) as batch_op:
        batch_op.alter_column("ready_at", existing_type=sa.DateTime(timezone=True), nullable=False)
        batch_op.create_unique_constraint(batch_op.f("uq_outgoing_message_key"), ["key"])
        batch_op.drop_index(
            "ix_outgoing_message_due",
            postgresql_where=sa.text("delivery = 'waiting'"),
            sqlite_where=sa.text("delivery = 'waiting'"),
        )
        batch_op.create_index(
            "ix_outgoing_message_due",
            ["next_try_at"],
            unique=False,
            postgresql_where=sa.text("next_try_at IS NOT NULL"),
            sqlite_where=sa.text("next_try_at IS NOT NULL"),
        )


def downgrade() -> None:
    op.execute("UPDATE outgoing_message SET delivery = 'unknown' WHERE delivery = 'sending'")
    op.execute("UPDATE outgoing_message SET delivery = 'given_up' WHERE delivery = 'replaced'")
    with op.batch_alter_table("outgoing_message", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_outgoing_message_due",
            postgresql_where=sa.text("next_try_at IS NOT NULL"),
            sqlite_where=sa.text("next_try_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_outgoing_message_due",
            ["next_try_at"],
            unique=False,
            postgresql_where=sa.text("delivery = 'waiting'"),
            sqlite_where=sa.text("delivery = 'waiting'"),
        )
        batch_op.drop_constraint(batch_op.f("uq_outgoing_message_key"), type_="unique")
        batch_op.drop_column("ready_at")
        batch_op.drop_column("key")
    op.drop_table("channel_pace")
