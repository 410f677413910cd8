"""Conversations and providers: signals, files that wait at providers, opt-outs, shared tokens, ways of an outgoing message."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "opt_out",
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("recipient_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel", "recipient_hash", name=op.f("pk_opt_out")),
    )
    op.create_table(
        "provider_token",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_provider_token")),
    )
    op.create_table(
        "conversation_signal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("external_id", sa.String(length=160), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=255), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"], name=op.f("fk_conversation_signal_conversation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation_signal")),
        sa.UniqueConstraint("channel", "external_id", name=op.f("uq_conversation_signal_channel_external_id")),
    )
    with op.batch_alter_table("conversation_signal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_conversation_signal_conversation_id"), ["conversation_id"], unique=False)

    op.create_table(
        "pending_media",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("reference", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_pending_media_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_media")),
    )
    with op.batch_alter_table("pending_media", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pending_media_message_id"), ["message_id"], unique=False)
        batch_op.create_index(
            "ix_pending_media_open",
            ["created_at"],
            unique=False,
            postgresql_where=sa.text("settled_at IS NULL"),
            sqlite_where=sa.text("settled_at IS NULL"),
        )

    with op.batch_alter_table("conversation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("left_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("outgoing_message", schema=None) as batch_op:
        batch_op.add_column(sa.Column("gateway", sa.String(length=24), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("recipient_hash", sa.LargeBinary(length=32), nullable=True))
        batch_op.add_column(sa.Column("values", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("message_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("instead_of_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f("ix_outgoing_message_contact_id"), ["contact_id"], unique=False)
        batch_op.create_index(
            "ix_outgoing_message_due",
            ["next_try_at"],
            unique=False,
            postgresql_where=sa.text("delivery = 'waiting'"),
            sqlite_where=sa.text("delivery = 'waiting'"),
        )
        batch_op.create_index(batch_op.f("ix_outgoing_message_provider_id"), ["provider_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_outgoing_message_recipient_hash_created_at"), ["recipient_hash", "created_at"], unique=False
        )
        batch_op.create_unique_constraint(batch_op.f("uq_outgoing_message_instead_of_id"), ["instead_of_id"])
        batch_op.create_foreign_key(batch_op.f("fk_outgoing_message_message_id"), "message", ["message_id"], ["id"])
        batch_op.create_foreign_key(
            batch_op.f("fk_outgoing_message_instead_of_id"), "outgoing_message", ["instead_of_id"], ["id"]
        )
    with op.batch_alter_table("outgoing_message", schema=None) as batch_op:
        batch_op.alter_column("gateway", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("outgoing_message", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_outgoing_message_instead_of_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_outgoing_message_message_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("uq_outgoing_message_instead_of_id"), type_="unique")
        batch_op.drop_index(batch_op.f("ix_outgoing_message_recipient_hash_created_at"))
        batch_op.drop_index(batch_op.f("ix_outgoing_message_provider_id"))
        batch_op.drop_index(
            "ix_outgoing_message_due",
            postgresql_where=sa.text("delivery = 'waiting'"),
            sqlite_where=sa.text("delivery = 'waiting'"),
        )
        batch_op.drop_index(batch_op.f("ix_outgoing_message_contact_id"))
        batch_op.drop_column("next_try_at")
        batch_op.drop_column("tried_at")
        batch_op.drop_column("instead_of_id")
        batch_op.drop_column("message_id")
        batch_op.drop_column("values")
        batch_op.drop_column("recipient_hash")
        batch_op.drop_column("gateway")

    with op.batch_alter_table("conversation", schema=None) as batch_op:
        batch_op.drop_column("left_at")
        batch_op.drop_column("heard_at")

    with op.batch_alter_table("pending_media", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_pending_media_open", postgresql_where=sa.text("settled_at IS NULL"), sqlite_where=sa.text("settled_at IS NULL")
        )
        batch_op.drop_index(batch_op.f("ix_pending_media_message_id"))

    op.drop_table("pending_media")
    with op.batch_alter_table("conversation_signal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_conversation_signal_conversation_id"))

    op.drop_table("conversation_signal")
    op.drop_table("provider_token")
    op.drop_table("opt_out")
