"""Asking citizens: one plan for each close and its tries; rulings on those who are not content, control calls, signs of pressure."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pressure_sign",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("survey_ids", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_by_id", sa.Uuid(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["seen_by_id"], ["staff.id"], name=op.f("fk_pressure_sign_seen_by_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_pressure_sign_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pressure_sign")),
        sa.UniqueConstraint("kind", "key", name=op.f("uq_pressure_sign_kind_key")),
    )
    with op.batch_alter_table("pressure_sign", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pressure_sign_unit_id"), ["unit_id"], unique=False)

    op.create_table(
        "control_call",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("survey_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("finding", sa.String(length=16), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_control_call_by_id")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_control_call_case_id")),
        sa.ForeignKeyConstraint(["survey_id"], ["survey.id"], name=op.f("fk_control_call_survey_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_control_call")),
        sa.UniqueConstraint("survey_id", name=op.f("uq_control_call_survey_id")),
    )
    with op.batch_alter_table("control_call", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_control_call_case_id"), ["case_id"], unique=False)
        batch_op.create_index(
            "ix_control_call_open",
            ["created_at"],
            unique=False,
            postgresql_where=sa.text("finding IS NULL"),
            sqlite_where=sa.text("finding IS NULL"),
        )

    op.create_table(
        "answer_trace",
        sa.Column("answer_id", sa.Uuid(), nullable=False),
        sa.Column("origin_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("number_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["survey_answer.id"], name=op.f("fk_answer_trace_answer_id")),
        sa.PrimaryKeyConstraint("answer_id", name=op.f("pk_answer_trace")),
    )
    with op.batch_alter_table("answer_trace", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_answer_trace_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_answer_trace_origin_hash_at"), ["origin_hash", "at"], unique=False)

    op.create_table(
        "survey_plan",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("survey_id", sa.Uuid(), nullable=True),
        sa.Column("rule_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=True),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_survey_plan_case_id")),
        sa.ForeignKeyConstraint(["event_id"], ["case_event.id"], name=op.f("fk_survey_plan_event_id")),
        sa.ForeignKeyConstraint(["rule_id"], ["rule.id"], name=op.f("fk_survey_plan_rule_id")),
        sa.ForeignKeyConstraint(["survey_id"], ["survey.id"], name=op.f("fk_survey_plan_survey_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_plan")),
        sa.UniqueConstraint("event_id", name=op.f("uq_survey_plan_event_id")),
        sa.UniqueConstraint("survey_id", name=op.f("uq_survey_plan_survey_id")),
    )
    with op.batch_alter_table("survey_plan", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_survey_plan_case_id"), ["case_id"], unique=False)
        batch_op.create_index(
            "ix_survey_plan_due",
            ["next_at"],
            unique=False,
            postgresql_where=sa.text("state = 'open' AND next_at IS NOT NULL"),
            sqlite_where=sa.text("state = 'open' AND next_at IS NOT NULL"),
        )

    op.create_table(
        "survey_ruling",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("survey_id", sa.Uuid(), nullable=True),
        sa.Column("ruling", sa.String(length=16), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("ruled_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_survey_ruling_by_id")),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_survey_ruling_request_id")),
        sa.ForeignKeyConstraint(["survey_id"], ["survey.id"], name=op.f("fk_survey_ruling_survey_id")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_survey_ruling")),
    )
    with op.batch_alter_table("survey_ruling", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_survey_ruling_survey_id"), ["survey_id"], unique=False)

    op.create_table(
        "survey_attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("way", sa.String(length=16), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outgoing_id", sa.Uuid(), nullable=True),
        sa.Column("callback_id", sa.Uuid(), nullable=True),
        sa.Column("taken_by_id", sa.Uuid(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["callback_id"], ["callback.id"], name=op.f("fk_survey_attempt_callback_id")),
        sa.ForeignKeyConstraint(["outgoing_id"], ["outgoing_message.id"], name=op.f("fk_survey_attempt_outgoing_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["survey_plan.id"], name=op.f("fk_survey_attempt_plan_id")),
        sa.ForeignKeyConstraint(["taken_by_id"], ["staff.id"], name=op.f("fk_survey_attempt_taken_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_attempt")),
        sa.UniqueConstraint("callback_id", name=op.f("uq_survey_attempt_callback_id")),
        sa.UniqueConstraint("plan_id", "number", name=op.f("uq_survey_attempt_plan_id_number")),
    )
    with op.batch_alter_table("survey_attempt", schema=None) as batch_op:
        batch_op.create_index(
            "ix_survey_attempt_desk",
            ["way", "due_at"],
            unique=False,
            postgresql_where=sa.text("ended_at IS NULL"),
            sqlite_where=sa.text("ended_at IS NULL"),
        )
        batch_op.create_index(
            "uq_survey_attempt_running",
            ["plan_id"],
            unique=True,
            postgresql_where=sa.text("ended_at IS NULL"),
            sqlite_where=sa.text("ended_at IS NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("survey_attempt", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_survey_attempt_running", postgresql_where=sa.text("ended_at IS NULL"), sqlite_where=sa.text("ended_at IS NULL")
        )
        batch_op.drop_index(
            "ix_survey_attempt_desk", postgresql_where=sa.text("ended_at IS NULL"), sqlite_where=sa.text("ended_at IS NULL")
        )

    op.drop_table("survey_attempt")
    with op.batch_alter_table("survey_ruling", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_survey_ruling_survey_id"))

    op.drop_table("survey_ruling")
    with op.batch_alter_table("survey_plan", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_survey_plan_due",
            postgresql_where=sa.text("state = 'open' AND next_at IS NOT NULL"),
            sqlite_where=sa.text("state = 'open' AND next_at IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_survey_plan_case_id"))

    op.drop_table("survey_plan")
    with op.batch_alter_table("answer_trace", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_answer_trace_origin_hash_at"))
        batch_op.drop_index(batch_op.f("ix_answer_trace_at"))

    op.drop_table("answer_trace")
    with op.batch_alter_table("control_call", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_control_call_open", postgresql_where=sa.text("finding IS NULL"), sqlite_where=sa.text("finding IS NULL")
        )
        batch_op.drop_index(batch_op.f("ix_control_call_case_id"))

    op.drop_table("control_call")
    with op.batch_alter_table("pressure_sign", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pressure_sign_unit_id"))

    op.drop_table("pressure_sign")
