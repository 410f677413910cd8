"""What came from a system that the city had before, and its old numbers."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "import",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("recordings", sa.Integer(), nullable=False),
        sa.Column("taken_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_back_by_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_import_by_id")),
        sa.ForeignKeyConstraint(["taken_back_by_id"], ["staff.id"], name=op.f("fk_import_taken_back_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import")),
    )
    op.create_table(
        "imported_case",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("old_number", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_imported_case_case_id")),
        sa.ForeignKeyConstraint(["import_id"], ["import.id"], name=op.f("fk_imported_case_import_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_imported_case")),
        sa.UniqueConstraint("source", "old_number", name=op.f("uq_imported_case_source_old_number")),
    )
    op.create_index(op.f("ix_imported_case_import_id"), "imported_case", ["import_id"])
    op.create_index(op.f("ix_imported_case_old_number"), "imported_case", ["old_number"])


def downgrade() -> None:
    op.drop_table("imported_case")
    op.drop_table("import")
