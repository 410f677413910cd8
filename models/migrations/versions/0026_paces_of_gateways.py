"""A provider that is busy or hangs slows its own gateway; and a message knows which gateway had its last try."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A pace lasts minutes: what is lost is found out again by the next message.
    op.drop_table("channel_pace")
    op.create_table(
        "gateway_pace",
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("gateway", sa.String(length=24), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("probe_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("channel", "gateway", name=op.f("pk_gateway_pace")),
    )
    op.add_column("outgoing_message", sa.Column("sent_by", sa.String(length=24), server_default="", nullable=False))
    op.execute("UPDATE outgoing_message SET sent_by = gateway WHERE gateway <> '' AND delivery IN ('sending', 'unknown')")


def downgrade() -> None:
    op.drop_column("outgoing_message", "sent_by")
    op.drop_table("gateway_pace")
    op.create_table(
        "channel_pace",
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_channel_pace")),
    )
