"""Contacts, cases with their chained history, assignments."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "conversation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("sender_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sender", sa.LargeBinary(), nullable=False),
        sa.Column("citizen_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["citizen_id"], ["citizen.id"], name=op.f("fk_conversation_citizen_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation")),
        sa.UniqueConstraint("channel", "sender_hash", name=op.f("uq_conversation_channel_sender_hash")),
    )
    op.create_table(
        "contact",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(length=32), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("source", sa.String(length=24), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("citizen_id", sa.Uuid(), nullable=True),
        sa.Column("sender_kind", sa.String(length=16), nullable=False),
        sa.Column("sender_name", sa.LargeBinary(), nullable=True),
        sa.Column("number", sa.LargeBinary(), nullable=True),
        sa.Column("number_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("confidential", sa.Boolean(), nullable=False),
        sa.Column("consent", sa.String(length=32), nullable=False),
        sa.Column("wished_kind", sa.String(length=16), nullable=False),
        sa.Column("place_text", sa.LargeBinary(), nullable=True),
        sa.Column("grid_code", sa.String(length=32), nullable=True),
        sa.Column("urgency", sa.String(length=16), nullable=False),
        sa.Column("skill", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_by_id", sa.Uuid(), nullable=True),
        sa.Column("first_answer_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("concluded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("conclusion", sa.String(length=16), nullable=True),
        sa.Column("conclusion_note", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["citizen_id"], ["citizen.id"], name=op.f("fk_contact_citizen_id")),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"], name=op.f("fk_contact_conversation_id")),
        sa.ForeignKeyConstraint(["taken_by_id"], ["staff.id"], name=op.f("fk_contact_taken_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
        sa.UniqueConstraint("reference", name=op.f("uq_contact_reference")),
    )
    op.create_index(op.f("ix_contact_citizen_id"), "contact", ["citizen_id"], unique=False)
    op.create_index(op.f("ix_contact_conversation_id"), "contact", ["conversation_id"], unique=False)
    op.create_index(op.f("ix_contact_grid_code_created_at"), "contact", ["grid_code", "created_at"], unique=False)
    op.create_index(op.f("ix_contact_number_hash_created_at"), "contact", ["number_hash", "created_at"], unique=False)
    op.create_index(
        "ix_contact_open",
        "contact",
        ["taken_by_id"],
        unique=False,
        postgresql_where=sa.text("concluded_at IS NULL"),
        sqlite_where=sa.text("concluded_at IS NULL"),
    )
    op.create_index(op.f("ix_contact_received_at"), "contact", ["received_at"], unique=False)
    op.create_table(
        "case",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("matter", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_provisional", sa.Boolean(), nullable=False),
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("taxonomy_id", sa.Uuid(), nullable=False),
        sa.Column("request_type", sa.String(length=16), nullable=False),
        sa.Column("category_code", sa.String(length=16), nullable=False),
        sa.Column("urgency", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("object_name", sa.String(length=128), nullable=False),
        sa.Column("occurred", sa.String(length=128), nullable=False),
        sa.Column("place_text", sa.LargeBinary(), nullable=True),
        sa.Column("township_code", sa.String(length=32), nullable=True),
        sa.Column("community_code", sa.String(length=32), nullable=True),
        sa.Column("grid_code", sa.String(length=32), nullable=True),
        sa.Column("citizen_id", sa.Uuid(), nullable=True),
        sa.Column("requester_kind", sa.String(length=16), nullable=False),
        sa.Column("requester_name", sa.LargeBinary(), nullable=True),
        sa.Column("number_of_requester", sa.LargeBinary(), nullable=True),
        sa.Column("number_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("acting_for", sa.LargeBinary(), nullable=True),
        sa.Column("wants_callback", sa.Boolean(), nullable=False),
        sa.Column("confidential", sa.Boolean(), nullable=False),
        sa.Column("unit_summary", sa.Text(), nullable=False),
        sa.Column("lead_unit_id", sa.Uuid(), nullable=True),
        sa.Column("filed_by_id", sa.Uuid(), nullable=False),
        sa.Column("dispatch_count", sa.Integer(), nullable=False),
        sa.Column("rework_count", sa.Integer(), nullable=False),
        sa.Column("public_answer", sa.Text(), nullable=False),
        sa.Column("closure", sa.String(length=16), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["citizen_id"], ["citizen.id"], name=op.f("fk_case_citizen_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_case_contact_id")),
        sa.ForeignKeyConstraint(["filed_by_id"], ["staff.id"], name=op.f("fk_case_filed_by_id")),
        sa.ForeignKeyConstraint(["lead_unit_id"], ["unit.id"], name=op.f("fk_case_lead_unit_id")),
        sa.ForeignKeyConstraint(["profile_id"], ["rule.id"], name=op.f("fk_case_profile_id")),
        sa.ForeignKeyConstraint(["taxonomy_id"], ["taxonomy_version.id"], name=op.f("fk_case_taxonomy_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case")),
        sa.UniqueConstraint("number", name=op.f("uq_case_number")),
    )
    op.create_index(op.f("ix_case_citizen_id"), "case", ["citizen_id"], unique=False)
    op.create_index(op.f("ix_case_community_code_created_at"), "case", ["community_code", "created_at"], unique=False)
    op.create_index(op.f("ix_case_contact_id"), "case", ["contact_id"], unique=False)
    op.create_index(op.f("ix_case_lead_unit_id_status"), "case", ["lead_unit_id", "status"], unique=False)
    op.create_index(op.f("ix_case_number_hash_created_at"), "case", ["number_hash", "created_at"], unique=False)
    op.create_index(op.f("ix_case_status_due_at"), "case", ["status", "due_at"], unique=False)
    op.create_table(
        "assignment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("lead", sa.Boolean(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("dispatched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sign_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("contact_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contacted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_assignment_case_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["assignment.id"], name=op.f("fk_assignment_parent_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_assignment_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
    )
    op.create_index(op.f("ix_assignment_case_id"), "assignment", ["case_id"], unique=False)
    op.create_index(op.f("ix_assignment_unit_id_status_due_at"), "assignment", ["unit_id", "status", "due_at"], unique=False)
    op.create_table(
        "case_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_case_link_by_id")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_case_link_case_id")),
        sa.ForeignKeyConstraint(["other_id"], ["case.id"], name=op.f("fk_case_link_other_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_link")),
        sa.UniqueConstraint("case_id", "other_id", "kind", name=op.f("uq_case_link_case_id_other_id_kind")),
    )
    op.create_index(op.f("ix_case_link_case_id"), "case_link", ["case_id"], unique=False)
    op.create_index(op.f("ix_case_link_other_id"), "case_link", ["other_id"], unique=False)
    op.create_table(
        "answer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("public_text", sa.Text(), nullable=False),
        sa.Column("internal_note", sa.Text(), nullable=False),
        sa.Column("closure", sa.String(length=16), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignment.id"], name=op.f("fk_answer_assignment_id")),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_answer_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer")),
    )
    op.create_index(op.f("ix_answer_assignment_id"), "answer", ["assignment_id"], unique=False)
    op.create_table(
        "case_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=True),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(length=24), nullable=False),
        sa.Column("from_status", sa.String(length=16), nullable=True),
        sa.Column("to_status", sa.String(length=16), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("by_role", sa.String(length=32), nullable=True),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("note_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignment.id"], name=op.f("fk_case_event_assignment_id")),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_case_event_by_id")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_case_event_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_event")),
        sa.UniqueConstraint("case_id", "key", name=op.f("uq_case_event_case_id_key")),
        sa.UniqueConstraint("case_id", "serial", name=op.f("uq_case_event_case_id_serial")),
    )
    op.create_index(op.f("ix_case_event_at"), "case_event", ["at"], unique=False)
    op.create_table(
        "mark",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cleared_reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignment.id"], name=op.f("fk_mark_assignment_id")),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_mark_by_id")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_mark_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mark")),
    )
    op.create_index(op.f("ix_mark_case_id"), "mark", ["case_id"], unique=False)
    op.create_table(
        "request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason_code", sa.String(length=32), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("proposed_unit_id", sa.Uuid(), nullable=True),
        sa.Column("asked_by_id", sa.Uuid(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["asked_by_id"], ["staff.id"], name=op.f("fk_request_asked_by_id")),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignment.id"], name=op.f("fk_request_assignment_id")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_request_case_id")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["staff.id"], name=op.f("fk_request_decided_by_id")),
        sa.ForeignKeyConstraint(["proposed_unit_id"], ["unit.id"], name=op.f("fk_request_proposed_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request")),
    )
    op.create_index(op.f("ix_request_assignment_id"), "request", ["assignment_id"], unique=False)
    op.create_index(op.f("ix_request_case_id"), "request", ["case_id"], unique=False)
    op.create_index(op.f("ix_request_state_kind"), "request", ["state", "kind"], unique=False)
    op.create_index(
        "uq_request_open",
        "request",
        ["case_id", "kind"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "event_note",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["case_event.id"], name=op.f("fk_event_note_event_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event_note")),
    )

    _refuse_changes("case_event")


def downgrade() -> None:
    _allow_changes("case_event")
    op.drop_table("event_note")
    op.drop_index(
        "uq_request_open",
        table_name="request",
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )
    op.drop_index(op.f("ix_request_state_kind"), table_name="request")
    op.drop_index(op.f("ix_request_case_id"), table_name="request")
    op.drop_index(op.f("ix_request_assignment_id"), table_name="request")
    op.drop_table("request")
    op.drop_index(op.f("ix_mark_case_id"), table_name="mark")
    op.drop_table("mark")
    op.drop_index(op.f("ix_case_event_at"), table_name="case_event")
    op.drop_table("case_event")
    op.drop_index(op.f("ix_answer_assignment_id"), table_name="answer")
    op.drop_table("answer")
    op.drop_index(op.f("ix_case_link_other_id"), table_name="case_link")
    op.drop_index(op.f("ix_case_link_case_id"), table_name="case_link")
    op.drop_table("case_link")
    op.drop_index(op.f("ix_assignment_unit_id_status_due_at"), table_name="assignment")
    op.drop_index(op.f("ix_assignment_case_id"), table_name="assignment")
    op.drop_table("assignment")
    op.drop_index(op.f("ix_case_status_due_at"), table_name="case")
    op.drop_index(op.f("ix_case_number_hash_created_at"), table_name="case")
    op.drop_index(op.f("ix_case_lead_unit_id_status"), table_name="case")
    op.drop_index(op.f("ix_case_contact_id"), table_name="case")
    op.drop_index(op.f("ix_case_community_code_created_at"), table_name="case")
    op.drop_index(op.f("ix_case_citizen_id"), table_name="case")
    op.drop_table("case")
    op.drop_index(op.f("ix_contact_received_at"), table_name="contact")
    op.drop_index(
        "ix_contact_open",
        table_name="contact",
        postgresql_where=sa.text("concluded_at IS NULL"),
        sqlite_where=sa.text("concluded_at IS NULL"),
    )
    op.drop_index(op.f("ix_contact_number_hash_created_at"), table_name="contact")
    op.drop_index(op.f("ix_contact_grid_code_created_at"), table_name="contact")
    op.drop_index(op.f("ix_contact_conversation_id"), table_name="contact")
    op.drop_index(op.f("ix_contact_citizen_id"), table_name="contact")
    op.drop_table("contact")
    op.drop_table("conversation")


def _refuse_changes(table: str) -> None:
    """History is added to, never changed (design decision 14): the database itself says no."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"""CREATE FUNCTION {table}_is_history() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'rows of {table} are history: they are never changed'; END $$"""
        )
        op.execute(
            f"""CREATE TRIGGER {table}_is_history BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_history()"""
        )
        return
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"""CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table}
            BEGIN SELECT RAISE(ABORT, 'rows of {table} are history: they are never changed'); END"""
        )


def _allow_changes(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP TRIGGER {table}_is_history ON {table}")
        op.execute(f"DROP FUNCTION {table}_is_history()")
        return
    for action in ("UPDATE", "DELETE"):
        op.execute(f"DROP TRIGGER {table}_no_{action.lower()}")
