"""Checks on the spot: whether a verdict was given there, and the photographs that belong to it."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("check", schema=None) as batch_op:
        batch_op.add_column(sa.Column("on_site", sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("check_id", sa.Uuid(), nullable=True))
        batch_op.create_index(batch_op.f("ix_attachment_check_id"), ["check_id"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_attachment_check_id"), "check", ["check_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_attachment_check_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_attachment_check_id"))
        batch_op.drop_column("check_id")
    with op.batch_alter_table("check", schema=None) as batch_op:
        batch_op.drop_column("on_site")
