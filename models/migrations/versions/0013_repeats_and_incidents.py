"""Incidents over the cases of several citizens, their news, and contacts that came back about a case."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

NOW = sa.text("left_at IS NULL AND answered_at IS NULL")
OPEN = sa.text("ended_at IS NULL")
FOLLOWS = sa.text("follows_id IS NOT NULL")


def upgrade() -> None:
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.add_column(sa.Column("follows_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("repeat_count", sa.Integer(), server_default="0", nullable=False))
        batch_op.create_index("ix_case_follows", ["follows_id"], unique=False, postgresql_where=FOLLOWS, sqlite_where=FOLLOWS)
    _incidents()
    op.create_table(
        "repeat",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_repeat_by_id")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_repeat_case_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_repeat_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repeat")),
        sa.UniqueConstraint("contact_id", "case_id", name=op.f("uq_repeat_contact_id_case_id")),
    )
    op.create_index(op.f("ix_repeat_case_id"), "repeat", ["case_id"], unique=False)


def downgrade() -> None:
    for table in ("repeat", "incident_update", "incident_case", "incident"):
        op.drop_table(table)
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.drop_index("ix_case_follows", postgresql_where=FOLLOWS, sqlite_where=FOLLOWS)
        batch_op.drop_column("repeat_count")
        batch_op.drop_column("follows_id")


def _incidents() -> None:
    op.create_table(
        "incident",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("category_code", sa.String(length=16), nullable=False),
        sa.Column("area_code", sa.String(length=32), nullable=False),
        sa.Column("lead_case_id", sa.Uuid(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("known_text", sa.Text(), nullable=False),
        sa.Column("known_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_count", sa.Integer(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_incident_by_id")),
        sa.ForeignKeyConstraint(["lead_case_id"], ["case.id"], name=op.f("fk_incident_lead_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index(op.f("ix_incident_created_at"), "incident", ["created_at"], unique=False)
    op.create_index(op.f("ix_incident_lead_case_id"), "incident", ["lead_case_id"], unique=False)
    op.create_index("ix_incident_open", "incident", ["area_code"], unique=False, postgresql_where=OPEN, sqlite_where=OPEN)
    op.create_table(
        "incident_case",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_by_id", sa.Uuid(), nullable=True),
        sa.Column("left_reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_incident_case_by_id")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_incident_case_case_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_incident_case_incident_id")),
        sa.ForeignKeyConstraint(["left_by_id"], ["staff.id"], name=op.f("fk_incident_case_left_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_case")),
    )
    op.create_index(op.f("ix_incident_case_case_id"), "incident_case", ["case_id"], unique=False)
    op.create_index(op.f("ix_incident_case_incident_id"), "incident_case", ["incident_id"], unique=False)
    op.create_index("uq_incident_case_now", "incident_case", ["case_id"], unique=True, postgresql_where=NOW, sqlite_where=NOW)
    op.create_table(
        "incident_update",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_incident_update_by_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_incident_update_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_update")),
        sa.UniqueConstraint("incident_id", "key", name=op.f("uq_incident_update_incident_id_key")),
    )
