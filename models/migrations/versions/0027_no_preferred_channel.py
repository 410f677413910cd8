"""The channel that a citizen prefers was never asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("citizen", "preferred_channel")


def downgrade() -> None:
    op.add_column("citizen", sa.Column("preferred_channel", sa.String(length=16), nullable=True))
