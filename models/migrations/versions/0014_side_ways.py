"""Side ways: the door of what is not ours, corrections, orders pushed to the police platform, numbers not served for a time."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

WAITING, PROPOSED = "state = 'waiting'", "state = 'proposed'"


def upgrade() -> None:
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.add_column(sa.Column("door", sa.String(length=32), server_default="", nullable=False))
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.add_column(sa.Column("void_code", sa.String(length=16), server_default="", nullable=False))
    op.create_table(
        "correction",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("field", sa.String(length=16), nullable=False),
        sa.Column("was", sa.LargeBinary(), nullable=False),
        sa.Column("became", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["case_event.id"], name=op.f("fk_correction_event_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_correction")),
    )
    _create_pushes()
    _create_refusals()


def _create_pushes() -> None:
    op.create_table(
        "police_push",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=False),
        sa.Column("receipt", sa.String(length=64), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_police_push_case_id")),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_police_push_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_police_push")),
    )
    with op.batch_alter_table("police_push", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_police_push_case_id"), ["case_id"], unique=False)
        where = sa.text(WAITING)
        batch_op.create_index("ix_police_push_waiting", ["next_try_at"], unique=False, postgresql_where=where, sqlite_where=where)


def _create_refusals() -> None:
    op.create_table(
        "number_refusal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sender_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sender", sa.LargeBinary(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("nuisances", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("proposed_by_id", sa.Uuid(), nullable=False),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_note", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("turned_away", sa.Integer(), nullable=False),
        sa.Column("appeal", sa.LargeBinary(), nullable=True),
        sa.Column("appealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("appeal_decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_number_refusal_contact_id")),
        *(
            sa.ForeignKeyConstraint([person], ["staff.id"], name=op.f(f"fk_number_refusal_{person}"))
            for person in ("proposed_by_id", "decided_by_id", "lifted_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_number_refusal")),
    )
    with op.batch_alter_table("number_refusal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_number_refusal_sender_hash_until"), ["sender_hash", "until"], unique=False)
        where = sa.text(PROPOSED)
        batch_op.create_index("uq_number_refusal_open", ["sender_hash"], unique=True, postgresql_where=where, sqlite_where=where)


def downgrade() -> None:
    op.drop_table("number_refusal")
    op.drop_table("police_push")
    op.drop_table("correction")
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.drop_column("void_code")
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.drop_column("door")
